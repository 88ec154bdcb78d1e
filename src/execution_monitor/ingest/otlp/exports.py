"""Exports: the spans or log records of a request are decoded and mapped in slices, between which others have turns."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterator

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from execution_monitor.ingest.http.requests import IngestRequest
from execution_monitor.ingest.otlp.decoding import Decoded
from execution_monitor.ingest.otlp.held import HeldReports, take_out
from execution_monitor.ingest.otlp.mapping import Batch, Mapper
from execution_monitor.ingest.otlp.rejections import Rejections
from execution_monitor.ingest.writer.facts import Facts

# Between two turns of the event loop.
_SLICE_SECONDS = 0.005
# What is mapped before it is stored: more would be held in memory many times over, and the garbage collector would
# stop everything else to look through it.
_RECORDS_AT_ONCE = 2_000


class Exports:
    """Stores what requests export."""

    def __init__(self, mapper: Mapper, held: HeldReports, begin: Callable[[], Facts]) -> None:
        self._mapper = mapper
        self._held = held
        self._begin = begin
        # One request at a time is mapped: the slices of many would add up to long ones.
        self._turn = asyncio.Lock()

    async def store_spans(self, received: IngestRequest, spans: Iterator[Decoded[Span]]) -> Rejections:
        """Store `spans`.

        Raises:
            ExecutionMonitorError: the spans cannot be read, or not be stored now.
        """
        return await self._store(received, "spans", lambda batch: (batch.add_span(each) for each in spans))

    async def store_records(self, received: IngestRequest, records: Iterator[Decoded[LogRecord]]) -> Rejections:
        """Store log records, likewise."""
        return await self._store(received, "logRecords", lambda batch: (batch.add_record(each) for each in records))

    async def _store(self, received: IngestRequest, unit: str, add_to: Callable[[Batch], Iterator[None]]) -> Rejections:
        rejections = Rejections()
        is_complete = False
        while not is_complete:
            batch = Batch(self._mapper, self._begin(), rejections)
            async with self._turn:
                is_complete = await _take(add_to(batch))
            await self._store_batch(received, unit, batch)
        return rejections

    async def _store_batch(self, received: IngestRequest, unit: str, batch: Batch) -> None:
        facts, matched = batch.complete(), batch.matched
        unmatched = set(batch.records) - matched
        existing = await self._held.existing(received.caller, unmatched)
        aside = take_out(facts, unmatched - existing, self._begin())
        stored = await received.store(facts, {unit: batch.total})
        batch.reject_refused(stored)
        await self._held.keep(received.caller, aside)
        late = await self._held.existing(received.caller, unmatched - existing)
        if not self._mapper.roots.takes_all:
            await self._store_held(received, matched | late)

    async def _store_held(self, received: IngestRequest, execution_ids: Collection[str]) -> None:
        found = await self._held.find(received.caller, execution_ids, self._begin())
        if found.ids:
            await received.ingest.store(received.caller, found.facts)
            await self._held.forget(found)


def _points(metric: Metric | None) -> int:
    kind = None if metric is None else metric.WhichOneof("data")
    return 1 if kind is None else len(getattr(metric, kind).data_points)


async def _take(steps: Iterator[None]) -> bool:
    """Take up to `_RECORDS_AT_ONCE` steps, in slices; whether those were all."""
    began = time.perf_counter()
    for count, _ in enumerate(steps, start=1):
        if count == _RECORDS_AT_ONCE:
            return False
        if time.perf_counter() - began > _SLICE_SECONDS:
            await asyncio.sleep(0)
            began = time.perf_counter()
    return True

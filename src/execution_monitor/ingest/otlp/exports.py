"""Exports: the spans or log records of a request are decoded and mapped in slices, between which others have turns."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TypeVar

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from pymongo.errors import PyMongoError

from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.ingest.http.requests import IngestRequest
from execution_monitor.ingest.otlp.decoding import (
    LOG_RECORDS,
    METRICS,
    SPANS,
    Decoded,
    Record,
    Signal,
    check_json,
    decode_json,
    decode_protobuf,
)
from execution_monitor.ingest.otlp.held import HeldReports, take_out
from execution_monitor.ingest.otlp.mapping import Batch, Mapper
from execution_monitor.ingest.otlp.nested_calls import take_off_stored, take_off_within
from execution_monitor.ingest.otlp.rejections import Rejections
from execution_monitor.ingest.otlp.responses import JSON
from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.mongodb_errors import explain
from execution_monitor.turns import Turns

Reply = TypeVar("Reply")

_REPLY_MS = 10_000
# What is mapped before it is stored: more would be held in memory many times over, and the garbage collector would
# stop everything else to look through it.
_RECORDS_AT_ONCE = 1_000
# Of one request: half of the points that a caller has in a minute. One that needs more could be sent again for ever.
_MAX_RECORDS = 50_000


class Exports:
    """Stores what requests export."""

    def __init__(self, mapper: Mapper, database: Database, begin: Callable[[], Facts]) -> None:
        self._mapper = mapper
        self._database = database
        self._held = HeldReports(database)
        self._begin = begin
        # One request at a time is mapped: the slices of many would add up to long ones.
        self._turn = asyncio.Lock()

    async def store_spans(self, received: IngestRequest) -> Rejections:
        """Store the spans of a request.

        Raises:
            ExecutionMonitorError: they cannot be read, or not be stored now.
        """
        return await self._store(received, SPANS, Batch.add_span, "spans")

    async def store_records(self, received: IngestRequest) -> Rejections:
        """Store the log records of a request, likewise."""
        return await self._store(received, LOG_RECORDS, Batch.add_record, "logRecords")

    async def count_points(self, received: IngestRequest) -> int:
        """How many data points the metrics of a request have; a broken metric counts as one."""
        counts: list[int] = []
        metrics = (counts.append(_points(each.record)) for each in _decode(METRICS, received))
        async with self._turn:
            while not await _take(metrics):
                pass
        return sum(counts)

    async def _store(
        self,
        received: IngestRequest,
        signal: Signal[Record],
        add: Callable[[Batch, Decoded[Record]], None],
        unit: str,
    ) -> Rejections:
        rejections = Rejections()
        records = _decode(signal, received)
        if received.media_type == JSON:
            # What is not JSON in the end must not have been stored in part.
            checking = check_json(signal, received.content)
            async with self._turn:
                while not await _take(checking):
                    pass
        taken, is_complete = 0, False
        while not is_complete and taken < _MAX_RECORDS:
            batch = Batch(self._mapper, self._begin(), rejections)
            async with self._turn:
                is_complete = await _take(add(batch, each) for each in records)
            taken += batch.total
            await self._store_batch(received, unit, batch)
        left: list[None] = []
        async with self._turn:
            while not is_complete:
                is_complete = await _take(left.append(None) for _ in records)
        if left:
            rejections.add(len(left), f"a request may have {_MAX_RECORDS:,} {unit}; export smaller batches")
        return rejections

    async def _store_batch(self, received: IngestRequest, unit: str, batch: Batch) -> None:
        caller, facts, matched = received.caller, batch.complete(), batch.matched
        unmatched = set(batch.records) - matched
        existing = await _reply(partial(self._held.existing, caller, unmatched))
        aside = take_out(facts, unmatched - existing, self._begin())
        take_off_within(facts)
        stored = await received.store(facts, {unit: batch.total})
        batch.reject_refused(stored)
        await _reply(partial(self._held.keep, caller, aside))
        late = await _reply(partial(self._held.existing, caller, unmatched - existing))
        sought = frozenset[str]() if self._mapper.roots.takes_all else matched | late
        found, _ = await asyncio.gather(
            _reply(partial(self._held.find, caller, sought, self._begin())),
            self._take_off_nested_calls(received, facts),
        )
        if found.ids:
            take_off_within(found.facts)
            await received.ingest.store(caller, found.facts)
            await self._take_off_nested_calls(received, found.facts)
            await _reply(partial(self._held.forget, found))

    async def _take_off_nested_calls(self, received: IngestRequest, stored: Facts) -> None:
        nested = await _reply(partial(take_off_stored, self._database, received.caller, stored, self._begin()))
        if nested.steps:
            await received.ingest.store(received.caller, nested)


async def _reply(send: Callable[[], Awaitable[Reply]]) -> Reply:
    """The reply of MongoDB to what is sent; raises `DatabaseUnavailable` where there is none."""
    try:
        return await await_reply(send(), _REPLY_MS)
    except PyMongoError as error:
        raise DatabaseUnavailable(explain(error)) from error


def _decode(signal: Signal[Record], received: IngestRequest) -> Iterator[Decoded[Record]]:
    decode = decode_json if received.media_type == JSON else decode_protobuf
    return decode(signal, received.content)


def _points(metric: Metric | None) -> int:
    kind = None if metric is None else metric.WhichOneof("data")
    return 1 if kind is None else len(getattr(metric, kind).data_points)


async def _take(steps: Iterator[None]) -> bool:
    """Take up to `_RECORDS_AT_ONCE` steps, in turns; whether those were all."""
    turns = Turns()
    for count, _ in enumerate(steps, start=1):
        if count == _RECORDS_AT_ONCE:
            return False
        await turns.give_way()
    return True

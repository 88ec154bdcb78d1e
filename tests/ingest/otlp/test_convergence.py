"""Exports into a real MongoDB: the same documents whatever the order, the repetition, and the processes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from execution_monitor.asgi.operations import Observers
from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.ingest.http.requests import IngestRequest
from execution_monitor.ingest.otlp.exports import Exports
from execution_monitor.ingest.otlp.mapping import Mapper
from execution_monitor.ingest.otlp.price_table import Price
from execution_monitor.ingest.otlp.prices import Prices
from execution_monitor.ingest.otlp.rejections import Rejections
from execution_monitor.ingest.otlp.responses import PROTOBUF
from execution_monitor.ingest.otlp.root_rules import DEFAULT_ROOTS
from execution_monitor.ingest.otlp.roots import Roots
from execution_monitor.ingest.redaction import Redaction
from execution_monitor.ingest.service import Ingest
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import DOCUMENTS, Execution, Step
from execution_monitor.storage.server_documents import HeldReport
from tests.ingest.otlp.otlp_requests import (
    CHILD,
    GRANDCHILD,
    ROOT,
    captured,
    logs,
    record,
    single,
    span,
    traces,
)
from tests.ingest.writer.reports import stored_documents
from tests.storage.strategies import bounded
from tests.support.services import request_services

WRITER = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_WRITE}))
MAPPER = Mapper(Roots.parse(DEFAULT_ROOTS), Prices({"*": Price(input=1, output=2)}), keeps_payloads=True)


def call(span_id: bytes, parent: bytes, tokens: int, **options: Any) -> Span:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "m",
        "gen_ai.usage.input_tokens": tokens,
        "gen_ai.usage.output_tokens": 0,
    }
    return span(span_id, parent, "chat", attributes=attributes, **options)


# An agent within a web request. Two libraries instrument its call of a model, and a third the client of that.
CHAT = [
    traces(span(ROOT, name="POST /chat", kind=Span.SPAN_KIND_SERVER)),
    traces(span(b"agent-id", ROOT, "invoke_agent", attributes={"gen_ai.operation.name": "invoke_agent"}, begin=1)),
    traces(call(CHILD, b"agent-id", 30, begin=2)),
    traces(call(GRANDCHILD, CHILD, 30, begin=3)),
    traces(call(b"innermos", GRANDCHILD, 30, begin=4)),
    traces(call(b"another.", b"agent-id", 12, begin=5)),
    traces(span(b"query-id", b"agent-id", "SELECT", kind=Span.SPAN_KIND_CLIENT)),
    logs(record("asked", span_id=b"query-id")),
]
RUNS = {"chat": CHAT, **{name: single(captured(name)) for name in ("invoices", "invoices_failed", "agent")}}


class Process:
    """What one process has of the ingest of OTLP."""

    def __init__(self, database: Database) -> None:
        self._ingest = Ingest(database, Redaction(keeps_payloads=True).clean)
        self._exports = Exports(MAPPER, database, self._ingest.begin)

    async def export(self, requests: Sequence[Message]) -> None:
        """Store what the requests have, those of spans and those of log records together."""
        await self._export(requests, traces(), self._exports.store_spans)
        await self._export(requests, logs(), self._exports.store_records)

    async def _export(
        self,
        requests: Sequence[Message],
        merged: Message,
        store: Callable[[IngestRequest], Awaitable[Rejections]],
    ) -> None:
        merged.Clear()
        for request in requests:
            if type(request) is type(merged):
                merged.MergeFrom(request)
        services = request_services(observers=Observers(), ingest=self._ingest)
        origin = Origin("127.0.0.1", None, "request")
        body = merged.SerializeToString()
        received = IngestRequest(WRITER, origin, "export", PROTOBUF, body, services, self._ingest)
        assert (await store(received)).message == ""


async def empty(database: Database) -> None:
    for document in (*DOCUMENTS, HeldReport):
        await database.collection(document).delete_many({})


@pytest.mark.parametrize("name", RUNS)
@bounded(max_examples=24)
@given(data=st.data())
async def test_spans_in_any_order_repeated_over_several_processes_and_cut_off_store_the_same(
    database: Database, name: str, data: st.DataObject
):
    await empty(database)
    await Process(database).export(RUNS[name])
    expected = await stored_documents(database)

    await empty(database)
    arrival = data.draw(st.permutations([*RUNS[name], *RUNS[name][:3]]), label="arrival")
    size = data.draw(st.integers(1, 4), label="size")
    batches = [arrival[start : start + size] for start in range(0, len(arrival), size)]
    processes = [Process(database) for _ in range(3)]
    if data.draw(st.booleans(), label="at once"):
        await asyncio.gather(*(processes[place % 3].export(batch) for place, batch in enumerate(batches)))
    else:
        for place, batch in enumerate(batches):
            attempt = asyncio.create_task(processes[place % 3].export(batch))
            for _ in range(data.draw(st.integers(0, 60), label="turns")):
                await asyncio.sleep(0)
            attempt.cancel()
            with suppress(asyncio.CancelledError):
                await attempt
            # The client sends it again.
            await processes[(place + 1) % 3].export(batch)

    assert await stored_documents(database) == expected
    assert await database.collection(HeldReport).count_documents({}) == 0


async def test_nested_calls_count_once(database: Database):
    await Process(database).export(CHAT)
    (execution,) = await database.collection(Execution).find().to_list()
    assert (execution["tokens_used"], execution["workflow_name"]) == (42, "invoke_agent")
    assert execution["total_cost"] == pytest.approx(42e-6)
    steps = {each["step_id"]: each async for each in database.collection(Step).find()}
    counted = {step_id: each["tokens_used"] for step_id, each in steps.items() if each.get("tokens_used")}
    assert counted == {b"another.".hex(): 12, b"innermos".hex(): 30}
    # What each reported is shown, though it does not count.
    assert steps[CHILD.hex()]["input_tokens"] == 30


@pytest.mark.parametrize("name", RUNS)
async def test_what_is_sent_again_changes_nothing(database: Database, name: str):
    process = Process(database)
    await process.export(RUNS[name])
    before = await database.collection(Execution).find().to_list(), await database.collection(Step).find().to_list()
    for request in RUNS[name]:
        await process.export([request])
    after = await database.collection(Execution).find().to_list(), await database.collection(Step).find().to_list()
    assert after == before


async def test_a_run_is_seen_before_its_root_ends(database: Database):
    process = Process(database)
    await process.export([traces(call(CHILD, ROOT, 12), service="travel")])
    (running,) = await database.collection(Execution).find().to_list()
    assert (running["workflow_name"], running["status"], running["tokens_used"]) == ("travel", "running", 12)
    assert "completed_at" not in running
    await process.export([traces(span(name="plan a trip", begin=-500, end=5_000), service="travel")])
    (ended,) = await database.collection(Execution).find().to_list()
    assert (ended["workflow_name"], ended["status"], ended["total_duration"]) == ("plan a trip", "completed", 5.5)
    assert ended["created"] == ended["started_at"] < running["created"]

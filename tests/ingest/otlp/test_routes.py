"""Requests of OTLP/HTTP: what is answered in which encoding, what is stored, and what is kept aside."""

import asyncio
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from itertools import count, permutations
from operator import methodcaller
from typing import Any

import pytest
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pymongo.errors import AutoReconnect
from starlette.applications import Starlette
from typing_extensions import override

from execution_monitor.asgi.operations import Observers
from execution_monitor.asgi.origin import Origin
from execution_monitor.audit.redaction import show_arguments
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import ExecutionMonitorError, RateLimited, ServerBusy, Unauthenticated
from execution_monitor.ingest.http.requests import IngestRequests
from execution_monitor.ingest.otlp.exports import Exports
from execution_monitor.ingest.otlp.held import HeldReports
from execution_monitor.ingest.otlp.mapping import Mapper
from execution_monitor.ingest.otlp.prices import Prices
from execution_monitor.ingest.otlp.root_rules import DEFAULT_ROOTS
from execution_monitor.ingest.otlp.roots import Roots
from execution_monitor.ingest.otlp.routes import otlp_routes
from execution_monitor.ingest.service import Ingest, Stored
from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.server_documents import HeldReport
from tests.graphql.recording_observer import RecordingObserver
from tests.ingest.otlp.otlp_requests import (
    CHILD,
    GRANDCHILD,
    LOGS,
    ROOT,
    TRACE,
    TRACES,
    as_json,
    captured,
    logs,
    record,
    span,
    traces,
)
from tests.support.raw_http import HttpResponse, MemoryConnection
from tests.support.services import request_services

METRICS = "/v1/metrics"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
LIMIT = 1_000_000
WRITER = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_WRITE}))
EXECUTION = TRACE.hex()


@dataclass
class Remembering(Ingest):
    """Joins what it is to store, and stores the executions alone; refuses those that a test names."""

    database: Database
    facts: Facts = field(default_factory=lambda: Facts(lambda _, value: value))
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    failure: ExecutionMonitorError | None = None

    @override
    def begin(self) -> Facts:
        return Facts(lambda _, value: value)

    @override
    async def store(self, caller: Caller, facts: Facts) -> Stored:
        if self.failure is not None:
            raise self.failure
        self.facts.join(facts)
        for execution_id in facts.execution_ids:
            found = {"tenant_id": caller.tenant, "user_id": caller.subject, "execution_id": execution_id}
            await self.database.collection(Execution).update_one(found, {"$set": found}, upsert=True)
        return Stored(frozenset(facts.execution_ids), {key: self.refused[key] for key in self.refused})


@dataclass
class Server:
    """The routes of OTLP, in memory."""

    ingest: Remembering
    roots: tuple[str, ...] = DEFAULT_ROOTS
    caller: Caller = WRITER
    exhausted: RateLimited | None = None
    observer: RecordingObserver = field(default_factory=RecordingObserver)

    async def post(self, path: str, body: bytes | Message | dict[str, Any], **headers: str) -> HttpResponse:
        content, media_type = body, PROTOBUF
        if isinstance(content, Message):
            content = content.SerializeToString()
        elif isinstance(content, dict):
            content, media_type = json.dumps(content).encode(), JSON
        sent = {"Host": "localhost", "Authorization": "Bearer em_1", "Content-Type": media_type}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = "".join(f"{name}: {each}\r\n" for name, each in {**sent, "Content-Length": str(len(content))}.items())
        connection = self._connect()
        connection.feed(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + content)
        (response,) = await connection.answers()
        return response

    def _connect(self) -> MemoryConnection:
        services = request_services(
            admit=self._admit, observers=Observers(self.observer), refuse_exhausted=self._refuse_exhausted
        )
        requests = IngestRequests(services, self.ingest, origins=[], max_body_bytes=LIMIT)
        mapper = Mapper(Roots.parse(self.roots), Prices({}), keeps_payloads=True)
        exports = Exports(mapper, self.ingest.database, self.ingest.begin)
        return MemoryConnection(Starlette(routes=otlp_routes(requests, exports)))

    async def _admit(self, headers: Mapping[str, str], _: Origin) -> Caller:
        if headers.get("authorization") != "Bearer em_1":
            raise Unauthenticated("Send a token.")
        return self.caller

    def _refuse_exhausted(self, _: Caller, __: Origin) -> None:
        if self.exhausted is not None:
            raise self.exhausted

    @property
    def stored(self) -> set[str]:
        """The names of the steps that are stored."""
        return {each.registers["span"].fields["step_name"] for each in self.ingest.facts.steps.values()}

    async def held(self) -> int:
        return await self.ingest.database.collection(HeldReport).count_documents({})


@pytest.fixture
async def server(database: Database) -> Server:
    return Server(Remembering(database))


def partial_success(response: HttpResponse, kind: Callable[[], Any] = ExportTraceServiceResponse) -> Any:
    message = kind()
    message.ParseFromString(response.body)
    return message.partial_success


@pytest.mark.parametrize("name", ["invoices", "invoices_failed", "agent"])
async def test_what_clients_send_is_stored(server: Server, name: str):
    for request in captured(name):
        response = await server.post(request.path, request.body)
        assert (response.status, response.body) == (HTTPStatus.OK, b"")
    assert len(server.ingest.facts.executions) == 1
    assert len(server.stored) >= 3
    assert await server.held() == 0


async def test_a_response_has_the_encoding_of_its_request(server: Server):
    good, bad = traces(span(name="fine")), traces(span(trace=b"short"))
    in_protobuf = await server.post(TRACES, good)
    assert (in_protobuf.headers["content-type"], in_protobuf.body) == (PROTOBUF, b"")
    in_json = await server.post(TRACES, as_json(good))
    assert (in_json.headers["content-type"], in_json.json) == (JSON, {})
    problem = "Its trace_id must have 16 bytes, not all zero, and has 5."
    assert (await server.post(TRACES, as_json(bad))).json == {
        "partialSuccess": {"rejectedSpans": "1", "errorMessage": problem}
    }
    told = partial_success(await server.post(TRACES, bad))
    assert (told.rejected_spans, told.error_message) == (1, problem)


async def test_packed_bodies_are_stored(server: Server):
    body = gzip.compress(traces(span(name="packed")).SerializeToString())
    assert (await server.post(TRACES, body, Content_Encoding="gzip")).status == HTTPStatus.OK
    body = gzip.compress(json.dumps(as_json(logs(record("packed")))).encode())
    response = await server.post(LOGS, body, Content_Encoding="gzip", Content_Type=JSON)
    assert response.status == HTTPStatus.OK
    assert server.stored == {"packed"}
    assert [line.fields["message"] for line in server.ingest.facts.log_lines.values()] == ["packed"]


async def test_one_span_that_is_rejected_costs_no_other(server: Server):
    told = partial_success(await server.post(TRACES, traces(span(name="one"), span(b"shor"), span(CHILD, name="two"))))
    assert told.rejected_spans == 1
    assert server.stored == {"one", "two"}


async def test_log_records_without_a_trace_are_rejected(server: Server):
    told = partial_success(await server.post(LOGS, logs(record(trace=b""), record("kept"))), ExportLogsServiceResponse)
    assert told.rejected_log_records == 1
    assert told.error_message == "It has no trace_id, and so belongs to no execution."


async def test_spans_of_an_execution_that_is_refused_are_rejected(server: Server):
    server.ingest.refused = {EXECUTION: "This execution cannot be reported."}
    told = partial_success(await server.post(TRACES, traces(span(), span(CHILD, ROOT), span(trace=b"x" * 16))))
    assert (told.rejected_spans, told.error_message) == (2, "This execution cannot be reported.")


async def test_a_request_of_logs_at_the_address_of_traces_stores_nothing(server: Server):
    body = next(each.body for each in captured("invoices") if each.path == LOGS)
    told = partial_success(await server.post(TRACES, body))
    assert told.rejected_spans == 5
    assert server.ingest.facts.execution_ids == []
    assert await server.held() == 0


async def test_metrics_are_declined(server: Server):
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add()
    metric.gauge.data_points.add()
    metric.gauge.data_points.add()
    response = await server.post(METRICS, request)
    told = partial_success(response, ExportMetricsServiceResponse)
    assert (response.status, told.rejected_data_points) == (HTTPStatus.OK, 2)
    assert told.error_message.startswith("Metrics are not kept here")
    assert (await server.post(METRICS, as_json(request))).json["partialSuccess"]["rejectedDataPoints"] == "2"


@pytest.mark.parametrize(
    ("path", "body", "headers", "told"),
    [
        (TRACES, b"\xff\xff", {}, (HTTPStatus.BAD_REQUEST, 3)),
        (LOGS, b"\xff\xff", {}, (HTTPStatus.BAD_REQUEST, 3)),
        (METRICS, b"\xff\xff", {}, (HTTPStatus.BAD_REQUEST, 3)),
        (TRACES, b"", {"Authorization": "Bearer em_2"}, (HTTPStatus.UNAUTHORIZED, 16)),
        (TRACES, b"", {"Content_Type": "text/plain"}, (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 3)),
        (TRACES, b"", {"Content_Encoding": "br"}, (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, 3)),
        (TRACES, b"no gzip", {"Content_Encoding": "gzip"}, (HTTPStatus.BAD_REQUEST, 3)),
        (TRACES, b"x" * (LIMIT + 1), {}, (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 3)),
        (TRACES, gzip.compress(bytes(50 * LIMIT)), {"Content_Encoding": "gzip"}, (413, 3)),
        (TRACES, b"", {"Origin": "https://stranger.example"}, (HTTPStatus.FORBIDDEN, 7)),
    ],
)
async def test_errors_are_a_status_of_google_rpc(
    server: Server, path: str, body: bytes, headers: dict[str, str], told: tuple[int, int]
):
    response = await server.post(path, body, **headers)
    status = Status.FromString(response.body)
    assert (response.status, status.code) == told
    assert response.headers["content-type"] == PROTOBUF
    assert status.message


async def test_errors_of_requests_in_json_are_in_json(server: Server):
    response = await server.post(TRACES, b"{", Content_Type="application/json; charset=utf-8")
    assert (response.status, response.headers["content-type"]) == (HTTPStatus.BAD_REQUEST, JSON)
    assert response.json["code"] == 3
    assert response.json["message"].startswith("The body is not JSON: ")


async def test_who_may_not_write_is_refused(server: Server):
    server.caller = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ}))
    assert (await server.post(TRACES, traces(span()))).status == HTTPStatus.FORBIDDEN
    assert server.ingest.facts.execution_ids == []


@pytest.mark.parametrize("error", [ServerBusy("Later."), RateLimited("Later.", 7)])
async def test_clients_are_asked_to_send_again_later(server: Server, error: ExecutionMonitorError):
    server.ingest.failure = error
    response = await server.post(TRACES, traces(span()))
    # Some clients take 429 for final.
    assert response.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert int(response.headers["retry-after"]) > 0
    assert Status.FromString(response.body).code == 14


async def test_a_database_that_does_not_reply_is_no_error_of_the_request(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    async def fail(*_: object) -> None:
        raise AutoReconnect("gone")

    monkeypatch.setattr(HeldReports, "existing", fail)
    response = await server.post(TRACES, traces(QUERY))
    assert response.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert "retry-after" in response.headers


async def test_a_caller_without_points_is_asked_to_send_again_later(server: Server):
    server.exhausted = RateLimited("Later.", 7)
    response = await server.post(TRACES, traces(span()))
    assert (response.status, response.headers["retry-after"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "7")


async def test_json_that_breaks_off_stores_nothing(server: Server):
    body = json.dumps(as_json(traces(*(span(name=str(number)) for number in range(2_500))))).encode()
    assert (await server.post(TRACES, body[:-1], Content_Type=JSON)).status == HTTPStatus.BAD_REQUEST
    assert server.ingest.facts.execution_ids == []


async def test_a_batch_is_one_operation_that_costs_a_point_for_each_span(server: Server):
    await server.post(TRACES, traces(span(), span(CHILD, ROOT), span(b"shor")))
    operation, outcome = await server.observer.last()
    assert (operation.name, operation.cost) == ("exportTraces", 3)
    assert show_arguments(operation.arguments()) == {"exportTraces": {"spans": 3}}
    assert outcome.execution_ids == [EXECUTION]


async def test_a_large_export_is_mapped_in_slices_between_which_others_have_turns(
    server: Server, monkeypatch: pytest.MonkeyPatch
):
    # A clock by which each span takes a millisecond.
    milliseconds = count()
    monkeypatch.setattr("time.perf_counter", lambda: next(milliseconds) / 1_000)
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(take_turns())
    sent = traces(*(span(number.to_bytes(8, "big"), name=str(number)) for number in range(1, 3_001)))
    assert partial_success(await server.post(TRACES, sent)).rejected_spans == 0
    others.cancel()
    assert len(server.ingest.facts.steps) == 3_000
    # At most 6 spans a slice.
    assert turns > 3_000 / 7


SERVER = Span.SPAN_KIND_SERVER
REQUEST = span(name="GET /", kind=SERVER)
QUERY = span(CHILD, ROOT, "SELECT", kind=Span.SPAN_KIND_CLIENT)
CALL = span(GRANDCHILD, ROOT, "chat", attributes={"gen_ai.operation.name": "chat"})


async def test_a_web_request_becomes_no_execution(server: Server):
    await server.post(TRACES, traces(QUERY, REQUEST))
    await server.post(LOGS, logs(record("served")))
    assert server.ingest.facts.execution_ids == []
    assert await server.held() == 2


ORDERS = list(permutations([traces(REQUEST), traces(QUERY), traces(CALL), logs(record("asked"))]))


@pytest.mark.parametrize("order", ORDERS[::5])
async def test_spans_that_came_before_the_one_that_matches_are_stored_with_it(
    server: Server, order: tuple[Message, ...]
):
    for request in order:
        await server.post(LOGS if "Logs" in request.DESCRIPTOR.name else TRACES, request)
    assert server.stored == {"GET /", "SELECT", "chat"}
    assert [line.fields["message"] for line in server.ingest.facts.log_lines.values()] == ["asked"]
    whole = Remembering(server.ingest.database)
    await Server(whole).post(TRACES, traces(REQUEST, QUERY, CALL))
    await Server(whole).post(LOGS, logs(record("asked")))
    of_executions = {key: each.registers for key, each in whole.facts.executions.items()}
    assert {key: each.registers for key, each in server.ingest.facts.executions.items()} == of_executions
    of_steps = {key: each.registers for key, each in whole.facts.steps.items()}
    assert {key: each.registers for key, each in server.ingest.facts.steps.items()} == of_steps
    assert await server.held() == 0


async def test_spans_of_another_owner_are_no_reason_to_store_those_that_are_kept_aside(server: Server):
    await server.post(TRACES, traces(QUERY))
    server.caller = Caller("bob", "acme", frozenset({Scope.EXECUTIONS_WRITE}))
    await server.post(TRACES, traces(CALL))
    assert server.stored == {"chat"}
    server.caller = Caller("ada", "other", frozenset({Scope.EXECUTIONS_WRITE}))
    await server.post(TRACES, traces(CALL))
    assert server.stored == {"chat"}
    assert await server.held() == 1


@pytest.mark.parametrize("as_sent", [methodcaller("SerializeToString"), as_json], ids=["protobuf", "JSON"])
async def test_of_a_request_beyond_all_measure_the_rest_is_rejected(
    server: Server, monkeypatch: pytest.MonkeyPatch, as_sent: Callable[[Message], Any]
):
    monkeypatch.setattr("execution_monitor.ingest.otlp.exports._MAX_RECORDS", 2_000)
    sent = traces(*(span(number.to_bytes(8, "big"), name=str(number)) for number in range(1, 3_101)))

    found = await server.post(TRACES, as_sent(sent))

    assert found.status == 200
    assert b"A request may have 2,000 spans; export smaller batches" in found.body
    assert len(server.ingest.facts.steps) == 2_000


async def test_a_request_that_is_sent_again_is_kept_aside_once(server: Server):
    for _ in range(2):
        await server.post(TRACES, traces(QUERY))
    assert await server.held() == 1


async def test_spans_that_are_kept_aside_are_deleted_after_an_hour(server: Server):
    before = datetime.now(UTC)
    await server.post(TRACES, traces(QUERY))
    collection = server.ingest.database.collection(HeldReport)
    (row,) = [each async for each in collection.find()]
    assert before + timedelta(minutes=59) < row["expires_at"] <= datetime.now(UTC) + timedelta(hours=1)
    assert (await collection.index_information())["expires_at"]["expireAfterSeconds"] == 0


async def test_nothing_is_kept_aside_where_all_traces_become_executions(server: Server):
    server.roots = ("all",)
    await server.post(TRACES, traces(QUERY))
    assert server.stored == {"SELECT"}
    assert await server.held() == 0

"""Traces as a collector gets them: which spans there are, their parents, and that they hold no values of requests."""

import contextlib
import sys
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pymongo.monitoring import CommandStartedEvent, CommandSucceededEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from execution_monitor.app import create_app
from execution_monitor.errors import SetupError
from execution_monitor.observability.tracing.optional import Tracing, load_tracing
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from tests.graphql.transport.test_event_streams import UPDATES, streamed
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.support.client import EXECUTIONS_PATH, execute
from tests.support.documents import execution, store
from tests.support.servers import served, wait_until_ready

Token = Callable[..., str]
FOLLOW = "subscription Follow($after: String!) { executionUpdates(after: $after) { kind } }"
PAGE = 'query Page { executions(filter: { workflowName: { eq: "secret-name" } }) { nodes { executionId } } }'
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@dataclass
class Collector:
    """Receives spans over OTLP."""

    spans: list[Any] = field(default_factory=list[Any])

    async def take(self, request: Request) -> Response:
        exported = ExportTraceServiceRequest.FromString(await request.body())
        self.spans += [each for found in exported.resource_spans for scope in found.scope_spans for each in scope.spans]
        return Response(b"")

    def all_named(self, name: str) -> list[Any]:
        return [each for each in self.spans if each.name == name]

    def named(self, name: str) -> Any:
        (found,) = self.all_named(name)
        return found


def attributes_of(span: Any) -> dict[str, Any]:
    values = {each.key: each.value for each in span.attributes}
    return {name: getattr(value, value.WhichOneof("value")) for name, value in values.items()}


@contextlib.asynccontextmanager
async def traced(settings: Settings, collector: Collector) -> AsyncGenerator[str]:
    """A server whose spans have all been exported when this ends."""
    app = Starlette(routes=[Route("/v1/traces", collector.take, methods=["POST"])])
    async with (
        served(app) as url,
        served(create_app(settings.model_copy(update={"tracing": f"{url}/v1/traces"}))) as server,
    ):
        await wait_until_ready(server)
        yield server


async def test_a_query_has_spans_of_the_request_the_operation_and_its_commands(
    database: Database, settings: Settings, token_for: Token
):
    collector = Collector()
    await store(execution(1))
    async with traced(settings, collector) as server:
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "Authorization": f"Bearer {token_for('ada', 'acme')}"}
        async with httpx2.AsyncClient(base_url=server, headers=headers) as client:
            assert (await client.post("/graphql", json={"query": PAGE})).status_code == 200

    request, operation = collector.named("POST /graphql"), collector.named("query Page")
    # After a page that is not full, a second query looks for rows that cannot be sorted.
    command, _ = collector.all_named("find workflow_executions")
    assert {each.trace_id.hex() for each in (request, operation, command)} == {TRACE}
    assert request.parent_span_id.hex() == PARENT
    assert operation.parent_span_id == request.span_id
    assert command.parent_span_id == operation.span_id
    assert attributes_of(request) == {
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "http.route": "/graphql",
    }
    assert attributes_of(operation) == {
        "graphql.operation.type": "query",
        "graphql.operation.name": "Page",
        "execution_monitor.cost": 21,
        "execution_monitor.executions": 0,
        "execution_monitor.compiled": True,
    }
    assert attributes_of(command) == {
        "db.system.name": "mongodb",
        "db.namespace": database.handle.name,
        "db.operation.name": "find",
        "db.collection.name": "workflow_executions",
    }


async def test_spans_hold_no_tokens_values_or_ids(database: Database, settings: Settings, token_for: Token):
    collector, token = Collector(), token_for("ada", "acme")
    await store(execution(1, workflow_name="secret-name"))
    async with traced(settings, collector) as server:
        await execute(server, token, PAGE)
        async with httpx2.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {token}"}) as client:
            await client.get(f"{EXECUTIONS_PATH}/e001")
            await client.get(f"{EXECUTIONS_PATH}/e001?x=secret-name")
            await client.get("/secret-name")

    exported = str(collector.spans)
    assert "secret-name" not in exported
    assert "e001" not in exported
    assert token.rpartition(".")[2] not in exported
    assert {f"GET {EXECUTIONS_PATH}/{{execution_id}}", "GET"} < {each.name for each in collector.spans}


async def test_spans_say_whether_an_operation_was_compiled(settings: Settings, token_for: Token, database: Database):
    collector = Collector()
    async with traced(settings, collector) as server:
        await execute(server, token_for("ada", "acme"), "query Core { auditEvents { nodes { at } } }")
        await execute(server, token_for("ada", "acme"), "query Plain { executions { totalCount } }")

    compiled = [
        attributes_of(collector.named(f"query {each}"))["execution_monitor.compiled"] for each in ("Core", "Plain")
    ]
    assert compiled == [False, True]


@contextlib.asynccontextmanager
async def tracing_to(collector: Collector) -> AsyncGenerator[Tracing]:
    """Tracing without a server, whose spans have all been exported when this ends."""
    app = Starlette(routes=[Route("/v1/traces", collector.take, methods=["POST"])])
    async with served(app) as url:
        tracing = load_tracing(f"{url}/v1/traces")
        async with tracing:
            yield tracing


async def request_of(app: ASGIApp) -> None:
    async def nothing(*_: Any) -> Any:
        raise AssertionError

    await app({"type": "http", "method": "GET", "path": "/graphql", "headers": []}, nothing, nothing)


async def test_the_message_of_an_exception_is_not_exported():
    collector = Collector()

    async def fail(*_: Any) -> None:
        raise KeyError("secret-name")

    async with tracing_to(collector) as tracing:
        with pytest.raises(KeyError):
            await request_of(tracing.around(fail))

    (span,) = collector.spans
    assert attributes_of(span) == {"http.request.method": "GET", "error.type": "KeyError"}
    assert span.status.code == 2
    assert "secret-name" not in str(span)


async def test_the_oldest_of_the_commands_that_never_end_are_forgotten():
    collector = Collector()

    async with tracing_to(collector) as tracing:

        async def send_commands(*_: Any) -> None:
            for number in range(1_001):
                tracing.commands.started(CommandStartedEvent({"find": f"c{number}"}, "db", number, ("m", 1), None))
            for number in (0, 1_000):
                tracing.commands.succeeded(
                    CommandSucceededEvent(timedelta(), {}, "find", number, ("m", 1), None, database_name="db")
                )

        await request_of(tracing.around(send_commands))

    assert {each.name for each in collector.spans} == {"find c1000", "GET"}


async def test_spans_of_failed_operations_have_their_codes(settings: Settings, token_for: Token, database: Database):
    collector = Collector()
    async with traced(settings, collector) as server:
        await execute(server, token_for("ada", "acme"), "query Wrong { executions(first: 0) { totalCount } }")
        await execute(server, None, "{ viewer { userId } }")

    wrong = collector.named("query Wrong")
    assert (attributes_of(wrong)["error.type"], wrong.status.code) == ("BAD_USER_INPUT", 2)
    assert 401 in {attributes_of(each).get("http.response.status_code") for each in collector.spans}


async def test_a_subscription_has_a_span_from_begin_to_end(settings: Settings, token_for: Token, database: Database):
    collector, token = Collector(), token_for("ada", "acme")
    async with traced(settings, collector) as server:
        page = await execute(server, token, "{ executions(first: 1) { liveCursor } }")
        await store(execution(1))
        async with opened(server) as socket:
            await socket.begin(token)
            await socket.subscribe({"query": FOLLOW, "variables": {"after": page.data["executions"]["liveCursor"]}})
            await socket.next()
        async with streamed(server, token, "text/event-stream", UPDATES.replace("Updates", "Stream", 1)):
            pass

    follow = collector.named("subscription Follow")
    assert attributes_of(follow)["execution_monitor.executions"] == 1
    assert follow.parent_span_id == collector.named("WEBSOCKET /graphql").span_id
    assert collector.named("subscription Stream")


async def test_probes_have_no_spans(settings: Settings, database: Database):
    collector = Collector()
    async with traced(settings, collector) as server, httpx2.AsyncClient(base_url=server) as client:
        await client.get("/livez")

    assert collector.spans == []


async def test_a_collector_that_cannot_be_reached_delays_nothing(
    database: Database, settings: Settings, token_for: Token
):
    nowhere = settings.model_copy(update={"tracing": "http://127.0.0.1:1/v1/traces"})
    async with served(create_app(nowhere)) as server:
        await wait_until_ready(server)

        answer = await execute(server, token_for("ada", "acme"), "{ viewer { userId } }")

    assert answer.status == 200


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "execution_monitor.observability.tracing.spans", raising=False)
    for name in [each for each in sys.modules if each.partition(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    with pytest.raises(SetupError, match=r"pip install 'execution-monitor\[tracing\]'"):
        load_tracing("http://localhost:4318/v1/traces")

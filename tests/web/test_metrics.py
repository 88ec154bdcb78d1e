"""Metrics, as Prometheus reads them."""

import asyncio
import re
from collections.abc import Callable, Iterable
from typing import Any, cast

import httpx2
import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.openmetrics import parser as open_metrics
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from execution_monitor.app import create_app
from execution_monitor.asgi.operations import Observation, Observers, Operation, OperationKind, Outcome
from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import AuditUnavailable
from execution_monitor.observability.metrics.operations import OperationMetrics
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.records import ExecutionRecord
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.rest.documents import an_execution
from tests.rest.test_live import socket_of
from tests.support.client import execute
from tests.support.documents import execution, store
from tests.support.servers import served, wait_until_ready

Token = Callable[..., str]


SUBPROTOCOL = Subprotocol("graphql-transport-ws")
# It has no annotations.
open_metrics_families: Any = cast("Any", open_metrics).text_string_to_metric_families


async def values_of(server: str, token: str) -> dict[str, float]:
    async with httpx2.AsyncClient(base_url=server) as client:
        answer = await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    return {
        sample.name + "".join(f"|{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def grown_since(before: dict[str, float], after: dict[str, float], prefix: str) -> dict[str, float]:
    """By how much what begins with `prefix` has grown, where it has."""
    return {
        name: value - before.get(name, 0)
        for name, value in after.items()
        if name.startswith(prefix) and "_created" not in name and value != before.get(name, 0)
    }


@pytest.fixture
def operator(token_for: Token) -> str:
    return token_for("olga", "acme", "manage")


async def test_metrics_count_what_was_delivered(server: str, token_for: Token, operator: str, database: Database):
    before = await values_of(server, operator)

    async with socket_of(server, token_for("ada", "acme")) as socket:
        during = await values_of(server, operator)
        await database.collection(Execution).insert_one(an_execution("e1", status="running"))
        await socket.recv()
        after = await values_of(server, operator)

    name = "execution_monitor_live"
    assert during[f"{name}_subscribers"] == before[f"{name}_subscribers"] + 1
    assert after[f"{name}_events_total"] > before[f"{name}_events_total"]
    assert after[f"{name}_delivered_total"] == before[f"{name}_delivered_total"] + 1
    assert after[f"{name}_ring_events"] >= 1
    assert after[f"{name}_ring_age_seconds"] > 0
    assert 0 <= after[f"{name}_lag_seconds"] < 60
    assert after[f"{name}_gaps_total|too_slow"] == 0


async def test_nothing_in_metrics_names_a_tenant_or_a_user(server: str, operator: str, database: Database):
    await database.collection(Execution).insert_one(an_execution("e1", user_id="ada-the-user", tenant_id="acme-inc"))

    shown = await values_of(server, operator)

    assert not any("ada-the-user" in name or "acme-inc" in name for name in shown)


async def test_operations_are_counted_by_kind_and_outcome(server: str, token_for: Token, operator: str):
    ada = token_for("ada", "acme")
    before = await values_of(server, operator)

    for query in ("{ viewer { userId } }", "{ executions { totalCount } }", "{ nothing }", "{"):
        await execute(server, ada, query)
    async with httpx2.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {ada}"}) as client:
        await client.get("/api/v1/workflow-management/executions")
        await client.get("/api/v1/workflow-management/executions/none-such")
    after = await values_of(server, operator)

    grown = grown_since(before, after, "execution_monitor_operation")
    assert {name: by for name, by in grown.items() if "operations_total" in name} == {
        "execution_monitor_operations_total|query|ok": 2,
        "execution_monitor_operations_total|query|refused": 1,
        "execution_monitor_operations_total|unreadable|refused": 1,
        "execution_monitor_operations_total|rest|ok": 1,
        "execution_monitor_operations_total|rest|refused": 1,
    }
    assert {name: by for name, by in grown.items() if "errors" in name} == {
        "execution_monitor_operation_errors_total|BAD_USER_INPUT": 2,
        "execution_monitor_operation_errors_total|NOT_FOUND": 1,
    }
    assert grown["execution_monitor_operation_duration_seconds_count|query"] == 3
    assert grown["execution_monitor_operation_duration_seconds_bucket|query|+Inf"] == 3
    assert 0 < grown["execution_monitor_operation_duration_seconds_sum|query"] < 60
    assert grown["execution_monitor_operation_cost_points_count|query"] == 3
    assert grown["execution_monitor_operation_cost_points_sum|query"] >= 3
    assert {after[f"execution_monitor_operations_in_progress|{kind}"] for kind in ("query", "rest")} == {0}


async def test_an_operation_that_an_earlier_observer_refuses_is_counted_and_was_never_in_progress():
    class Refusal(Observation):
        async def __aenter__(self) -> None:
            raise AuditUnavailable("There is no record.")

    class Refuses:
        def observe(self, operation: Operation, outcome: Outcome) -> Observation:  # noqa: ARG002 - it refuses all
            return Refusal()

    registry = CollectorRegistry()
    operation = Operation(Caller("ada", "acme"), Origin(None, None, "1"), OperationKind.QUERY, None)

    with pytest.raises(AuditUnavailable):
        async with Observers(Refuses(), OperationMetrics(registry)).observe(operation):
            pass

    name = "execution_monitor_operation"
    assert registry.get_sample_value(f"{name}s_total", {"kind": "query", "outcome": "failed"}) == 1
    assert registry.get_sample_value(f"{name}_errors_total", {"code": "AUDIT_UNAVAILABLE"}) == 1
    assert registry.get_sample_value(f"{name}s_in_progress", {"kind": "query"}) in (None, 0)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["http_responses", "sockets", "sockets_closed", "operations"], id="requests"),
        pytest.param(
            ["tcp_connections", "tcp_connections_limit", "tcp_timeouts", "tcp_displaced", "tcp_refused"],
            id="connections of clients",
        ),
        pytest.param(["http_invalid_requests"], id="requests that are none"),
        pytest.param(["operation_errors"], id="errors by code"),
        pytest.param(["operation_duration_seconds"], id="durations"),
        pytest.param(["operation_cost_points"], id="cost"),
        pytest.param(["live_subscribers"], id="live subscribers"),
        pytest.param(["live_queued_events", "live_queue_longest_events", "audit_pending_events"], id="queue depths"),
        pytest.param(["live_lag_seconds", "live_silence_seconds"], id="lag of the change stream"),
        pytest.param(
            ["mongodb_connections", "mongodb_connections_in_use", "mongodb_connection_wait_seconds"],
            id="database pool",
        ),
        pytest.param(["rate_limited", "rate_limit_store_failures", "rate_limit_store_down"], id="rate limit"),
        pytest.param(["audit_dropped", "audit_failures"], id="audit drops"),
    ],
)
async def test_operators_may_read_metrics(server: str, operator: str, names: list[str]):
    async with httpx2.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {operator}"}) as client:
        text = (await client.get("/metrics")).text

    exposed = {family.name for family in text_string_to_metric_families(text)}
    assert {f"execution_monitor_{name}" for name in names} <= exposed


async def test_failures_of_the_server_and_mistakes_of_callers_are_counted_apart(
    server: str, token_for: Token, operator: str, monkeypatch: pytest.MonkeyPatch
):
    await store(execution(1))
    monkeypatch.setattr(ExecutionRecord, "name", property(lambda _: 1 / 0))
    before = await values_of(server, operator)

    await execute(server, token_for("ada", "acme"), "{ executions { nodes { name } } }")
    after = await values_of(server, operator)

    assert {
        name: by
        for name, by in grown_since(before, after, "execution_monitor_operation").items()
        if name.split("|")[0].endswith(("operations_total", "errors_total"))
    } == {
        "execution_monitor_operations_total|query|failed": 1,
        "execution_monitor_operation_errors_total|INTERNAL_SERVER_ERROR": 1,
    }


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [
        pytest.param([], "ok", id="no error"),
        pytest.param(["BAD_USER_INPUT"], "refused", id="an error of the caller"),
        pytest.param(["INTERNAL_SERVER_ERROR"], "failed", id="an error of ours"),
        pytest.param(["BAD_USER_INPUT", "INTERNAL_SERVER_ERROR"], "failed", id="both"),
        pytest.param(["DATABASE_UNAVAILABLE", "NOT_FOUND"], "failed", id="both, ours first"),
    ],
)
async def test_an_operation_has_failed_when_any_of_its_errors_is_ours(codes: list[str], outcome: str):
    registry = CollectorRegistry()
    operation = Operation(Caller("ada", "acme"), Origin(None, None, "1"), OperationKind.QUERY, None)

    async with Observers(OperationMetrics(registry)).observe(operation) as observed:
        observed.fail_with(codes)

    name = "execution_monitor_operations_total"
    counted = {
        each: registry.get_sample_value(name, {"kind": "query", "outcome": each})
        for each in ("ok", "refused", "failed")
    }
    assert counted == {"ok": 0, "refused": 0, "failed": 0, outcome: 1}


async def test_a_subscription_is_in_progress_until_it_ends_and_its_lifetime_is_not_measured(
    server: str, token_for: Token, operator: str
):
    token = token_for("ada", "acme")
    # From a cursor: an execution may be stored before a subscription from now on has begun.
    cursor = (await execute(server, token, "{ executions { liveCursor } }")).data["executions"]["liveCursor"]
    before = await values_of(server, operator)

    async with opened(server) as socket:
        await socket.begin(token)
        query = "subscription Q($after: String) { executionUpdates(after: $after) { kind } }"
        await socket.subscribe({"query": query, "variables": {"after": cursor}})
        await store(execution(1))
        await socket.next()
        during = await values_of(server, operator)
        await socket.send({"id": "1", "type": "complete"})
        await socket.send("[]")
        await socket.closed()
    after = await values_of(server, operator)

    assert during["execution_monitor_operations_in_progress|subscription"] == 1
    assert during["execution_monitor_sockets"] == before["execution_monitor_sockets"] + 1
    assert after["execution_monitor_operations_in_progress|subscription"] == 0
    assert grown_since(before, after, "execution_monitor_operations_total") == {
        "execution_monitor_operations_total|subscription|ok": 1
    }
    assert not grown_since(before, after, "execution_monitor_operation_duration")
    assert grown_since(before, after, "execution_monitor_sockets_closed_total") == {
        "execution_monitor_sockets_closed_total|4400": 1
    }


async def test_close_codes_that_clients_make_up_are_one_series(server: str, operator: str):
    before = await values_of(server, operator)

    for code in (3000, 4999):
        async with connect(server.replace("http", "ws") + "/graphql", subprotocols=[SUBPROTOCOL]) as socket:
            await socket.close(code)
    after = await values_of(server, operator)
    async with asyncio.timeout(10):
        while after["execution_monitor_sockets"]:
            after = await values_of(server, operator)

    assert grown_since(before, after, "execution_monitor_sockets_closed_total") == {
        "execution_monitor_sockets_closed_total|other": 2
    }


async def test_responses_are_counted_by_status_without_an_operation_too(server: str, operator: str):
    before = await values_of(server, operator)

    await execute(server, "no token", "{ viewer { userId } }")
    async with httpx2.AsyncClient(base_url=server) as client:
        for path in ("/nowhere", "/elsewhere", "/livez"):
            await client.get(path)
    after = await values_of(server, operator)

    # The metrics that came before are an answer, too.
    assert grown_since(before, after, "execution_monitor_http_responses_total") == {
        "execution_monitor_http_responses_total|200": 2,
        "execution_monitor_http_responses_total|401": 1,
        "execution_monitor_http_responses_total|404": 2,
    }


async def test_connections_to_the_database_are_counted(server: str, token_for: Token, operator: str):
    before = await values_of(server, operator)

    answers = await asyncio.gather(
        *(execute(server, token_for("ada", "acme"), "{ executions { totalCount } }") for _ in range(10))
    )
    name = "execution_monitor_mongodb_connection"
    # The server reads for itself, too: revocations, what is to be delivered, and what is fed.
    its_own = 3
    async with asyncio.timeout(10):
        while (after := await values_of(server, operator))[f"{name}s_in_use"] > its_own:
            pass

    assert {each.status for each in answers} == {200}
    assert after[f"{name}_wait_seconds_count"] >= before[f"{name}_wait_seconds_count"] + 10
    assert before[f"{name}_wait_seconds_sum"] < after[f"{name}_wait_seconds_sum"] < 60
    assert after[f"{name}s"] == after[f"{name}s_created_total"] - after[f"{name}s_closed_total"] >= 1
    assert after[f"{name}_failures_total|timeout"] == 0


async def test_applications_count_apart(server: str, settings: Settings, token_for: Token, operator: str):
    async with served(create_app(settings)) as other:
        await wait_until_ready(other)
        await execute(other, token_for("ada", "acme"), "{ viewer { userId } }")

        ours, theirs = await values_of(server, operator), await values_of(other, operator)

    name = "execution_monitor_operations_total|query|ok"
    assert (ours[name], theirs[name]) == (0, 1)


TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "media_type", "read"),
    [
        pytest.param(None, TEXT, text_string_to_metric_families, id="anything"),
        pytest.param("text/html", TEXT, text_string_to_metric_families, id="text"),
        pytest.param(
            "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3",
            OPEN_METRICS,
            open_metrics_families,
            id="OpenMetrics, as Prometheus requests it",
        ),
        pytest.param(
            "application/openmetrics-text;version=x", OPEN_METRICS, open_metrics_families, id="a version there is not"
        ),
    ],
)
async def test_the_format_is_the_one_that_is_accepted(
    server: str, operator: str, accept: str | None, media_type: str, read: Callable[[str], Iterable[Metric]]
):
    headers = {"Authorization": f"Bearer {operator}", **({} if accept is None else {"Accept": accept})}
    async with httpx2.AsyncClient(base_url=server) as client:
        answer = await client.get("/metrics", headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert "execution_monitor_live_events" in {family.name for family in read(answer.text)}


# Each of a small set that the code names; a new one needs a thought about how many values it may have.
LABELS = {"kind", "outcome", "code", "policy", "reason", "phase", "status", "le", "version", "python"}


async def test_metrics_are_named_by_convention_and_their_labels_are_few(server: str, operator: str):
    async with httpx2.AsyncClient(base_url=server) as client:
        answer = await client.get("/metrics", headers={"Authorization": f"Bearer {operator}"})
    families = [
        family
        for family in text_string_to_metric_families(answer.text)
        if family.name.startswith("execution_monitor") and not family.name.endswith("_created")
    ]

    assert len(families) > 25
    for family in families:
        assert re.fullmatch(r"execution_monitor_[a-z_]+", family.name)
        assert family.documentation.endswith(".")
        assert not re.search("_(ms|milliseconds|minutes|kilobytes|count|total_total)$", family.name)
        assert {label for sample in family.samples for label in sample.labels} <= LABELS
        if family.type == "counter":
            assert {sample.name for sample in family.samples} <= {f"{family.name}_total"}


@pytest.mark.parametrize(
    ("access", "scopes", "status"),
    [
        pytest.param("manage", None, 401, id="managed, without a token"),
        pytest.param("manage", (), 403, id="managed, without the scope"),
        pytest.param("manage", ("manage",), 200, id="managed, with the scope"),
        pytest.param("open", None, 200, id="open, without a token"),
        pytest.param("off", ("manage",), 404, id="off, with the scope"),
    ],
)
async def test_who_may_read_metrics_is_a_setting(  # noqa: PLR0913, PLR0917 - a row of the table
    settings: Settings, token_for: Token, database: Database, access: str, scopes: tuple[str, ...] | None, status: int
):
    app = create_app(settings.model_copy(update={"metrics": access}))
    headers = {} if scopes is None else {"Authorization": f"Bearer {token_for('ada', 'acme', *scopes)}"}

    async with served(app) as url, httpx2.AsyncClient(base_url=url) as client:
        answer = await client.get("/metrics", headers=headers)

    assert answer.status_code == status
    assert ("execution_monitor_live" in answer.text) is (status == 200)

"""The audit trail in the database: operations and refusals of every transport."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from execution_monitor.app import create_app
from execution_monitor.auth.tokens import issue_token
from execution_monitor.cli.revocations import revoke_and_record
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.server_documents import AuditEvent
from tests.graphql.transport.test_event_streams import UPDATES, cursor_now, lines_until, streamed
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.rest.test_live import closing_of, message_from, socket_of
from tests.support.client import EXECUTIONS_PATH, execute
from tests.support.documents import execution, store, store_steps_and_logs
from tests.support.servers import served, wait_until_ready
from tests.support.tokens import SECRET

Token = Callable[..., str]
Event = dict[str, Any]


Recorded = Callable[..., Awaitable[list[Event]]]


@pytest.fixture
def recorded(database: Database) -> Recorded:
    """`recorded(count, **where)`: the events that match, once there are `count`."""

    async def find(count: int = 1, **where: Any) -> list[Event]:
        async with asyncio.timeout(20):
            while True:
                found = await database.collection(AuditEvent).find(where).sort("at").to_list()
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.02)

    return find


async def test_a_query_is_recorded_with_its_caller_time_arguments_and_executions(
    server: str, token_for: Token, recorded: Recorded
):
    await store(execution(1), execution(2), execution(3, user_id="grace"))
    requested_at = datetime.now(UTC)

    answer = await execute(
        server,
        token_for("ada", "acme"),
        """query Failed($text: String) {
          list: executions(filter: { workflowName: { contains: $text }, status: { in: [COMPLETED] } }, first: 5) {
            nodes { status }
          }
        }""",
        text="ETL",
    )

    (event,) = await recorded()
    assert len(answer.data["list"]["nodes"]) == 2
    assert (event["kind"], event["operation_name"], event["outcome"], event["codes"]) == (
        "query",
        "Failed",
        "succeeded",
        [],
    )
    assert (event["tenant_id"], event["subject"], event["address"]) == ("acme", "ada", "127.0.0.1")
    assert event["user_agent"].startswith("python-httpx2")
    assert event["request_id"] == answer.headers["x-request-id"]
    assert event["arguments"] == {
        "list: executions": {
            "filter": {"workflowName": {"contains": "[left out]"}, "status": {"in": ["COMPLETED"]}},
            "first": 5,
        }
    }
    assert (event["executions"], sorted(event["execution_ids"])) == (2, ["e001", "e002"])
    assert event["at"] - requested_at < timedelta(seconds=10)
    assert 0 < event["seconds"] < 10


@pytest.mark.parametrize(
    ("selection", "ids"),
    [
        pytest.param("{ executions { nodes { workflowName } } }", ["e001", "e002"], id="nodes of a list"),
        pytest.param("{ executions { edges { cursor } } }", ["e001", "e002"], id="edges of a list"),
        pytest.param("{ executions { totalCount pageInfo { hasNextPage } } }", [], id="a count"),
        pytest.param('{ execution(executionId: "e001") { status } }', ["e001"], id="one execution"),
        pytest.param('{ execution(executionId: "e003") { status } }', [], id="an execution of another user"),
        pytest.param('{ execution(executionId: "none") { status } }', [], id="an unknown execution"),
        pytest.param(
            '{ execution(executionId: "e001") { steps { nodes { name } } logs { nodes { message } } } }',
            ["e001"],
            id="steps and log lines of an execution",
        ),
        pytest.param(
            """{ execution(executionId: "e001") { status } again: execution(executionId: "none") { status }
              node(id: "bad") { id } }""",
            ["e001"],
            id="an execution that is read again, since another field failed",
        ),
        pytest.param("{ viewer { userId } }", [], id="no execution at all"),
    ],
)
async def test_the_executions_of_a_response_are_counted(
    server: str, token_for: Token, recorded: Recorded, selection: str, ids: list[str]
):
    await store(execution(1), execution(2), execution(3, user_id="grace"))
    await store_steps_and_logs("e001", 2)

    await execute(server, token_for("ada", "acme"), selection)

    (event,) = await recorded()
    assert (event["executions"], sorted(event["execution_ids"])) == (len(ids), ids)


async def test_executions_and_steps_that_are_fetched_by_id_are_counted(
    server: str, token_for: Token, recorded: Recorded
):
    await store(execution(1), execution(2), execution(3, user_id="grace"))
    await store_steps_and_logs("e001", 1)
    await store_steps_and_logs("e002", 1)
    operator = token_for("root", "acme", "executions:read:tenant")
    listed = (await execute(server, operator, "{ executions { nodes { id steps { nodes { id } } } } }")).data
    nodes = listed["executions"]["nodes"]
    others, second, first = nodes
    ids = [first["id"], others["id"], second["steps"]["nodes"][0]["id"]]

    await execute(server, token_for("ada", "acme"), "query N($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=ids)

    (event,) = await recorded(operation_name="N")
    assert (event["executions"], sorted(event["execution_ids"])) == (2, ["e001", "e002"])
    assert event["arguments"] == {"nodes": {"ids": ids}}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            "query Q { executions { nodes { inputParameters } } }", ("query", "denied", ["FORBIDDEN"]), id="a scope"
        ),
        pytest.param(
            "query Q { executions(first: 0) { totalCount } }", ("query", "failed", ["BAD_USER_INPUT"]), id="input"
        ),
        pytest.param("query Q { nothing }", ("query", "failed", ["BAD_USER_INPUT"]), id="an unknown field"),
        pytest.param("query Q {", ("unreadable", "failed", ["BAD_USER_INPUT"]), id="not GraphQL"),
    ],
)
async def test_a_refused_operation_is_recorded_with_its_codes(
    server: str, token_for: Token, recorded: Recorded, query: str, expected: tuple[str, str, list[str]]
):
    await store(execution(1))

    await execute(server, token_for("ada", "acme"), query)

    (event,) = await recorded()
    assert (event["kind"], event["outcome"], event["codes"]) == expected
    assert (event["subject"], event["tenant_id"]) == ("ada", "acme")


async def test_a_subscription_over_a_socket_is_recorded_when_it_begins_and_ends(
    server: str, token_for: Token, database: Database, recorded: Recorded
):
    token = token_for("ada", "acme")
    cursor = await cursor_now(server, token)
    await store(execution(1), execution(2))

    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": UPDATES, "variables": {"after": cursor}})
        for _ in range(2):
            await socket.receive()
        (begun,) = await recorded(kind="subscription_begun")
        assert await database.collection(AuditEvent).count_documents({"kind": "subscription_ended"}) == 0

    (ended,) = await recorded(kind="subscription_ended")
    assert (begun["operation_name"], begun["subject"], begun["arguments"]) == (
        "Updates",
        "ada",
        {"executionUpdates": {"after": "[left out]"}},
    )
    assert ended["begun_by"] == begun["_id"]
    assert (ended["executions"], ended["execution_ids"]) == (2, ["e001", "e002"])
    assert ended["at"] - begun["at"] > timedelta(0)


async def test_each_subscriber_of_the_same_events_has_records_of_its_own(
    server: str, token_for: Token, recorded: Recorded
):
    token = token_for("ada", "acme")
    cursor = await cursor_now(server, token)
    await store(execution(1), execution(2))

    async with opened(server) as one, opened(server) as other:
        for socket in (one, other):
            await socket.begin(token)
            await socket.subscribe({"query": UPDATES, "variables": {"after": cursor}})
        for socket in (one, one, other, other):
            await socket.receive()

    ends = await recorded(2, kind="subscription_ended")
    assert [event["execution_ids"] for event in ends] == [["e001", "e002"]] * 2
    assert len({event["begun_by"] for event in ends}) == 2


async def test_what_events_show_of_other_executions_is_recorded(server: str, token_for: Token, recorded: Recorded):
    token = token_for("ada", "acme")
    cursor = await cursor_now(server, token)
    await store(execution(1), execution(2, retry_of_execution_id="e001"))

    async with opened(server) as socket:
        await socket.begin(token)
        query = """subscription Updates($after: String) { executionUpdates(after: $after) {
          execution { retryOf { status } } } }"""
        await socket.subscribe({"query": query, "variables": {"after": cursor}})
        for _ in range(2):
            await socket.receive()

    (ended,) = await recorded(kind="subscription_ended")
    # The first one, the second one, and the first one beside it.
    assert (ended["executions"], ended["execution_ids"]) == (3, ["e001", "e002"])


async def test_a_subscription_over_server_sent_events_is_recorded(server: str, token_for: Token, recorded: Recorded):
    token = token_for("ada", "acme")
    cursor = await cursor_now(server, token)
    await store(execution(1))

    async with streamed(server, token, "text/event-stream", UPDATES, after=cursor) as response:
        await lines_until(response, 1, "data: ")

    (ended,) = await recorded(kind="subscription_ended")
    (begun,) = await recorded(kind="subscription_begun")
    assert (ended["begun_by"], ended["execution_ids"]) == (begun["_id"], ["e001"])


async def test_a_query_over_a_socket_is_recorded(server: str, token_for: Token, recorded: Recorded):
    await store(execution(1))

    async with opened(server) as socket:
        await socket.begin(token_for("ada", "acme"))
        await socket.subscribe({"query": "query Q { executions { nodes { status } } }"})
        await socket.receive()

    (event,) = await recorded()
    assert (event["kind"], event["operation_name"], event["execution_ids"]) == ("query", "Q", ["e001"])


async def rest(server: str, token: str, path: str) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=server) as client:
        return await client.get(path, headers={"authorization": f"Bearer {token}"})


NONE: list[str] = []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(
            f"{EXECUTIONS_PATH}?status=completed&limit=5",
            ({"listExecutions": {"status": "completed", "limit": "5"}}, ["e001", "e002"]),
            id="the list",
        ),
        pytest.param(
            f"{EXECUTIONS_PATH}?status=completed&whatever=secret",
            ({"listExecutions": {"status": "completed", "whatever": "[left out]"}}, NONE),
            id="the list, with a parameter that there is not",
        ),
        pytest.param(
            f"{EXECUTIONS_PATH}/e001?whatever=secret",
            ({"getExecution": {"execution_id": "e001"}}, NONE),
            id="one execution, with a parameter",
        ),
        pytest.param(
            f"{EXECUTIONS_PATH}/e001", ({"getExecution": {"execution_id": "e001"}}, ["e001"]), id="one execution"
        ),
        pytest.param(
            f"{EXECUTIONS_PATH}/e003", ({"getExecution": {"execution_id": "e003"}}, NONE), id="one of another user"
        ),
    ],
)
async def test_rest_is_recorded(
    server: str, token_for: Token, recorded: Recorded, path: str, expected: tuple[Any, list[str]]
):
    await store(execution(1), execution(2), execution(3, user_id="grace"))

    response = await rest(server, token_for("ada", "acme"), path)

    (event,) = await recorded()
    assert (event["arguments"], sorted(event["execution_ids"])) == expected
    assert (event["kind"], event["subject"], event["executions"]) == ("rest", "ada", len(expected[1]))
    assert event["codes"] == ([] if response.is_success else [response.json()["code"]])
    assert event["request_id"] == response.headers["x-request-id"]


async def test_the_socket_of_rest_is_recorded_when_it_begins_and_ends(
    server: str, token_for: Token, recorded: Recorded
):
    async with socket_of(server, token_for("ada", "acme"), "?status=running") as socket:
        await recorded(kind="subscription_begun")
        await store(execution(1, status="running"))
        await message_from(socket)

    (begun,) = await recorded(kind="subscription_begun")
    (ended,) = await recorded(kind="subscription_ended")
    assert (begun["operation_name"], begun["arguments"]) == (
        "watchExecutions",
        {"watchExecutions": {"status": "running"}},
    )
    assert (ended["begun_by"], ended["execution_ids"]) == (begun["_id"], ["e001"])


async def refused_over_http(server: str, token: str) -> None:
    assert (await execute(server, token, "{ viewer { userId } }")).status == 401


async def refused_over_rest(server: str, token: str) -> None:
    assert (await rest(server, token, EXECUTIONS_PATH)).status_code == 401


async def refused_over_a_socket(server: str, token: str) -> None:
    async with opened(server) as socket:
        await socket.send({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        assert (await socket.closed())[0] == 4403


async def refused_over_the_socket_of_rest(server: str, token: str) -> None:
    async with socket_of(server, token) as socket:
        assert (await closing_of(socket))[0] == 4401


async def refused_over_a_stream(server: str, token: str) -> None:
    async with streamed(server, token, "text/event-stream", UPDATES) as response:
        assert response.status_code == 401


async def refused_at_the_metrics(server: str, token: str) -> None:
    assert (await rest(server, token, "/metrics")).status_code == 401


@pytest.mark.parametrize(
    "refused",
    [
        refused_over_http,
        refused_over_rest,
        refused_over_a_socket,
        refused_over_the_socket_of_rest,
        refused_over_a_stream,
        refused_at_the_metrics,
    ],
)
async def test_a_refused_token_is_recorded_with_the_reason_and_nothing_of_the_token(
    server: str, database: Database, recorded: Recorded, refused: Callable[[str, str], Awaitable[None]]
):
    lifetime = timedelta(hours=-1)
    token = issue_token(SECRET, user="eve", tenant="evil", scopes=(), lifetime=lifetime)

    await refused(server, token)

    (event,) = await recorded(kind="token_refused")
    assert event.keys() == {
        *("_id", "at", "kind", "outcome", "codes", "reason", "address", "request_id"),
        *({"user_agent"} & event.keys()),
    }
    assert (event["reason"], event["address"]) == ("Your token has expired; get a new one.", "127.0.0.1")
    assert not any(word in str(event) for word in ("eve", "evil", *token.split(".")))
    assert await database.collection(AuditEvent).count_documents({}) == 1


async def test_a_request_without_a_token_is_recorded(server: str, recorded: Recorded):
    await execute(server, None, "{ viewer { userId } }")

    (event,) = await recorded()
    assert (event["kind"], event["outcome"]) == ("token_refused", "denied")
    assert event["reason"] == "Send a token in the header Authorization: Bearer <token>, or an access key."


async def test_open_introspection_without_a_token_has_neither_tenant_nor_subject(
    database: Database, settings: Settings, token_for: Token, recorded: Recorded
):
    development = settings.model_copy(update={"environment": "development"})

    async with served(create_app(development)) as server:
        await wait_until_ready(server)
        await execute(server, None, "{ __schema { queryType { name } } }")
        (event,) = await recorded()

    assert not event.keys() & {"tenant_id", "subject"}


async def test_nothing_is_recorded_when_the_trail_is_off(database: Database, settings: Settings, token_for: Token):
    async with served(create_app(settings.model_copy(update={"audit": "off"}))) as server:
        await wait_until_ready(server)
        await execute(server, token_for("ada", "acme"), "{ viewer { userId } }")

    assert await database.collection(AuditEvent).count_documents({}) == 0


async def test_executions_of_a_response_that_is_too_large_to_send_are_not_counted(
    database: Database, settings: Settings, token_for: Token, recorded: Recorded
):
    await store(*(execution(number) for number in range(30)))

    async with served(create_app(settings.model_copy(update={"max_response_bytes": 1_024}))) as server:
        await wait_until_ready(server)
        await execute(
            server, token_for("ada", "acme"), "{ executions(first: 30) { nodes { workflowName createdAt } } }"
        )
        (event,) = await recorded()

    assert (event["outcome"], event["codes"]) == ("failed", ["QUERY_TOO_COMPLEX"])
    assert (event["executions"], event["execution_ids"]) == (0, [])


async def test_a_request_that_is_refused_unread_for_lack_of_points_is_recorded(
    database: Database, settings: Settings, token_for: Token, recorded: Recorded
):
    limited = settings.model_copy(update={"rate_limit": "1/hour", "rate_limit_address": "off"})

    async with served(create_app(limited)) as server:
        await wait_until_ready(server)
        async with httpx2.AsyncClient(base_url=server) as client:
            for name in ("First", "Second", "Third"):
                await client.post(
                    "/graphql",
                    json={"query": f"query {name} {{ viewer {{ userId }} }}", "operationName": name},
                    headers={"Authorization": f"Bearer {token_for('ada', 'acme')}"},
                )
        events = await recorded(3)

    recorded_events = [(event["kind"], event["operation_name"], event["outcome"], event["codes"]) for event in events]
    assert recorded_events == [
        ("query", "First", "succeeded", []),
        ("query", "Second", "denied", ["RATE_LIMITED"]),
        ("unreadable", "Third", "denied", ["RATE_LIMITED"]),
    ]


@pytest.mark.parametrize(
    ("scopes", "outcome"),
    [pytest.param(["manage"], "succeeded", id="allowed"), pytest.param([], "denied", id="denied")],
)
async def test_reads_of_metrics_are_recorded(
    server: str, token_for: Token, recorded: Recorded, scopes: list[str], outcome: str
):
    async with httpx2.AsyncClient(base_url=server) as client:
        token = token_for("ada", "acme", *scopes)
        await client.get("/metrics", headers={"Authorization": f"Bearer {token}"})

    (event,) = await recorded()
    assert (event["kind"], event["operation_name"], event["subject"]) == ("rest", "getMetrics", "ada")
    assert event["outcome"] == outcome


@pytest.mark.parametrize("mode", ["on", "strict"])
async def test_operations_right_before_shutdown_are_recorded(
    database: Database, settings: Settings, token_for: Token, mode: str
):
    async with served(create_app(settings.model_copy(update={"audit": mode}))) as server:
        await wait_until_ready(server)
        for _ in range(5):
            await execute(server, token_for("ada", "acme"), "{ viewer { userId } }")

    assert await database.collection(AuditEvent).count_documents({}) == 5


async def test_a_subscription_that_shutdown_ends_is_recorded(
    database: Database, settings: Settings, token_for: Token, recorded: Recorded
):
    async with served(create_app(settings)) as server:
        await wait_until_ready(server)
        async with opened(server) as socket:
            await socket.begin(token_for("ada", "acme"))
            await socket.subscribe({"query": UPDATES})
            await recorded(kind="subscription_begun")

    assert len(await recorded(kind="subscription_ended")) == 1


async def test_a_revocation_is_recorded_with_its_author(database: Database):
    await revoke_and_record(database, by="root (command line)", user="eve", tenant="acme", keep=timedelta(hours=1))

    (event,) = await database.collection(AuditEvent).find({"kind": "revocation"}).to_list()
    assert (event["subject"], event["tenant_id"], event["outcome"]) == ("root (command line)", "acme", "succeeded")
    assert event["arguments"] == {"revoke": {"user": "eve"}}


async def test_a_revocation_without_an_author_is_not_recorded(database: Database):
    await revoke_and_record(database, by=None, token_id="t-1", keep=timedelta(hours=1))  # noqa: S106 - an id

    assert await database.collection(AuditEvent).count_documents({}) == 0

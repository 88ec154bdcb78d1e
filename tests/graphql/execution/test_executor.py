"""Every operation of every transport is observed from its begin to its end."""

from collections.abc import Callable

import httpx2
import pytest

from execution_monitor.app import create_app
from execution_monitor.asgi.operations import OperationKind
from execution_monitor.errors import Forbidden
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from tests.graphql.recording_observer import RecordingObserver
from tests.graphql.transport.test_event_streams import UPDATES, cursor_now, lines_until, streamed
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.rest.test_live import closing_of, message_from, socket_of, stream_of
from tests.support.client import EXECUTIONS_PATH, execute
from tests.support.documents import execution, store
from tests.support.servers import served, wait_until_ready

Token = Callable[..., str]


LISTED = "query Listed($f: ExecutionFilter, $n: Int = 3) { all: executions(filter: $f, first: $n) { totalCount } ...V }"
VIEWED = 'fragment V on Query { viewer { userId } ... { execution(executionId: "e") { id } } }'


async def test_a_query_is_observed_with_caller_origin_and_arguments(
    observer: RecordingObserver, server: str, token_for: Token
):
    await execute(server, token_for("ada", "acme"), f"{LISTED} {VIEWED}", f={"status": {"eq": "FAILED"}})

    operation, outcome = await observer.last()
    assert (operation.caller.subject, operation.kind, operation.name) == ("ada", OperationKind.QUERY, "Listed")
    assert operation.origin.address == "127.0.0.1"
    assert (operation.origin.user_agent or "").startswith("python-httpx2")
    assert operation.arguments() == {
        "all: executions": {"filter": {"status": {"eq": "FAILED"}}, "first": 3},
        "viewer": {},
        "execution": {"executionId": "e"},
    }
    assert (outcome.payloads, outcome.codes) == (1, [])
    assert len(observer.begun) == 1


@pytest.mark.parametrize(
    ("query", "observed"),
    [
        pytest.param("{ broken", (OperationKind.UNREADABLE, ["BAD_USER_INPUT"]), id="bad syntax"),
        pytest.param("{ nothing nowhere }", (OperationKind.QUERY, ["BAD_USER_INPUT"] * 2), id="unknown fields"),
        pytest.param(
            "query A($n: Int!) { executions(first: $n) { totalCount } }",
            (OperationKind.QUERY, ["BAD_USER_INPUT"]),
            id="a missing variable",
        ),
        pytest.param(
            "{ executions(first: 0) { totalCount } }", (OperationKind.QUERY, ["BAD_USER_INPUT"]), id="a wrong argument"
        ),
        pytest.param(
            "subscription { nothing }", (OperationKind.SUBSCRIPTION, ["BAD_USER_INPUT"]), id="a wrong subscription"
        ),
    ],
)
async def test_a_failed_operation_is_observed_with_its_codes(
    observer: RecordingObserver, server: str, token_for: Token, query: str, observed: tuple[OperationKind, list[str]]
):
    await execute(server, token_for("ada", "acme"), query)

    operation, outcome = await observer.last()
    assert (operation.kind, outcome.codes) == observed
    assert len(observer.begun) == 1


@pytest.mark.parametrize(("query", "status"), [("{ viewer { userId } }", 403), ("{ broken", 403)])
async def test_an_observer_may_refuse_a_query(
    observer: RecordingObserver, server: str, token_for: Token, query: str, status: int
):
    observer.refusal = Forbidden("Not today.")

    answer = await execute(server, token_for("ada", "acme"), query)

    assert (answer.status, answer.codes, answer.message) == (status, ["FORBIDDEN"], "Not today.")
    assert "data" not in answer.body
    assert (await observer.last())[1].codes == ["FORBIDDEN"]


@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed"])
async def test_an_observer_may_refuse_a_stream_before_it_has_a_status(
    observer: RecordingObserver, server: str, token_for: Token, accept: str
):
    observer.refusal = Forbidden("Not today.")

    async with streamed(server, token_for("ada", "acme"), accept, UPDATES) as response:
        await response.aread()

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed"])
async def test_a_stream_is_observed_until_its_client_leaves(
    observer: RecordingObserver, server: str, token_for: Token, accept: str
):
    token = token_for("ada", "acme")
    cursor = await cursor_now(server, token)
    await store(execution(1), execution(2))

    async with streamed(server, token, accept, UPDATES, after=cursor) as response:
        await lines_until(response, 2, "data: " if "event" in accept else "")
        assert len(observer.ended) == len(observer.begun) - 1

    operation, outcome = await observer.last()
    assert (operation.kind, operation.name, operation.arguments()) == (
        OperationKind.SUBSCRIPTION,
        "Updates",
        {"executionUpdates": {"after": cursor}},
    )
    assert (outcome.payloads, outcome.executions, outcome.execution_ids) == (2, 2, ["e001", "e002"])


async def test_each_operation_of_a_socket_is_observed(observer: RecordingObserver, server: str, token_for: Token):
    async with opened(server) as socket:
        await socket.begin(token_for("ada", "acme"))
        await socket.subscribe({"query": "query Who { viewer { userId } }"}, "who")
        assert [(await socket.receive())["type"] for _ in range(2)] == ["next", "complete"]
        who, outcome = await observer.last()
        await socket.subscribe({"query": "subscription Follow { executionUpdates { kind } }"}, "follow")
        await socket.send({"type": "ping"})
        await socket.receive()
        await socket.send({"id": "follow", "type": "complete"})
        follow, _ = await observer.last()

    assert (who.kind, who.name, outcome.payloads) == (OperationKind.QUERY, "Who", 1)
    assert (follow.kind, follow.name) == (OperationKind.SUBSCRIPTION, "Follow")
    assert who.origin == follow.origin


async def test_an_observer_may_refuse_one_operation_of_a_socket(
    observer: RecordingObserver, server: str, token_for: Token
):
    async with opened(server) as socket:
        await socket.begin(token_for("ada", "acme"))
        observer.refusal = Forbidden("Not today.")
        await socket.subscribe({"query": "{ viewer { userId } }"}, "no")
        refused = await socket.receive()
        observer.refusal = None
        await socket.subscribe({"query": "{ viewer { userId } }"}, "yes")
        answered = await socket.receive()

    shown = {"message": "Not today.", "extensions": {"code": "FORBIDDEN"}}
    assert refused == {"id": "no", "type": "error", "payload": [shown]}
    assert (answered["id"], answered["type"]) == ("yes", "next")


async def test_a_list_and_a_detail_over_rest_are_observed(observer: RecordingObserver, server: str, token_for: Token):
    await store(execution(1), execution(2))
    headers = {"Authorization": f"Bearer {token_for('ada', 'acme')}"}
    async with httpx2.AsyncClient(base_url=server, headers=headers) as client:
        await client.get(f"{EXECUTIONS_PATH}?status=completed&limit=7")
        listed = await observer.last()
        await client.get(f"{EXECUTIONS_PATH}/e001")
        detailed = await observer.last()
        await client.get(f"{EXECUTIONS_PATH}/nothing")
        missed = await observer.last()

    assert [(each.kind, each.name, each.arguments()) for each, _ in (listed, detailed)] == [
        (OperationKind.REST, "listExecutions", {"listExecutions": {"status": "completed", "limit": "7"}}),
        (OperationKind.REST, "getExecution", {"getExecution": {"execution_id": "e001"}}),
    ]
    assert listed[1].execution_ids == ["e002", "e001"]
    assert detailed[1].execution_ids == ["e001"]
    assert (missed[1].codes, missed[1].payloads) == (["NOT_FOUND"], 0)


async def test_an_observer_may_refuse_rest(observer: RecordingObserver, server: str, token_for: Token):
    observer.refusal = Forbidden("Not today.")

    async with httpx2.AsyncClient(base_url=server) as client:
        response = await client.get(EXECUTIONS_PATH, headers={"Authorization": f"Bearer {token_for('ada', 'acme')}"})

    assert (response.status_code, response.json()["detail"]) == (403, "Not today.")


async def test_the_socket_and_the_stream_of_rest_are_observed_until_they_end(
    observer: RecordingObserver, server: str, token_for: Token
):
    token = token_for("ada", "acme")
    async with stream_of(server, token, "?status=completed") as stream:
        await stream.event()
        await store(execution(1))
        await stream.message()
    streamed_, outcome = await observer.last()
    async with socket_of(server, token) as socket:
        await store(execution(2))
        await message_from(socket)
        assert len(observer.begun) == len(observer.ended) + 1
    watched, outcome_of_socket = await observer.last()

    assert (streamed_.kind, streamed_.name) == (OperationKind.SUBSCRIPTION, "streamExecutions")
    assert streamed_.arguments() == {"streamExecutions": {"status": "completed"}}
    assert (watched.kind, watched.name) == (OperationKind.SUBSCRIPTION, "watchExecutions")
    assert [each.execution_ids for each in (outcome, outcome_of_socket)] == [["e001"], ["e002"]]


async def test_an_observer_may_refuse_the_socket_and_the_stream_of_rest(
    observer: RecordingObserver, server: str, token_for: Token
):
    observer.refusal = Forbidden("Not today.")
    token = token_for("ada", "acme")

    async with httpx2.AsyncClient(base_url=server) as client:
        response = await client.get(f"{EXECUTIONS_PATH}/stream", headers={"Authorization": f"Bearer {token}"})
    async with socket_of(server, token) as socket:
        closing = await closing_of(socket)

    assert (response.status_code, response.json()["detail"]) == (403, "Not today.")
    assert closing == (4403, "Not today.")
    assert len(observer.ended) == len(observer.begun) == 2


async def test_an_event_and_a_response_of_rest_are_bounded(database: Database, settings: Settings, token_for: Token):
    token = token_for("ada", "acme")
    async with served(create_app(settings.model_copy(update={"max_response_bytes": 1_536}))) as server:
        await wait_until_ready(server)
        cursor = await cursor_now(server, token)
        await store(execution(1, workflow_name="x" * 2_000), execution(2))
        async with streamed(server, token, "text/event-stream", NAMES, after=cursor) as response:
            large, small = await lines_until(response, 2, "data: ")
        async with httpx2.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {token}"}) as client:
            listed, one, other = [
                await client.get(path)
                for path in (EXECUTIONS_PATH, f"{EXECUTIONS_PATH}/e001", f"{EXECUTIONS_PATH}/e002")
            ]

    assert [error["extensions"]["code"] for error in large["errors"]] == ["QUERY_TOO_COMPLEX"]
    assert small["data"]["executionUpdates"]["execution"]["workflowName"] == "etl"
    assert [(each.status_code, each.json()["code"]) for each in (listed, one)] == [(400, "QUERY_TOO_COMPLEX")] * 2
    assert "xxx" not in listed.text + one.text
    assert other.status_code == 200


NAMES = "subscription S($after: String) { executionUpdates(after: $after) { execution { workflowName } } }"


async def test_a_response_is_bounded(database: Database, settings: Settings, token_for: Token):
    await store(*(execution(number, workflow_name="x" * 100) for number in range(20)))
    page = "query P($n: Int!) { executions(first: $n) { nodes { workflowName } } }"
    async with served(create_app(settings.model_copy(update={"max_response_bytes": 1_024}))) as server:
        await wait_until_ready(server)
        few, many = [await execute(server, token_for("ada", "acme"), page, n=first) for first in (2, 20)]

    assert len(few.data["executions"]["nodes"]) == 2
    assert many.codes == ["QUERY_TOO_COMPLEX"]
    assert "ask for fewer rows or fields" in many.message

"""Subscriptions: nothing missed after a cursor, nothing of others, in order, rendered once for all."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from execution_monitor.storage.documents import Execution, LogEntry, Step, collection_of
from tests.graphql.transport.test_graphql_transport_ws import UPDATES, opened
from tests.support.client import execute
from tests.support.documents import NOON, execution, store, store_steps_and_logs

Token = Callable[..., str]


async def change(number: int, **fields: Any) -> None:
    await collection_of(Execution).update_one(
        {"execution_id": f"e{number:03}"}, {"$set": {"updated": NOON, **fields}, "$inc": {"version": 1}}
    )


async def test_a_page_and_its_stream_miss_nothing_between_them(server: str, token_for: Token):
    await store(execution(1, status="running"))
    token = token_for("ada", "acme")
    page = (await execute(server, token, "{ executions { liveCursor nodes { executionId } } }")).data["executions"]
    await change(1, status="failed")
    await store(execution(2, status="pending"))

    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": UPDATES, "variables": {"after": page["liveCursor"]}})
        first, second = [(await socket.next())["executionUpdates"] for _ in range(2)]

    assert (first["kind"], first["executionId"], first["execution"]) == ("UPDATED", "e001", {"status": "FAILED"})
    assert set(first["changedFields"]) == {"status", "updatedAt"}
    assert (second["kind"], second["executionId"]) == ("ENTERED", "e002")


async def test_a_stream_resumes_right_after_its_last_cursor(server: str, token_for: Token):
    token = token_for("ada", "acme")
    async with opened(server) as socket:
        await socket.begin(token)
        cursor = (await execute(server, token, "{ executions { liveCursor } }")).data["executions"]["liveCursor"]
        await store(execution(1))
        await socket.subscribe({"query": UPDATES, "variables": {"after": cursor}})
        last = (await socket.next())["executionUpdates"]
    await change(1, status="failed")
    await change(1, status="running")

    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": UPDATES, "variables": {"after": last["cursor"]}})
        statuses = [(await socket.next())["executionUpdates"]["execution"]["status"] for _ in range(2)]

    assert statuses == ["FAILED", "RUNNING"]


async def test_a_filter_decides_what_enters_and_leaves(server: str, token_for: Token):
    await store(execution(1, status="running"))
    token = token_for("ada", "acme")
    cursor = (await execute(server, token, "{ executions { liveCursor } }")).data["executions"]["liveCursor"]
    await change(1, status="failed")
    await change(1, attempt=2)
    await change(1, status="running")
    await collection_of(Execution).delete_one({"execution_id": "e001"})

    async with opened(server) as socket:
        await socket.begin(token)
        variables = {"after": cursor, "filter": {"status": {"eq": "FAILED"}}}
        await socket.subscribe({"query": UPDATES, "variables": variables}, "failed")
        failed = [(await socket.next())["executionUpdates"]["kind"] for _ in range(3)]
        await socket.send({"id": "failed", "type": "complete"})
        await socket.subscribe({"query": UPDATES, "variables": {"after": cursor}}, "all")
        everything = [(await socket.next())["executionUpdates"]["kind"] for _ in range(4)]

    assert failed == ["ENTERED", "UPDATED", "LEFT"]
    assert everything == ["UPDATED", "UPDATED", "UPDATED", "DELETED"]


async def test_callers_get_nothing_of_what_they_may_not_see(server: str, token_for: Token):
    token = token_for("ada", "acme")
    cursor = (await execute(server, token, "{ executions { liveCursor } }")).data["executions"]["liveCursor"]
    await store(execution(1, user_id="grace"), execution(2, tenant_id="globex"), execution(3))
    await change(1, status="failed")
    await change(3, user_id="grace", status="failed")
    await change(3, status="running")
    await store(execution(4))

    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": UPDATES, "variables": {"after": cursor}})
        events = [(await socket.next())["executionUpdates"] for _ in range(3)]

    assert [(each["kind"], each["executionId"], each["execution"]) for each in events] == [
        ("ENTERED", "e003", {"status": "COMPLETED"}),
        ("LEFT", "e003", None),
        ("ENTERED", "e004", {"status": "COMPLETED"}),
    ]


async def test_a_cursor_of_another_caller_is_refused(server: str, token_for: Token):
    cursor = (await execute(server, token_for("ada", "acme"), "{ executions { liveCursor } }")).data["executions"][
        "liveCursor"
    ]

    async with opened(server) as socket:
        await socket.begin(token_for("grace", "acme"))
        await socket.subscribe({"query": UPDATES, "variables": {"after": cursor}})
        answer = await socket.receive()

    assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", "INVALID_CURSOR")


ACTIVITY = """subscription Activity($id: String!) { executionActivity(executionId: $id) { __typename
  ... on ExecutionUpdate { kind execution { status } } ... on StepUpdate { step { stepId status } }
  ... on LogAppended { entry { message } } } }"""


async def test_an_activity_sends_the_present_state_and_then_what_happens(server: str, token_for: Token):
    await store(execution(1, status="running"))
    await store_steps_and_logs("e001", 1)
    async with opened(server) as socket:
        await socket.begin(token_for("ada", "acme"))
        await socket.subscribe({"query": ACTIVITY, "variables": {"id": "e001"}})
        present = [(await socket.next())["executionActivity"] for _ in range(3)]
        await collection_of(Step).update_one({"execution_id": "e001"}, {"$set": {"status": "failed"}})
        await collection_of(LogEntry).insert_one(
            {"execution_id": "e001", "tenant_id": "acme", "timestamp": NOON, "message": "It broke"}
        )
        await change(1, status="failed")
        then = [(await socket.next())["executionActivity"] for _ in range(3)]
        end = await socket.receive()

    assert [each["__typename"] for each in present] == ["ExecutionUpdate", "StepUpdate", "LogAppended"]
    assert [each.get("step") or each.get("entry") or each["execution"] for each in then] == [
        {"stepId": "s0", "status": "FAILED"},
        {"message": "It broke"},
        {"status": "FAILED"},
    ]
    assert end == {"id": "1", "type": "complete"}


async def test_the_activity_of_what_others_own_does_not_exist(server: str, token_for: Token):
    await store(execution(1))

    async with opened(server) as socket:
        await socket.begin(token_for("grace", "acme"))
        await socket.subscribe({"query": ACTIVITY, "variables": {"id": "e001"}}, "others")
        others = await socket.receive()
        await socket.subscribe({"query": ACTIVITY, "variables": {"id": "nothing"}}, "nothing")
        nothing = await socket.receive()

    assert others["payload"] == nothing["payload"]
    assert others["payload"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_client_that_reads_late_gets_all_of_it_in_order(server: str, token_for: Token):
    # More than fits into the buffers between the two, and less than a queue holds.
    await store(execution(1, workflow_name="x" * 100_000))
    numbers = (
        "subscription N($after: String) { executionUpdates(after: $after) { execution { attempt workflowName } } }"
    )
    token = token_for("ada", "acme")
    cursor = (await execute(server, token, "{ executions { liveCursor } }")).data["executions"]["liveCursor"]
    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": numbers, "variables": {"after": cursor}})
        for number in range(1, 62):
            await change(1, attempt=number)

        events = [(await socket.next())["executionUpdates"]["execution"]["attempt"] for _ in range(61)]

    assert events == list(range(1, 62))


async def test_one_event_is_rendered_once_for_all_with_the_same_request(
    server: str, token_for: Token, monkeypatch: pytest.MonkeyPatch
):
    rendered: list[object] = []

    def count(_: type, changed: object) -> list[str]:
        rendered.append(changed)
        return []

    monkeypatch.setattr("execution_monitor.graphql.compiled.events.names_of", count)
    token = token_for("ada", "acme")
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(opened(server)) for _ in range(5)]
        cursor = (await execute(server, token, "{ executions { liveCursor } }")).data["executions"]["liveCursor"]
        for socket in sockets:
            await socket.begin(token)
            await socket.subscribe({"query": UPDATES, "variables": {"after": cursor}})
        await store(execution(1))
        # A subscriber that came after the change was served from the past, and on its own.
        assert all([await socket.next() for socket in sockets])
        rendered.clear()
        await change(1, status="failed")
        received = [await socket.next() for socket in sockets]

    assert all(each == received[0] for each in received)
    assert len(rendered) == 1

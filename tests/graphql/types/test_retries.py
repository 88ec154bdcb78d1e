"""Retries of executions: `retryOf`, `retries` and `recoveredBy`, wherever an execution is shown."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from execution_monitor.auth.caller import Caller
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.schema import create_schema
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, Step, collection_of
from tests.graphql.recording_observer import RecordingObserver
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.support.client import execute
from tests.support.documents import NOON, execution, store
from tests.support.sent_commands import recording_commands

Token = Callable[..., str]
RELATIONS = "executionId recoveredBy retryOfExecutionId retryOf { executionId } retries { executionId }"
EVENTS = f"subscription S($after: String) {{ executionUpdates(after: $after) {{ execution {{ {RELATIONS} }} }} }}"
# The first failed, was repeated by the second, which failed as well, and by the third, which completed.
THREE = (
    execution(1, status="failed"),
    execution(2, status="timed_out", retry_of_execution_id="e001"),
    execution(3, retry_of_execution_id="e002"),
)


def relations(name: str, repeats: str | None, repeated_by: list[str], recovered_by: str | None) -> dict[str, Any]:
    return {
        "executionId": name,
        "recoveredBy": recovered_by,
        "retryOfExecutionId": repeats,
        "retryOf": None if repeats is None else {"executionId": repeats},
        "retries": [{"executionId": each} for each in repeated_by],
    }


SHOWN = [
    relations("e001", None, ["e002"], "e003"),
    relations("e002", "e001", ["e003"], "e003"),
    relations("e003", "e002", [], None),
]


async def test_retries_are_shown_in_lists_by_id_and_as_nodes(server: str, token_for: Token):
    await store(*THREE)
    token = token_for("ada", "acme")
    oldest_first = "executions(sort: [{field: CREATED_AT, direction: ASC}])"

    listed = (await execute(server, token, f"{{ {oldest_first} {{ nodes {{ id {RELATIONS} }} }} }}")).data
    edges = (await execute(server, token, f"{{ {oldest_first} {{ edges {{ node {{ {RELATIONS} }} }} }} }}")).data
    one = (await execute(server, token, f'{{ execution(executionId: "e001") {{ {RELATIONS} }} }}')).data
    by_id = f"query N($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on Execution {{ {RELATIONS} }} }} }}"
    ids = [node.pop("id") for node in listed["executions"]["nodes"]]

    assert listed["executions"]["nodes"] == SHOWN
    assert [edge["node"] for edge in edges["executions"]["edges"]] == SHOWN
    assert one["execution"] == SHOWN[0]
    assert (await execute(server, token, by_id, ids=ids)).data["nodes"] == SHOWN


async def test_an_event_shows_the_relations_as_they_are_when_it_is_sent(server: str, token_for: Token):
    await store(*THREE[:2])
    token = token_for("ada", "acme")
    cursor = (await execute(server, token, "{ executions { liveCursor } }")).data["executions"]["liveCursor"]

    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": EVENTS, "variables": {"after": cursor}})
        await store(THREE[2])
        completed = (await socket.next())["executionUpdates"]["execution"]
        await collection_of(Execution).update_one({"execution_id": "e001"}, {"$set": {"attempt": 1}})
        changed = (await socket.next())["executionUpdates"]["execution"]

    # The completed retry sent one event, of its own.
    assert (completed, changed) == (SHOWN[2], SHOWN[0])


async def test_relatives_of_others_look_as_if_there_were_none(server: str, token_for: Token):
    own, bens = execution(1, status="failed", retry_of_execution_id="e009"), execution(9, user_id="ben")
    others = execution(2, retry_of_execution_id="e001", user_id="ben"), execution(3, tenant_id="globex", user_id="ada")
    foreign = execution(4, retry_of_execution_id="e001", tenant_id="globex")
    await store(own, bens, *others, foreign)
    one = f'{{ execution(executionId: "e001") {{ {RELATIONS} }} }}'

    ada = (await execute(server, token_for("ada", "acme"), one)).data["execution"]
    everyone = (await execute(server, token_for("olga", "acme", "executions:read:tenant"), one)).data["execution"]

    assert ada == {**relations("e001", None, [], None), "retryOfExecutionId": "e009"}
    assert everyone == relations("e001", "e009", ["e002"], "e002")


async def test_relatives_are_counted_as_shown(observer: RecordingObserver, server: str, token_for: Token):
    await store(*THREE)
    query = '{ execution(executionId: "e002") { retryOf { executionId } retries { name } } }'

    await execute(server, token_for("ada", "acme"), query)

    assert sorted((await observer.last())[1].execution_ids) == ["e001", "e002", "e003"]


@pytest.mark.parametrize(
    ("selection", "reads"),
    [
        pytest.param("recoveredBy", 2, id="recoveries"),
        pytest.param("retryOf { executionId }", 2, id="what each repeats"),
        pytest.param("retries { executionId }", 3, id="retries"),
        pytest.param("retryOf { retryOf { name } recoveredBy }", 3, id="two levels"),
        pytest.param("retries { retries { name } steps { nodes { name } } }", 6, id="retries with all of theirs"),
    ],
)
async def test_a_page_takes_few_queries_for_each_relation(
    database: Database, mongodb_uri: str, database_name: str, selection: str, reads: int
):
    failed = [execution(number, status="failed") for number in range(40)]
    again = [execution(100 + number, retry_of_execution_id=f"e{number:03}") for number in range(40)]
    await store(*failed, *again)
    caller = Caller("ada", "acme", frozenset({"executions:read"}))

    async with recording_commands(mongodb_uri, database_name) as (connected, sent):
        live = Live(connected, mongodb_uri, LiveCursors(b"secret"))
        context = Context(caller, Monitor.over(connected, timeout_ms=5_000, count_limit=100), live)
        result = await create_schema().execute(
            f"{{ executions(first: 100) {{ nodes {{ {selection} }} }} }}", context_value=context
        )
        await live.close()

    assert result.errors is None
    # But for the one that reads rows that cannot be sorted, of which there are none.
    assert len(sent.reads) - 1 == reads


async def test_a_heartbeat_and_tokens_of_a_model_are_shown(server: str, token_for: Token):
    await store(execution(1, status="running", last_heartbeat_at=NOON + timedelta(seconds=9)))
    own = {"execution_id": "e001", "tenant_id": "acme", "created": NOON, "step_name": "call"}
    counted = {"model": "gpt-6", "input_tokens": 2**40, "output_tokens": 0, "cached_tokens": 7}
    odd = {"model": 6, "input_tokens": "many", "output_tokens": float("nan"), "cached_tokens": 2**60}
    rows = [
        {**own, **more, "step_id": str(index), "step_index": index} for index, more in enumerate([counted, {}, odd])
    ]
    await collection_of(Step).insert_many(rows)
    query = """{ execution(executionId: "e001") { lastHeartbeatAt
      steps { nodes { model inputTokens outputTokens cachedTokens } } } }"""

    shown = (await execute(server, token_for("ada", "acme"), query)).data["execution"]

    assert shown["lastHeartbeatAt"] == "2026-11-01T12:00:09.000+00:00"
    assert [list(each.values()) for each in shown["steps"]["nodes"]] == [
        ["gpt-6", 2**40, 0, 7],
        [None, None, None, None],
        ["6", None, None, 2**53],
    ]

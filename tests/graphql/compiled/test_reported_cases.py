"""What people reported of other workflow systems, as documents: the right values, compiled and interpreted."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import LogEntry, Step, collection_of
from tests.graphql.compiled.test_compiler import PAYLOADS, Both
from tests.support.documents import NOON, execution, store

ZERO = datetime(1, 1, 1, tzinfo=UTC)


@pytest.fixture
def both(database: Database, mongodb_uri: str) -> Both:
    return Both(database, mongodb_uri)


async def store_steps(*steps: dict[str, Any], execution_id: str = "e001") -> None:
    own = {"execution_id": execution_id, "tenant_id": "acme", "created": NOON}
    await collection_of(Step).insert_many([{**own, **each} for each in steps])


async def store_lines(*lines: dict[str, Any]) -> None:
    own = {"execution_id": "e001", "tenant_id": "acme"}
    times = (NOON + timedelta(seconds=number) for number in range(len(lines)))
    await collection_of(LogEntry).insert_many(
        [{**own, "timestamp": time, **each} for time, each in zip(times, lines, strict=True)]
    )


STEPS = """query Q($filter: ExecutionStepFilter, $first: Int, $after: String) { execution(executionId: "e001") {
  steps(filter: $filter, first: $first, after: $after) {
    nodes { id stepId name status attempt startedAt completedAt durationSeconds error { message } }
    edges { cursor } pageInfo { hasNextPage endCursor } } } }"""


async def steps_of(both: Both, **variables: Any) -> Any:
    return (await both.agree(STEPS, PAYLOADS, **variables))["data"]["execution"]["steps"]


async def test_all_of_5000_steps_are_reached_and_the_failed_one_at_once(both: Both):
    await store(execution(1))
    await store_steps(
        *(
            {
                "step_id": f"s{number}",
                "step_name": f"partition {number}",
                "step_index": number,
                "status": "failed" if number == 4_500 else "completed",
            }
            for number in range(5_000)
        )
    )

    failed = await steps_of(both, filter={"status": {"in": ["FAILED", "TIMED_OUT"]}})
    found, cursor = list[str](), None
    for more in (True, True, True, True, False):
        page = await steps_of(both, first=1_000, after=cursor)
        found += [node["stepId"] for node in page["nodes"]]
        assert page["pageInfo"]["hasNextPage"] is more
        cursor = page["pageInfo"]["endCursor"]

    assert [node["stepId"] for node in failed["nodes"]] == ["s4500"]
    assert found == [f"s{number}" for number in range(5_000)]


async def test_more_steps_than_a_page_holds_are_refused(both: Both):
    await store(execution(1))

    answer = await both.interpreted(both.validate(STEPS, first=1_001), PAYLOADS)

    assert b"first must be from 1 to 1,000, not 1001." in answer


@pytest.mark.parametrize(
    ("where", "found"),
    [
        pytest.param({}, "0123", id="all"),
        pytest.param(None, "0123", id="null"),
        pytest.param({"name": {"contains": "LOAD"}}, "02", id="by name"),
        pytest.param({"name": {"startsWith": "s3"}}, "3", id="without a name by the id, which is shown"),
        pytest.param({"name": {"eq": "s0"}}, "", id="but with a name not by the id"),
        pytest.param({"status": {"eq": "PENDING"}}, "23", id="no status is pending"),
        pytest.param({"status": {"notIn": ["PENDING"]}, "name": {"notIn": ["Load a"]}}, "1", id="both"),
    ],
)
async def test_steps_are_filtered(both: Both, where: Any, found: str):
    await store(execution(1), execution(2))
    steps = [
        {"step_id": "s0", "step_name": "Load a", "step_index": 0, "status": "completed"},
        {"step_id": "s1", "step_name": "Clean", "step_index": 1, "status": "failed"},
        {"step_id": "s2", "step_name": "Reload", "step_index": 2, "status": "pending"},
        {"step_id": "s3", "step_index": 3},
    ]
    await store_steps(*steps)
    await store_steps(*steps, execution_id="e002")

    one = await steps_of(both, filter=where)
    listed = await both.agree(
        "query Q($filter: ExecutionStepFilter) { executions { nodes { steps(filter: $filter) {nodes { stepId } } } } }",
        PAYLOADS,
        filter=where,
    )

    assert [node["stepId"] for node in one["nodes"]] == [f"s{digit}" for digit in found]
    for each in listed["data"]["executions"]["nodes"]:
        assert [node["stepId"] for node in each["steps"]["nodes"]] == [f"s{digit}" for digit in found]


async def test_a_cursor_of_steps_belongs_to_their_filter(both: Both):
    await store(execution(1))
    await store_steps(*({"step_id": f"s{number}", "step_index": number, "status": "failed"} for number in range(3)))
    failed = {"status": {"eq": "FAILED"}}
    cursor = (await steps_of(both, filter=failed, first=1))["pageInfo"]["endCursor"]

    followed = await steps_of(both, filter=failed, first=1, after=cursor)
    refused = await both.interpreted(both.validate(STEPS, first=1, after=cursor), PAYLOADS)

    assert [node["stepId"] for node in followed["nodes"]] == ["s1"]
    assert b"INVALID_CURSOR" in refused


async def test_attempts_kept_as_documents_of_their_own_are_all_returned(both: Both):
    await store(execution(1))
    times = ((6, 16), (14, 24), (25, 55))
    await store_steps(
        {"step_id": "s0", "step_name": "Step 0", "step_index": 0},
        *(
            {
                "step_id": "load",
                "step_name": "Load",
                "step_index": 1,
                "status": "completed" if attempt == 3 else "failed",
                "attempt": attempt,
                "started_at": NOON + timedelta(seconds=start),
                "completed_at": NOON + timedelta(seconds=end),
                "error_details": None if attempt == 3 else {"message": f"timeout, try {attempt}"},
            }
            for attempt, (start, end) in enumerate(times, 1)
        ),
    )

    page = await steps_of(both, first=10)
    ids = [node["id"] for node in page["nodes"]]
    query = "query N($ids: [ID!]!) { nodes(ids: $ids) { ... on ExecutionStep { stepId attempt } } }"
    again: Any = await both.interpreted(both.validate(query, ids=ids), PAYLOADS)

    load = page["nodes"][1:]
    assert [node["attempt"] for node in load] == [1, 2, 3]
    assert [node["error"] and node["error"]["message"] for node in load] == ["timeout, try 1", "timeout, try 2", None]
    assert [node["durationSeconds"] for node in load] == [10, 10, 30]
    assert len(set(ids)) == len({edge["cursor"] for edge in page["edges"]}) == 4
    assert again.count(b'"stepId":"load"') == 3
    walked, cursor = list[int](), None
    for _ in range(4):
        one = await steps_of(both, first=1, after=cursor)
        walked += [node["attempt"] for node in one["nodes"]]
        cursor = one["pageInfo"]["endCursor"]
    assert walked == [1, 1, 2, 3]


LOGS = """query L($minLevel: LogLevel, $search: String, $stepId: String) { executions { nodes {
  logs(minLevel: $minLevel, search: $search, stepId: $stepId, first: 50) { nodes { level levelName message } } } } }"""


async def lines_of(both: Both, **variables: Any) -> list[Any]:
    answer = await both.agree(LOGS, PAYLOADS, **variables)
    return answer["data"]["executions"]["nodes"][0]["logs"]["nodes"]


async def test_levels_in_any_spelling_are_found_by_their_severity(both: Both):
    await store(execution(1))
    spelled = (
        "DEBUG",
        "INFO",
        "WARN",
        "warn",
        "Warning",
        "ERROR",
        "FATAL",
        "fatal",
        "trace",
        "critical",
        30,
        3,
        "loud",
    )
    await store_lines(*({"level": level, "message": "line"} for level in spelled))

    everything = await lines_of(both)
    names = {level: [each["levelName"] for each in await lines_of(both, minLevel=level)] for level in SEVERE}

    assert [each["levelName"] for each in everything] == [str(level) for level in spelled]
    assert [each["level"] for each in everything if each["levelName"] in ("trace", "loud", "3", "fatal")] == [
        *("CRITICAL", "DEBUG", "ERROR", "INFO")
    ]
    assert names == {
        "INFO": [str(level) for level in spelled if level not in ("DEBUG", "trace")],
        "WARNING": ["WARN", "warn", "Warning", "ERROR", "FATAL", "fatal", "critical", "30", "3"],
        "ERROR": ["ERROR", "FATAL", "fatal", "critical", "3"],
        "CRITICAL": ["FATAL", "fatal", "critical"],
    }


SEVERE = ("INFO", "WARNING", "ERROR", "CRITICAL")


async def test_colours_are_kept_and_never_in_the_way_of_a_search(both: Both):
    await store(execution(1))
    failed = "\x1b[1m\x1b[31mFA\x1b[0m\x1b[31mILED\x1b[0m model orders"
    await store_lines(
        {"message": failed, "step_id": "orders"}, {"message": "\x1b[34mdbt\x1b[0m 12 of 30 OK \x1b[32mview\x1b[0m"}
    )

    assert [each["message"] for each in await lines_of(both, search="failed MODEL")] == [failed]
    assert [each["message"] for each in await lines_of(both, stepId="orders")] == [failed]
    assert await lines_of(both, search="FAILED", stepId="view") == []
    assert len(await lines_of(both, search="dbt 12")) == 1
    assert await lines_of(both, search="32m") == []


async def test_the_year_1_is_a_missing_time_in_lists_filters_and_sorts(both: Both):
    ended = {"e003": NOON, "e004": NOON + timedelta(seconds=9)}
    await store(
        execution(1, status="running", started_at=NOON, completed_at=ZERO),
        execution(2, status="running", started_at=NOON, completed_at=ZERO + timedelta(hours=9)),
        *(execution(int(each[1:]), started_at=NOON, completed_at=time) for each, time in ended.items()),
        execution(5, status="pending", created=ZERO),
    )
    await store_steps({"step_id": "s1", "step_index": 1, "status": "pending", "started_at": ZERO, "completed_at": ZERO})

    async def list_by(arguments: str) -> dict[str, Any]:
        text = f"{{ executions{arguments} {{ nodes {{ executionId createdAt completedAt }} }} }}"
        nodes = (await both.agree(text, PAYLOADS))["data"]["executions"]["nodes"]
        return {node["executionId"]: node for node in nodes}

    for is_null, names in (("true", {"e001", "e002", "e005"}), ("false", set(ended))):
        assert set(await list_by(f"(filter: {{completedAt: {{isNull: {is_null}}}}})")) == names
    before = await list_by('(filter: {completedAt: {lt: "2026-11-01T12:00:05Z"}})')
    ascending = await list_by("(sort: [{field: COMPLETED_AT, direction: ASC}])")
    (step,) = (await steps_of(both))["nodes"]

    assert list(before) == ["e003"]
    assert list(ascending) == ["e005", "e001", "e002", "e003", "e004"]
    assert [node["completedAt"] is None for node in ascending.values()] == [True, True, True, False, False]
    assert ascending["e005"]["createdAt"] > "2020"
    assert (step["startedAt"], step["completedAt"], step["durationSeconds"]) == (None, None, None)


async def test_pages_of_missing_times_hold_each_execution_once(both: Both):
    times = (None, ZERO, ZERO + timedelta(days=1), NOON)
    await store(*(execution(number, completed_at=times[number % 4]) for number in range(12)))
    query = """query P($first: Int, $after: String, $last: Int, $before: String) { executions(
      sort: [{field: COMPLETED_AT}], first: $first, after: $after, last: $last, before: $before) {
        edges { cursor node { executionId completedAt } } } }"""

    async def page(**variables: Any) -> list[Any]:
        return (await both.agree(query, PAYLOADS, **variables))["data"]["executions"]["edges"]

    whole = await page(first=20)
    forward, backward = await page(first=5), await page(last=5)
    while len(forward) < 12:
        forward += await page(first=5, after=forward[-1]["cursor"])
        backward = [*await page(last=5, before=backward[0]["cursor"]), *backward]

    assert len({edge["node"]["executionId"] for edge in whole}) == 12
    assert forward == backward == whole
    assert [edge["node"]["completedAt"] is None for edge in whole] == [False] * 3 + [True] * 9

"""Lists that are searched in slices, through a real server: pages go on to the end, and cost what was examined."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from execution_monitor.executions.executions import Executions
from execution_monitor.settings import Settings
from execution_monitor.storage.slices import SearchLimits
from tests.graphql.transport.test_graphql_transport_ws import UPDATES, opened
from tests.rest.client import Fetch, Store
from tests.rest.documents import START, executions
from tests.support.client import EXECUTIONS_PATH, execute
from tests.support.tokens import SECRET

LIMITS = SearchLimits(few=1, few_of_many=1, whole_ms=0, sliced_ms=0, entries=1_500)
# The only list of REST that no index serves: of a status, by when they ended.
LIST = f"{EXECUTIONS_PATH}?status=failed&sort_by=completed_at&limit=5"
QUERY = """query Q($after: String) {
  executions(first: 5, after: $after, filter: {errorMessage: {contains: "disk full"}}) {
    nodes { executionId } pageInfo { hasNextPage endCursor } search { isComplete examined reachedAt } } }"""
ROWS = 4_000
FAILED = (3, 1_700, 3_990)


@pytest.fixture
def settings(mongodb_uri: str, database_name: str) -> Settings:
    return Settings(
        mongodb_uri=SecretStr(mongodb_uri),
        database=database_name,
        jwt_secret=SecretStr(SECRET),
        environment="production",
        rate_limit="1000/hour",
        rate_limit_address="off",
    )


@pytest.fixture(autouse=True)
def _short_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execution_monitor.executions.services.Executions", partial(Executions, search_limits=LIMITS))


async def test_pages_go_on_to_the_end_and_cost_what_was_examined(
    store: Store, server: str, token_for: Callable[..., str]
):
    rows = list(executions(ROWS, status="completed", completed_at=START))
    for number in FAILED:
        rows[number].update({"status": "failed", "error_details": {"message": "Disk full."}})
    await store(rows)
    token = token_for("ada", "acme")

    found, searches, points = list[str](), list[Any](), list[int]()
    page_info: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
    while page_info["hasNextPage"]:
        answer = await execute(server, token, QUERY, after=page_info["endCursor"])
        connection = answer.body["data"]["executions"]
        page_info = connection["pageInfo"]
        found += [node["executionId"] for node in connection["nodes"]]
        searches.append(connection["search"])
        points.append(answer.body["extensions"]["cost"]["remaining"])

    assert found == [f"e{number}" for number in reversed(FAILED)]
    assert searches == [
        {"isComplete": False, "examined": 1_500, "reachedAt": "2026-01-02T17:40:00.000+00:00"},
        {"isComplete": False, "examined": 1_500, "reachedAt": "2026-01-01T16:39:00.000+00:00"},
        {"isComplete": True, "examined": 1_500, "reachedAt": None},
    ]
    # A page costs 6 points, and a search of 1,500 executions 2, which are spent once it is over.
    assert points == [994, 986, 978]


async def test_rest_goes_on_to_the_end(fetch: Fetch, store: Store):
    rows = executions(ROWS, status="completed")
    for number, row in enumerate(rows):
        row["completed_at"] = row["created"]
        if number in FAILED:
            row["status"] = "failed"
    await store(rows)

    found, complete, more, cursor = list[str](), list[bool](), list[bool](), ""
    while cursor is not None:
        answer = (await fetch(f"{LIST}&cursor={cursor}")).json()
        found += [each["execution_id"] for each in answer["executions"]]
        complete.append(answer["search_complete"])
        more.append(answer["has_more"])
        cursor = answer["pagination"]["next_cursor"]

    assert found == [f"e{number}" for number in reversed(FAILED)]
    assert len(complete) > 1
    assert complete == [*[False] * (len(complete) - 1), True]
    assert more == [not each for each in complete]


async def test_a_page_that_time_cut_and_its_stream_miss_nothing_between_them(
    store: Store, server: str, token_for: Callable[..., str]
):
    rows = list(executions(ROWS, status="completed", completed_at=START))
    rows[FAILED[0]].update({"status": "failed", "error_details": {"message": "Disk full."}})
    await store(rows[:-1])
    token = token_for("ada", "acme")
    page = (await execute(server, token, QUERY.replace("search {", "liveCursor search {"))).data["executions"]
    rows[-1].update({"status": "failed", "error_details": {"message": "Disk full, again."}})
    await store(rows[-1:])

    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": UPDATES, "variables": {"after": page["liveCursor"]}})
        event = (await socket.next())["executionUpdates"]

    assert (page["nodes"], page["search"]["isComplete"]) == ([], False)
    assert (event["kind"], event["executionId"]) == ("ENTERED", f"e{ROWS - 1}")

"""`executions`: orders, pages, counts, and errors for invalid arguments."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from bson import Code, Regex
from pydantic import SecretStr

from execution_monitor.settings import Settings
from execution_monitor.storage.cursors import decode_token, encode_token
from execution_monitor.storage.digests import digest_of
from tests.support.client import execute, ids
from tests.support.documents import NOON, execution, store
from tests.support.tokens import SECRET

Token = Callable[..., str]

LIST = """query List(
  $filter: ExecutionFilter, $sort: [ExecutionSort!], $first: Int, $after: String, $last: Int, $before: String
) {
  executions(filter: $filter, sort: $sort, first: $first, after: $after, last: $last, before: $before) {
    nodes { executionId }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""

VARIED = (
    execution(0, status="pending", workflow_name="Alpha", total_cost=0.5, tokens_used=10, session_id="s1"),
    execution(
        1, status="running", workflow_name="alphabet", started_at=NOON, triggered_by="bob@x", parent_execution_id="e000"
    ),
    execution(
        2,
        status="failed",
        error_details={"message": "Out of memory", "code": "OOM"},
        tags=[{"key": "env", "value": "prod"}],
    ),
    execution(
        3, completed_at=NOON, total_duration=61.5, workflow_template_id="t1", tags=[{"key": "env", "value": "dev"}]
    ),
    execution(4, workflow_name="a.*", user_id="ada", total_cost=2.5, tokens_used=20),
)


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        pytest.param(None, "43210", id="newest first by default"),
        pytest.param([], "43210", id="an empty list is the default"),
        pytest.param([{"field": "CREATED_AT", "direction": "ASC"}], "01234", id="oldest first"),
        pytest.param([{"field": "CREATED_AT"}], "43210", id="a direction is DESC by default"),
        pytest.param(
            [{"field": "TOTAL_COST", "direction": "DESC"}, {"field": "CREATED_AT", "direction": "ASC"}],
            "40123",
            id="missing values last when descending",
        ),
        pytest.param(
            [{"field": "TOTAL_COST", "direction": "ASC"}, {"field": "CREATED_AT", "direction": "ASC"}],
            "12304",
            id="first when ascending",
        ),
        pytest.param(
            [{"field": "STATUS", "direction": "ASC"}, {"field": "TOKENS_USED"}, {"field": "CREATED_AT"}],
            "43201",
            id="three keys",
        ),
    ],
)
async def test_each_sort_orders_all_executions(server: str, token_for: Token, sort: Any, order: str):
    await store(*VARIED)

    answer = await execute(server, token_for("ada", "acme"), LIST, sort=sort)

    assert ids(answer.data["executions"]) == [f"e00{digit}" for digit in order]


@pytest.mark.parametrize(
    "field",
    ["CREATED_AT", "STARTED_AT", "COMPLETED_AT", "DURATION", "TOTAL_COST", "TOKENS_USED", "WORKFLOW_NAME", "STATUS"],
)
async def test_pages_in_both_directions_hold_each_execution_once(server: str, token_for: Token, field: str):
    await store(
        *[execution(number, started_at=None if number % 3 else NOON, total_cost=number % 2) for number in range(7)]
    )
    token = token_for("ada", "acme")
    everything = ids((await execute(server, token, LIST, sort=[{"field": field}])).data["executions"])

    forward: list[str] = []
    cursor = None
    flags: list[tuple[bool, bool]] = []
    for _ in range(3):
        page = (await execute(server, token, LIST, sort=[{"field": field}], first=3, after=cursor)).data["executions"]
        forward += ids(page)
        cursor = page["pageInfo"]["endCursor"]
        flags.append((page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]))
    backward: list[str] = []
    cursor = None
    flags_back: list[tuple[bool, bool]] = []
    for _ in range(3):
        page = (await execute(server, token, LIST, sort=[{"field": field}], last=3, before=cursor)).data["executions"]
        backward = ids(page) + backward
        cursor = page["pageInfo"]["startCursor"]
        flags_back.append((page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]))

    assert forward == backward == everything
    assert flags == [(False, True), (True, True), (True, False)]
    assert flags_back == [(True, False), (True, True), (False, True)]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param({"first": 0}, "first must be from 1 to 100, not 0.", id="first 0"),
        pytest.param({"first": -1}, "first must be from 1 to 100, not -1.", id="first -1"),
        pytest.param({"first": 101}, "first must be from 1 to 100, not 101.", id="first 101"),
        pytest.param({"last": 101}, "last must be from 1 to 100, not 101.", id="last 101"),
        pytest.param({"first": 1, "last": 1}, "Pass first or last, not both.", id="first with last"),
        pytest.param(
            {"sort": [{"field": f} for f in ("STATUS", "DURATION", "CREATED_AT", "TOTAL_COST")]},
            "Sort by 1 to 3 keys.",
            id="four keys",
        ),
        pytest.param({"sort": [{"field": "STATUS"}] * 2}, "Each sort field may be named once.", id="a key twice"),
        pytest.param(
            {"filter": {"executionId": {"in": ["x"] * 1_001}}},
            "A list in a filter holds at most 1,000 values; send fewer.",
            id="1,001 values",
        ),
        pytest.param(
            {"filter": {"workflowName": {"contains": "x" * 1_001}}},
            "A text to search for has at most 1,000 characters; send a shorter one.",
            id="1,001 characters",
        ),
    ],
)
async def test_an_invalid_argument_is_named(server: str, token_for: Token, arguments: Any, sentence: str):
    answer = await execute(server, token_for("ada", "acme"), LIST, **arguments)

    assert (answer.codes, answer.message) == (["BAD_USER_INPUT"], sentence)


@pytest.mark.parametrize(
    "where",
    [
        pytest.param({"status": {"eq": "SLEEPING"}}, id="an unknown status"),
        pytest.param({"createdAt": {"gt": "2026-11-01T12:00:00"}}, id="a time without an offset"),
        pytest.param({"createdAt": {"gt": "yesterday"}}, id="not a time"),
        pytest.param({"createdAt": {"gt": 5}}, id="a number for a time"),
        pytest.param({"createdAt": {"gt": "0001-01-01T00:00:00+23:59"}}, id="a time before year 1"),
        pytest.param({"tokensUsed": {"gt": 3_000_000_000}}, id="a number beyond 32 bits"),
        pytest.param({"tokens": {"gt": 2**53 + 1}}, id="a number that JSON is not exact for"),
        pytest.param({"tokens": {"gt": "5000000000"}}, id="text for a number"),
        pytest.param({"nothing": {"eq": 1}}, id="an unknown field"),
        pytest.param({"status": "FAILED"}, id="a value for an operator"),
        pytest.param({"workflowName": {"eq": {"$gt": ""}}}, id="an operator of MongoDB"),
    ],
)
async def test_an_invalid_filter_is_a_request_error(server: str, token_for: Token, where: Any):
    answer = await execute(server, token_for("ada", "acme"), LIST, filter=where)

    assert (answer.status, set(answer.codes)) == (422, {"BAD_USER_INPUT"})


@pytest.mark.parametrize(
    "where",
    [
        pytest.param({"or": [{"status": {"eq": "FAILED"}}] * 101}, id="201 conditions"),
        pytest.param(
            {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {}}}}}}}}}}}, id="11 deep"
        ),
    ],
)
async def test_a_filter_beyond_its_limits_is_too_complex(server: str, token_for: Token, where: Any):
    answer = await execute(server, token_for("ada", "acme"), LIST, filter=where)

    assert answer.codes == ["QUERY_TOO_COMPLEX"]


async def test_a_cursor_of_another_list_is_refused(server: str, token_for: Token):
    await store(*VARIED)
    ada, grace = token_for("ada", "acme"), token_for("grace", "acme")
    cursor = (await execute(server, ada, LIST, first=1)).data["executions"]["pageInfo"]["endCursor"]
    operator = encode_token(digest_of("x"), (1,))

    refused = {
        "of another sort": await execute(server, ada, LIST, after=cursor, sort=[{"field": "STATUS"}]),
        "of another direction": await execute(
            server, ada, LIST, after=cursor, sort=[{"field": "CREATED_AT", "direction": "ASC"}]
        ),
        "of another filter": await execute(server, ada, LIST, after=cursor, filter={"status": {"eq": "FAILED"}}),
        "of another caller": await execute(server, grace, LIST, after=cursor),
        "truncated": await execute(server, ada, LIST, after=cursor[:-3]),
        "changed": await execute(
            server, ada, LIST, after="A" + cursor[1:20] + ("B" if cursor[20] == "A" else "A") + cursor[21:]
        ),
        "of another version": await execute(server, ada, LIST, after="Ag" + cursor[2:]),
        "forged": await execute(server, ada, LIST, after=operator),
        "garbage": await execute(server, ada, LIST, after="garbage"),
        "empty": await execute(server, ada, LIST, after=""),
        "an operator": await execute(server, ada, LIST, after='{"$gt": ""}'),
        "backwards": await execute(server, ada, LIST, before=cursor[:-3]),
    }

    assert {why: answer.codes for why, answer in refused.items() if answer.codes != ["INVALID_CURSOR"]} == {}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        pytest.param((2**63 - 1, 2**63 - 1), "", id="huge numbers: numbers sort after dates"),
        pytest.param((NOON + timedelta(days=9), "z"), "43210", id="a position before all"),
        pytest.param((NOON - timedelta(days=9), "z"), "", id="a position after all"),
        pytest.param((float("nan"), None), "", id="NaN"),
        pytest.param((None, None), "", id="nulls"),
    ],
)
async def test_a_forged_cursor_is_a_position_like_any_other(
    server: str, token_for: Token, values: tuple[Any, ...], found: str
):
    await store(*VARIED)
    token = token_for("ada", "acme")
    cursor = (await execute(server, token, LIST, first=1)).data["executions"]["pageInfo"]["endCursor"]
    digest, _ = decode_token(cursor)

    answer = await execute(server, token, LIST, after=encode_token(digest, values))

    assert ids(answer.data["executions"]) == [f"e00{digit}" for digit in found]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(([{"$gt": ""}], "z"), id="an operator in a list"),
        pytest.param((NOON,), id="too few values"),
        pytest.param((NOON, "z", "z"), id="too many values"),
        pytest.param((), id="no values"),
    ],
)
async def test_only_positions_are_read_from_a_cursor(server: str, token_for: Token, values: tuple[Any, ...]):
    token = token_for("ada", "acme")
    await store(execution(1))
    cursor = (await execute(server, token, LIST, first=1)).data["executions"]["pageInfo"]["endCursor"]
    digest, _ = decode_token(cursor)

    answer = await execute(server, token, LIST, after=encode_token(digest, values))

    assert answer.codes == ["INVALID_CURSOR"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        pytest.param({"$gt": ""}, [], id="an operator"),
        pytest.param({"$ne": 1}, [], id="an operator that all dates meet"),
        pytest.param(Regex(".*"), ["e001"], id="a pattern"),
        pytest.param(Code("sleep(1000)"), ["e001"], id="code"),
    ],
)
async def test_an_operator_in_a_cursor_is_a_value_like_any_other(
    server: str, token_for: Token, value: Any, found: list[str]
):
    # MongoDB sorts objects before dates, patterns and code after them; the list is newest first.
    token = token_for("ada", "acme")
    await store(execution(1))
    cursor = (await execute(server, token, LIST, first=1)).data["executions"]["pageInfo"]["endCursor"]
    digest, _ = decode_token(cursor)

    answer = await execute(server, token, LIST, after=encode_token(digest, (value, "z")))

    assert ids(answer.data["executions"]) == found


class TestCounts:
    @pytest.fixture
    def settings(self, mongodb_uri: str, database_name: str) -> Settings:
        return Settings(
            mongodb_uri=SecretStr(mongodb_uri), database=database_name, jwt_secret=SecretStr(SECRET), count_limit=3
        )

    @pytest.mark.parametrize(("stored", "counted", "exact"), [(0, 0, True), (2, 2, True), (3, 3, True), (4, 3, False)])
    async def test_a_count_stops_at_its_limit_and_is_marked_as_inexact(
        self,
        server: str,
        token_for: Token,
        stored: int,
        counted: int,
        exact: bool,  # noqa: FBT001 - a case
    ):
        if stored:
            await store(*[execution(number) for number in range(stored)])

        answer = await execute(
            server, token_for("ada", "acme"), "{ executions(first: 1) { totalCount totalCountIsExact } }"
        )

        assert answer.data["executions"] == {"totalCount": counted, "totalCountIsExact": exact}


async def test_a_live_cursor_is_returned_when_it_is_selected(server: str, token_for: Token):
    answer = await execute(server, token_for("ada", "acme"), "{ executions { liveCursor nodes { id } } }")

    assert len(answer.data["executions"]["liveCursor"]) > 20


async def test_every_field_of_a_sparse_document_is_returned(server: str, token_for: Token):
    await store({"execution_id": "bare", "tenant_id": "acme", "user_id": "ada"})

    answer = await execute(server, token_for("ada", "acme", "executions:payload"), EVERY_FIELD)

    (node,) = answer.data["executions"]["nodes"]
    assert (node["status"], node["attempt"], node["tags"], node["totalCost"]) == ("PENDING", 1, [], 0)
    assert node["progress"] == {"currentStep": 0, "totalSteps": 0, "percentage": 0}


async def test_a_document_full_of_wrong_types_is_returned(server: str, token_for: Token):
    odd = {name: {"odd": [1, "x"]} for name in ("execution_name", "status", "started_at", "total_duration", "progress")}
    more = {
        "tags": "none",
        "error_details": "it broke",
        "total_cost": float("nan"),
        "tokens_used": 2**40,
        "attempt": "two",
    }
    await store(execution(1, **odd, **more, created="yesterday", version=None))

    answer = await execute(server, token_for("ada", "acme", "executions:payload"), EVERY_FIELD)

    (node,) = answer.data["executions"]["nodes"]
    assert node["error"]["message"] == "it broke"
    assert (node["tokens"], node["tokensUsed"]) == (2**40, 2**31 - 1)


async def test_running_executions_last_until_now(server: str, token_for: Token):
    await store(execution(1, status="running", started_at=NOON - timedelta(days=1)))

    answer = await execute(server, token_for("ada", "acme"), "{ executions { nodes { durationSeconds } } }")

    assert answer.data["executions"]["nodes"][0]["durationSeconds"] > 86_400


EVERY_FIELD = """{ executions { totalCount edges { cursor node { id } } nodes {
  id executionId name workflowName workflowTemplateId status statusDetail createdAt startedAt completedAt updatedAt
  durationSeconds progress { currentStep totalSteps percentage } stepsCompleted stepsFailed triggeredBy userId tenantId
  sessionId attempt parentExecutionId tags { key value } totalCost tokens tokensUsed
  performance inputParameters finalResult error { message code type stepId stackTrace retryable }
  steps { nodes { id } } logs { nodes { at } }
} } }"""

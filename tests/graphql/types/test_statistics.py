"""Statistics of executions in GraphQL: every field, and that only what is selected is computed."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from execution_monitor.auth.caller import Caller
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import to_client_errors
from execution_monitor.graphql.schema import create_schema
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live
from execution_monitor.statistics.measures import COUNT_ALONE, Measure
from execution_monitor.statistics.requests import (
    GroupField,
    GroupOrder,
    GroupsRequest,
    StatisticsAnswer,
    StatisticsRequest,
)
from execution_monitor.statistics.service import Statistics
from execution_monitor.statistics.time_buckets import Interval
from execution_monitor.storage.database import Database
from execution_monitor.storage.reader import Reader
from tests.support.documents import execution, store

ADA = Caller("ada", "acme", frozenset({"executions:read"}))
OLGA = Caller("olga", "acme", frozenset({"executions:read", "executions:read:tenant"}))
SINCE_NOON = {"createdAt": {"gte": "2026-11-01T12:00:00Z", "lt": "2026-11-01T14:00:00Z"}}
HOUR = 3_600

STORED = (
    execution(1, total_duration=10.0, total_cost=1.5, tokens_used=100),
    execution(2, total_duration=20, total_cost=0.5, tags=[{"key": "team", "value": "red"}]),
    execution(3, status="failed", total_duration=30, error_details={"message": "disk", "code": "DISK"}),
    execution(HOUR, status="timed_out", workflow_name="train", total_duration=40, tokens_used=11),
    execution(HOUR + 1, status="running", workflow_name="train", total_cost=0.25),
    execution(4, user_id="ben", total_duration=1_000, total_cost=1_000.0),
    execution(5, tenant_id="globex", total_duration=1_000, total_cost=1_000.0),
    # Before the range.
    execution(-1, total_duration=1_000, total_cost=1_000.0),
)


@dataclass
class RecordedStatistics:
    """Statistics that record what is requested of them."""

    statistics: Statistics
    requests: list[StatisticsRequest] = field(default_factory=list[StatisticsRequest])

    async def answer(self, caller: Caller, request: StatisticsRequest) -> StatisticsAnswer:
        self.requests.append(request)
        return await self.statistics.answer(caller, request)


@dataclass
class Ask:
    """Runs queries in this process, on what is stored."""

    database: Database
    mongodb_uri: str
    requests: list[StatisticsRequest] = field(default_factory=list[StatisticsRequest])

    async def __call__(self, caller: Caller, text: str, **variables: Any) -> Any:
        """The data; fails if there are errors."""
        data, errors = await self.run(caller, text, **variables)
        assert errors == []
        return data["executionStatistics"]

    async def run(self, caller: Caller, text: str, **variables: Any) -> tuple[Any, list[Any]]:
        sums: Any = RecordedStatistics(Statistics(Reader(self.database, 5_000)), self.requests)
        live = Live(self.database, self.mongodb_uri, LiveCursors(b"secret"))
        context = Context(caller, Monitor.over(self.database, timeout_ms=5_000, count_limit=100), live, sums=sums)
        result = await create_schema().execute(text, variables, context_value=context)
        await live.close()
        return result.data, to_client_errors(result.errors or [])


@pytest.fixture
async def ask(database: Database, mongodb_uri: str) -> Ask:
    await store(*STORED)
    return Ask(database, mongodb_uri)


def query(selection: str, *, arguments: str = "", variables: str = "") -> str:
    """A query of a selection, which fragments may follow."""
    selection, *fragments = selection.split("fragment")
    return f"""query Q($where: ExecutionFilter {variables}) {{
      executionStatistics(filter: $where {arguments}) {{ {selection} }} }}
      {" ".join(f"fragment {each}" for each in fragments)}"""


STATUSES = ("PENDING", "RUNNING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT")


def by_status(**counts: int) -> list[dict[str, Any]]:
    return [{"status": each, "count": counts.get(each, 0)} for each in STATUSES]


async def test_totals_are_those_of_the_executions_that_match_and_may_be_seen(ask: Ask):
    everything = """count byStatus { status count } successRate totalCost tokens
      duration { count mean p50 p90 p95 p99 max } cost { count mean p50 max }"""

    found = await ask(ADA, query(everything), where=SINCE_NOON)

    assert found["count"] == 5
    assert found["byStatus"] == by_status(COMPLETED=2, FAILED=1, TIMED_OUT=1, RUNNING=1)
    assert found["successRate"] == 0.5
    assert (found["totalCost"], found["tokens"]) == (2.25, 111)
    duration, cost = found["duration"], found["cost"]
    assert (duration["count"], duration["mean"]) == (4, 25.0)
    assert [duration[each] for each in ("p50", "p90", "p95", "p99", "max")] == pytest.approx(
        [20, 30, 30, 30, 40], rel=0.01
    )
    assert (cost["count"], cost["mean"]) == (3, 0.75)
    assert [cost["p50"], cost["max"]] == pytest.approx([0.5, 1.5], rel=0.01)


async def test_who_reads_the_tenant_gets_the_statistics_of_the_tenant(ask: Ask):
    found = await ask(OLGA, query("count totalCost groups(by: USER_ID) { value count }"), where=SINCE_NOON)

    assert (found["count"], found["totalCost"]) == (6, 1_002.25)
    assert found["groups"] == [{"value": "ada", "count": 5}, {"value": "ben", "count": 1}]


async def test_nothing_adds_up_to_zeros_and_nulls(ask: Ask):
    selection = "count byStatus { status count } successRate totalCost tokens duration { count mean p95 max }"

    found = await ask(ADA, query(f"{selection} groups(by: TAG) {{ value }}"), where={"executionId": {"eq": "none"}})

    assert found == {
        "count": 0,
        "byStatus": by_status(),
        "successRate": None,
        "totalCost": 0.0,
        "tokens": 0,
        "duration": {"count": 0, "mean": None, "p95": None, "max": None},
        "groups": [],
    }


async def test_the_series_has_every_bucket_in_its_time_zone(ask: Ask):
    selection = "series { start end count totalCost tokens successRate duration { max } byStatus { status count } }"

    found = await ask(ADA, query(selection, arguments="interval: HOUR"), where=SINCE_NOON)
    days = await ask(
        ADA,
        query("series { start end }", arguments='interval: DAY timeZone: "America/New_York"'),
        where={"createdAt": {"gte": "2026-10-31T12:00:00Z", "lt": "2026-11-02T05:00:00Z"}},
    )

    noon, one = found["series"]
    assert (noon["start"], noon["end"]) == ("2026-11-01T12:00:00.000+00:00", "2026-11-01T13:00:00.000+00:00")
    assert one["start"] == noon["end"]
    assert (noon["count"], noon["totalCost"], noon["tokens"], noon["successRate"]) == (3, 2.0, 100, 2 / 3)
    assert noon["duration"]["max"] == pytest.approx(30, rel=0.01)
    assert (one["count"], one["successRate"]) == (2, 0.0)
    assert one["byStatus"] == by_status(TIMED_OUT=1, RUNNING=1)
    # The clocks went back on the second of them, a day of 25 hours.
    assert [each["start"] for each in days["series"]] == [
        "2026-10-31T04:00:00.000+00:00",
        "2026-11-01T04:00:00.000+00:00",
    ]
    assert days["series"][-1]["end"] == "2026-11-02T05:00:00.000+00:00"


async def test_groups_have_the_values_that_filters_take(ask: Ask):
    selection = """
      workflows: groups(by: WORKFLOW_NAME) { value tag { key } count successRate totalCost tokens duration { mean } }
      codes: groups(by: ERROR_CODE, first: 2) { value count byStatus { status count } }
      states: groups(by: STATUS, order: FAILURES, first: 1) { value count }
      tags: groups(by: TAG) { value tag { key value } count }
      slow: groups(by: WORKFLOW_NAME, order: P95, first: 1) { value }"""

    found = await ask(ADA, query(selection), where=SINCE_NOON)

    etl, train = found["workflows"]
    assert etl == {
        "value": "etl",
        "tag": None,
        "count": 3,
        "successRate": 2 / 3,
        "totalCost": 2.0,
        "tokens": 100,
        "duration": {"mean": 20.0},
    }
    assert (train["value"], train["totalCost"]) == ("train", 0.25)
    assert [(each["value"], each["count"]) for each in found["codes"]] == [(None, 4), ("DISK", 1)]
    assert found["codes"][1]["byStatus"] == by_status(FAILED=1)
    assert found["states"] == [{"value": "FAILED", "count": 1}]
    assert found["tags"] == [
        {"value": None, "tag": None, "count": 4},
        {"value": "team", "tag": {"key": "team", "value": "red"}, "count": 1},
    ]
    assert found["slow"] == [{"value": "train"}]


DURATION, COST, TOKENS = Measure.DURATION, Measure.COST, Measure.TOKENS
WORKFLOWS, USERS = GroupField.WORKFLOW_NAME, GroupField.USER_ID


@pytest.mark.parametrize(
    ("selection", "totals", "series", "groups"),
    [
        pytest.param("asOf liveCursor basis relativeError documentsExamined", None, None, (), id="about the answer"),
        pytest.param("count byStatus { count } successRate", COUNT_ALONE, None, (), id="counts"),
        pytest.param("duration { p95 }", DURATION, None, (), id="durations"),
        pytest.param("cost { p95 }", COST, None, (), id="costs"),
        pytest.param("totalCost tokens", COST | TOKENS, None, (), id="sums"),
        pytest.param("series { start }", None, COUNT_ALONE, (), id="buckets alone"),
        pytest.param(
            "a: series { count } ...S ... @include(if: $no) { count } "
            "fragment S on ExecutionStatistics { b: series { ...B } } "
            "fragment B on StatisticsBucket { tokens duration @skip(if: $no) { p50 } totalCost @include(if: $no) }",
            None,
            DURATION | TOKENS,
            (),
            id="a series in a fragment, and what is left out",
        ),
        pytest.param(
            "a: groups(by: USER_ID) { ...G } b: groups(by: USER_ID, first: $five) { ...G tokens } "
            "c: groups(by: USER_ID, order: COUNT, first: 10) { totalCost } "
            "a: groups(by: USER_ID) { duration { max } } groups(by: WORKFLOW_NAME, order: COST) { value } "
            "fragment G on StatisticsGroup { count }",
            None,
            None,
            (
                GroupsRequest(USERS, measures=DURATION | COST),
                GroupsRequest(USERS, first=5, measures=TOKENS),
                GroupsRequest(WORKFLOWS, GroupOrder.COST),
            ),
            id="groups",
        ),
    ],
)
async def test_only_what_is_selected_is_requested(
    ask: Ask, selection: str, totals: Measure | None, series: Measure | None, groups: tuple[GroupsRequest, ...]
):
    variables = ", $no: Boolean = false, $five: Int! = 5"
    left_out = "none: groups(by: TAG, first: $five) @include(if: $no) { tokens }"

    await ask(ADA, query(f"__typename {left_out} {selection}", variables=variables), where=SINCE_NOON)

    (request,) = ask.requests
    assert (request.totals, request.series, request.groups) == (totals, series, groups)


async def test_the_arguments_reach_the_request(ask: Ask):
    arguments = 'timeZone: "Europe/Berlin" interval: MINUTES_5 allowSampling: true'

    await ask(ADA, query("count", arguments=arguments), where=SINCE_NOON)
    await ask(ADA, "{ executionStatistics(filter: null, interval: null) { count } }")

    given, default = ask.requests
    assert (given.zone, given.interval, given.allows_sampling) == ("Europe/Berlin", Interval.MINUTES_5, True)
    assert (default.zone, default.interval, default.allows_sampling) == ("UTC", None, False)


@pytest.mark.parametrize(
    ("selection", "arguments", "message"),
    [
        pytest.param("groups(by: TAG, first: 0) { count }", "", "first must be from 1 to 100, not 0.", id="no group"),
        pytest.param("groups(by: TAG, first: 101) { count }", "", "first must be from 1 to 100, not 101.", id="many"),
        pytest.param("count", 'timeZone: "Mars"', "timeZone must be an IANA name", id="no such time zone"),
        pytest.param("series { count }", "interval: MINUTE", "interval MINUTES_5 would do", id="many buckets"),
    ],
)
async def test_a_wrong_argument_is_refused_with_what_would_do(ask: Ask, selection: str, arguments: str, message: str):
    data, (error,) = await ask.run(ADA, query(selection, arguments=arguments), where=SINCE_NOON)

    assert data is None
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert message in error["message"]

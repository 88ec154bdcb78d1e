"""Statistics of executions in GraphQL: every field, and that only what is selected is computed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from execution_monitor.asgi.operations import Outcome
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.tokens import issue_token
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
from execution_monitor.storage.documents import Step, collection_of
from execution_monitor.storage.reader import Reader
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.support.client import execute
from tests.support.documents import NOON, execution, store
from tests.support.sent_commands import recording_commands
from tests.support.tokens import SECRET

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
    outcome: Outcome = field(default_factory=Outcome)  # of the last query

    async def __call__(self, caller: Caller, text: str, **variables: Any) -> Any:
        """The data; fails if there are errors."""
        data, errors = await self.run(caller, text, **variables)
        assert errors == []
        return data["executionStatistics"]

    async def run(self, caller: Caller, text: str, **variables: Any) -> tuple[Any, list[Any]]:
        sums: Any = RecordedStatistics(Statistics(Reader(self.database, 5_000)), self.requests)
        live = Live(self.database, self.mongodb_uri, LiveCursors(b"secret"))
        monitor, self.outcome = Monitor.over(self.database, timeout_ms=5_000, count_limit=100), Outcome()
        context = Context(caller, monitor, live, self.outcome, sums=sums)
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
        pytest.param("slowest(first: 0) { id }", "", "first must be from 1 to 100, not 0.", id="no slowest"),
        pytest.param("latestFailures(first: -1) { id }", "", "first must be from 1 to 100, not -1.", id="no failure"),
        pytest.param("steps(first: 101) { name }", "", "first must be from 1 to 100, not 101.", id="many steps"),
        pytest.param("count", 'timeZone: "Mars"', "timeZone must be an IANA name", id="no such time zone"),
        pytest.param("series { count }", "interval: MINUTE", "interval MINUTES_5 (5m) would do", id="many buckets"),
    ],
)
async def test_a_wrong_argument_is_refused_with_what_would_do(ask: Ask, selection: str, arguments: str, message: str):
    data, (error,) = await ask.run(ADA, query(selection, arguments=arguments), where=SINCE_NOON)

    assert data is None
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert message in error["message"]


async def test_the_slowest_executions_are_among_those_that_are_counted(ask: Ask):
    await store(
        execution(6, status="cancelled", total_duration=35),
        execution(7, status="running", total_duration=5_000),
        execution(8, status="completed"),
        execution(9, total_duration="long"),
    )
    selection = "slowest(first: $first) { executionId durationSeconds }"

    found = await ask(ADA, query(selection, variables=", $first: Int = 10"), where=SINCE_NOON)
    two = await ask(OLGA, query(selection, variables=", $first: Int!"), where=SINCE_NOON, first=2)
    etl = {"workflowName": {"eq": "etl"}, "status": {"eq": "FAILED"}, **SINCE_NOON}
    failed = await ask(ADA, query("slowest { executionId } count"), where=etl)

    shown = [(each["executionId"], each["durationSeconds"]) for each in found["slowest"]]
    assert shown == [("e3600", 40.0), ("e006", 35.0), ("e003", 30.0), ("e002", 20.0), ("e001", 10.0)]
    assert [each["executionId"] for each in two["slowest"]] == ["e004", "e3600"]
    assert failed == {"slowest": [{"executionId": "e003"}], "count": 1}


async def test_the_latest_failures_are_the_newest_that_failed_or_timed_out(ask: Ask):
    await collection_of(Step).insert_one(
        {"execution_id": "e003", "tenant_id": "acme", "step_id": "s", "step_name": "load", "created": NOON}
    )
    selection = "latestFailures { executionId status error { code } steps { nodes { name } } }"

    found = await ask(ADA, query(selection), where=SINCE_NOON)

    assert found["latestFailures"] == [
        {"executionId": "e3600", "status": "TIMED_OUT", "error": None, "steps": {"nodes": []}},
        {"executionId": "e003", "status": "FAILED", "error": {"code": "DISK"}, "steps": {"nodes": [{"name": "load"}]}},
    ]


async def test_executions_that_are_shown_are_audited_and_others_are_not(ask: Ask):
    await ask(ADA, query("count steps { name } groups(by: USER_ID) { value }"), where=SINCE_NOON)
    counted = list(ask.outcome.execution_ids)
    await ask(ADA, query("slowest(first: 1) { status } latestFailures { name }"), where=SINCE_NOON)

    assert counted == []
    assert sorted(ask.outcome.execution_ids) == ["e003", "e3600"]


async def test_of_executions_only_what_is_selected_is_read(ask: Ask, database_name: str):
    async with recording_commands(ask.mongodb_uri, database_name) as (connected, sent):
        reading = Ask(connected, ask.mongodb_uri)
        await reading(ADA, query("slowest { name } latestFailures { totalCost }"), where=SINCE_NOON)

    projections = {frozenset(each["projection"]) for each in sent.reads if "find" in each}
    # The slowest are sorted by their duration.
    assert projections == {
        frozenset({"_id", "execution_id", "execution_name", "total_duration"}),
        frozenset({"_id", "execution_id", "total_cost"}),
    }


def step(execution_id: str, number: int, **fields: Any) -> dict[str, Any]:
    common = {"execution_id": execution_id, "tenant_id": "acme", "step_id": f"s{number}", "step_index": number}
    return {**common, "created": NOON, "status": "completed", **fields}


async def test_steps_are_added_up_by_name(ask: Ask):
    load, send = {"step_name": "load", "step_type": "http"}, {"step_name": "send"}
    await collection_of(Step).insert_many(
        [
            step("e001", 1, **load, duration=1.0, cost=0.25),
            step("e002", 1, **load, duration=3, status="failed"),
            step("e003", 1, **{**load, "step_type": "file"}, status="timed_out", cost="much"),
            step("e003", 2, **load, status="running", duration=99),
            step("e001", 2, **send, duration=50, status="cancelled", cost=2),
            step("e002", 2, duration=2.0, step_name=""),
            step("e003", 3, step_name="wait", duration="long"),
            # Of others.
            step("e004", 1, **load, duration=900),
            {**step("e001", 1, **load, duration=900), "tenant_id": "globex"},
            step("e-01", 1, **load, duration=900),
        ]
    )
    selection = "steps { name kind count failedCount totalCost duration { count mean p50 max } }"

    found = (await ask(ADA, query(selection), where=SINCE_NOON))["steps"]
    first = (await ask(ADA, query("steps(first: 1) { name }"), where=SINCE_NOON))["steps"]

    assert [each["name"] for each in found] == ["send", "load", "s2", "wait"]
    send_steps, load_steps, _, waits = found
    assert (load_steps["kind"], load_steps["count"], load_steps["failedCount"]) == ("http", 4, 2)
    assert (load_steps["duration"]["count"], load_steps["duration"]["mean"]) == (2, 2.0)
    assert load_steps["duration"]["max"] == pytest.approx(3, rel=0.01)
    assert (load_steps["totalCost"], send_steps["totalCost"]) == (0.25, 2.0)
    assert (send_steps["kind"], send_steps["failedCount"]) == (None, 0)
    assert waits["duration"] == {"count": 0, "mean": None, "p50": None, "max": None}
    assert first == [{"name": "send"}]


async def test_steps_are_those_of_the_latest_executions(ask: Ask):
    await store(*(execution(number) for number in range(10, 210)))
    await collection_of(Step).insert_many(
        [
            step("e3601", 1, step_name="new"),
            step("e012", 1, step_name="of the last"),
            step("e011", 1, step_name="of the one before"),
        ]
    )

    found = (await ask(ADA, query("steps { name }"), where=SINCE_NOON))["steps"]

    assert [each["name"] for each in found] == ["new", "of the last"]


async def test_executions_and_steps_are_those_of_the_instant_that_was_counted(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
):
    await collection_of(Step).insert_one(step("e001", 1, step_name="load"))
    answer = Statistics.answer

    async def change_afterwards(self: Statistics, caller: Caller, request: StatisticsRequest) -> StatisticsAnswer:
        answered = await answer(self, caller, request)
        await store(execution(20, status="failed", total_duration=99))
        await collection_of(Step).insert_one(step("e002", 1, step_name="load"))
        return answered

    monkeypatch.setattr(Statistics, "answer", change_afterwards)

    found = await ask(
        ADA,
        query("count slowest(first: 1) { executionId } latestFailures { executionId } steps { count }"),
        where=SINCE_NOON,
    )

    assert found == {
        "count": 5,
        "slowest": [{"executionId": "e3600"}],
        "latestFailures": [{"executionId": "e3600"}, {"executionId": "e003"}],
        "steps": [{"count": 1}],
    }


async def test_what_adds_nothing_up_examines_nothing(ask: Ask):
    found = await ask(ADA, query("asOf documentsExamined basis slowest(first: 1) { executionId }"), where=SINCE_NOON)
    counted = await ask(ADA, query("count documentsExamined"), where=SINCE_NOON)

    assert (found["documentsExamined"], found["basis"]) == (0, "EXACT")
    assert found["slowest"] == [{"executionId": "e3600"}]
    assert counted == {"count": 5, "documentsExamined": 5}


async def test_lists_and_statistics_are_answered_by_one_operation(server: str, token_for: Callable[..., str]):
    await store(*STORED)
    both = """query Q($where: ExecutionFilter) {
      executions(filter: $where, first: 1) { totalCount nodes { executionId } }
      executionStatistics(filter: $where) { count liveCursor } viewer { userId } }"""
    updates = "subscription S($after: String) { executionUpdates(after: $after) { executionId } }"

    answer = await execute(server, token_for("ada", "acme"), both, where=SINCE_NOON)

    statistics = answer.data["executionStatistics"]
    assert answer.data["executions"] == {"totalCount": 5, "nodes": [{"executionId": "e3601"}]}
    assert (statistics["count"], answer.data["viewer"]) == (5, {"userId": "ada"})
    async with opened(server) as socket:
        await socket.begin(token_for("ada", "acme"))
        await socket.subscribe({"query": updates, "variables": {"after": statistics["liveCursor"]}})
        await store(execution(10))
        event = await socket.next()
    assert event["executionUpdates"] == {"executionId": "e010"}


async def test_statistics_without_the_scope_are_forbidden_over_a_socket(server: str):
    lifetime = timedelta(hours=1)
    token = issue_token(SECRET, user="ada", tenant="acme", scopes=(), roles=["auditor"], lifetime=lifetime)

    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": "{ executionStatistics { count } }"})
        payload = (await socket.receive())["payload"]

    assert payload["data"] is None
    assert [each["extensions"]["code"] for each in payload["errors"]] == ["FORBIDDEN"]

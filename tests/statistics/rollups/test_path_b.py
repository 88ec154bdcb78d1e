"""Path B answers exactly what path A answers at the same instant, for whoever asks, or leaves it to path A."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import Timestamp

from execution_monitor.auth.caller import Caller, Grant, Scope
from execution_monitor.errors import BadUserInput
from execution_monitor.live.resume_tokens import position_after
from execution_monitor.statistics.measures import EVERY_MEASURE, Measure
from execution_monitor.statistics.path_a import PathA
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import Basis, GroupField, GroupOrder, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.rollups.path_b import PathB
from execution_monitor.statistics.rollups.plans import plan_of
from execution_monitor.statistics.service import Statistics
from execution_monitor.statistics.time_buckets import Interval
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, collection_of
from execution_monitor.storage.filters import (
    EVERYTHING,
    AnyOf,
    Contains,
    Filter,
    NoneOf,
    Not,
    OneOf,
    Range,
    StartsWith,
    all_of,
    equals,
)
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.server_documents import ExecutionRollup, FeedPosition
from tests.statistics.questions import ADA, OPERATOR, shown
from tests.statistics.rollups.feeding import caught_up, feeding
from tests.statistics.rollups.recount import NOON, change_at_random

# What a role shows: of everyone what failed, and of her own the reports.
HEIDI = Caller(
    "ben",
    "acme",
    frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}),
    grants=(
        Grant(Scope.EXECUTIONS_READ, equals("workflow_name", "report")),
        Grant(Scope.EXECUTIONS_READ_TENANT, OneOf("status", ("failed", "timed_out"))),
    ),
)
RECENT = Caller(
    "ben",
    "acme",
    frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}),
    grants=(Grant(Scope.EXECUTIONS_READ_TENANT, Range("created", gte=NOON - timedelta(hours=20, minutes=7))),),
)
CALLERS = (
    OPERATOR,
    ADA,
    HEIDI,
    RECENT,
    Caller("ivan", "globex", frozenset({Scope.EXECUTIONS_READ_TENANT, Scope.EXECUTIONS_READ})),
)
_LEAVES: tuple[Filter, ...] = (
    EVERYTHING,
    equals("status", "failed"),
    NoneOf("status", ("completed", None)),
    equals("workflow_name", "größe"),
    equals("workflow_name", None),
    StartsWith("workflow_name", "re"),
    Contains("workflow_name", "T"),
    equals("error_details.code", "E1"),
    equals("error_details.code", None),
    Range("error_details.code", gt="E1"),
    equals("user_id", "ada"),
    OneOf("user_id", ("ben", "cleo")),
    NoneOf("user_id", ("ada",)),
    AnyOf(),
)
_GROUPS = (GroupField.WORKFLOW_NAME, GroupField.USER_ID, GroupField.ERROR_CODE, GroupField.STATUS)
_ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York")


def random_request(random_: random.Random) -> StatisticsRequest:
    """A request that rows answer, mostly."""
    leaf = random_.choice(_LEAVES)
    where = random_.choice((leaf, leaf, Not(leaf), AnyOf((leaf, random_.choice(_LEAVES)))))
    start = NOON + timedelta(minutes=random_.randrange(-3_000, 2_000), milliseconds=random_.choice((0, 1, 60_001)))
    start = random_.choice((start, start.replace(minute=15, second=0, microsecond=0)))
    end = random_.choice(
        (
            None,
            start + timedelta(minutes=random_.choice((10, 60, 720, 2_000, 5_000)), milliseconds=random_.choice((0, 7))),
        )
    )
    measures = (Measure(0), Measure.COST, EVERY_MEASURE)
    return StatisticsRequest(
        all_of(where, Range("created", gte=start, lt=end)),
        random_.choice(_ZONES),
        random_.choice((None, Interval.MINUTES_15, Interval.HOUR, Interval.HOURS_6, Interval.DAY)),
        random_.choice((None, *measures)),
        random_.choice((None, *measures)),
        tuple(
            GroupsRequest(by, random_.choice(tuple(GroupOrder)), random_.choice((1, 2, 100)), random_.choice(measures))
            for by in random_.sample(_GROUPS, random_.randrange(3))
        ),
    )


async def test_it_answers_random_questions_as_path_a_does_at_the_same_instant(database: Database):
    random_ = random.Random(2)  # noqa: S311
    await change_at_random(collection_of(Execution), random_, 300)
    reader = Reader(database, 10_000)
    path_a, path_b = PathA(reader), PathB(reader, min_executions=0)
    served = asked = 0
    counts = list[int]()
    async with feeding(database):
        await caught_up(database)
        for _ in range(150):
            try:
                question = Question.of(random_.choice(CALLERS), random_request(random_), NOON + timedelta(days=1))
            except BadUserInput:
                continue
            asked += 1
            tables, expected = StatisticsTables(), StatisticsTables()
            filled = await path_b.fill(question, tables)
            if filled is None:
                continue
            served += 1
            await path_a.fill(question, expected, at=filled.read_at, every_group=True)
            assert shown(question, tables) == shown(question, expected), question.request
            counts.append(expected.totals.count)

    assert served > asked / 3
    assert sum(map(bool, counts)) > served / 4


# A question that rows answer, unless something is wrong with them.
REQUEST = StatisticsRequest(
    Range("created", gte=NOON - timedelta(days=3), lt=NOON + timedelta(days=3, minutes=7)),
    series=EVERY_MEASURE,
    totals=EVERY_MEASURE,
    groups=(GroupsRequest(GroupField.WORKFLOW_NAME, measures=EVERY_MEASURE),),
)


async def test_an_answer_says_that_it_is_of_rollups_and_is_the_same(database: Database):
    await change_at_random(collection_of(Execution), random.Random(3), 100)  # noqa: S311
    reader = Reader(database, 10_000)
    async with feeding(database):
        await caught_up(database)
        summed = await Statistics(reader, PathB(reader, min_executions=10)).answer(OPERATOR, REQUEST)
        few = await Statistics(reader, PathB(reader, min_executions=10_000)).answer(OPERATOR, REQUEST)
        read = await Statistics(reader).answer(OPERATOR, REQUEST)

    assert (summed.basis, few.basis, read.basis) == (Basis.ROLLUP, Basis.EXACT, Basis.EXACT)
    assert summed.totals.count > 20
    assert (summed.totals, summed.series, summed.groups) == (read.totals, read.series, read.groups)
    assert summed.read_at <= read.read_at


@pytest.mark.parametrize(
    ("query", "change"),
    [
        ({"_id": "rollups"}, {"as_of": NOON - timedelta(days=300)}),
        ({"_id": "rollups"}, {"as_of": None}),
        ({"_id": "rollups"}, {"position": position_after(Timestamp(2_000_000_000, 1))[:-2] + "2B04"}),
        ({"tenant_id": "acme"}, {"built_from": 2**62}),
        ({"tenant_id": "acme"}, {"version": 0}),
    ],
    ids=["the feeder is behind", "it was never up to date", "it is within one time", "not built", "another version"],
)
async def test_path_a_answers_while_rows_are_not_up_to_date(
    database: Database, query: dict[str, Any], change: dict[str, Any]
):
    await change_at_random(collection_of(Execution), random.Random(3), 30)  # noqa: S311
    path_b = PathB(Reader(database, 10_000), min_executions=0)
    question = Question.of(OPERATOR, REQUEST, NOON)
    async with feeding(database):
        await caught_up(database)
    assert await path_b.fill(question, StatisticsTables()) is not None
    document = FeedPosition if "_id" in query else ExecutionRollup

    await collection_of(document).update_one({**query, "position": {"$exists": True}}, {"$set": change})

    tables = StatisticsTables()
    assert await path_b.fill(question, tables) is None
    assert shown(question, tables) == shown(question, StatisticsTables())


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, groups=(GroupsRequest(GroupField.TAG),)),
        replace(REQUEST, where=all_of(REQUEST.where, Range("total_cost", gt=0))),
        replace(REQUEST, where=all_of(REQUEST.where, Not(Range("created", gte=NOON)))),
        replace(REQUEST, where=all_of(REQUEST.where, equals("created", NOON))),
        replace(REQUEST, where=Range("created", gte=NOON, lt=NOON + timedelta(minutes=14))),
        replace(REQUEST, where=Range("created", gte=NOON, lt=NOON + timedelta(hours=1)), interval=Interval.MINUTE),
        replace(
            REQUEST,
            where=all_of(NoneOf("user_id", ("ada",)), equals("workflow_name", "etl"), REQUEST.where),
        ),
    ],
    ids=["tags", "cost", "not a range", "one time", "no whole quarter", "minutes", "workflows of most owners"],
)
def test_what_rows_do_not_tell_is_left_to_path_a(request_: StatisticsRequest):
    assert plan_of(Question.of(OPERATOR, request_, NOON)) is None


def test_buckets_of_a_zone_that_had_no_whole_quarters_are_left_to_path_a():
    of_1900 = Range("created", gte=datetime(1890, 1, 1, tzinfo=UTC), lt=datetime(1890, 2, 1, tzinfo=UTC))

    assert plan_of(Question.of(OPERATOR, replace(REQUEST, where=of_1900), NOON)) is not None
    assert plan_of(Question.of(OPERATOR, replace(REQUEST, where=of_1900, zone="Europe/Berlin"), NOON)) is None


async def test_a_caller_sees_own_executions_alone_in_rows(database: Database):
    await change_at_random(collection_of(Execution), random.Random(3), 100)  # noqa: S311
    path_b = PathB(Reader(database, 10_000), min_executions=0)
    async with feeding(database):
        await caught_up(database)
        own, all_ = StatisticsTables(), StatisticsTables()
        request = StatisticsRequest(REQUEST.where, groups=(GroupsRequest(GroupField.USER_ID),))
        assert await path_b.fill(Question.of(ADA, request, NOON), own)
        assert await path_b.fill(Question.of(OPERATOR, request, NOON), all_)

    assert {*own.by_group[GroupField.USER_ID]} == {"ada"}
    assert own.totals.count == all_.by_group[GroupField.USER_ID]["ada"].count < all_.totals.count

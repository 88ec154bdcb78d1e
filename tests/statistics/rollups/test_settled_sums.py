"""Sums that are kept from one answer to the next are what path A finds, whatever has changed in between."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from execution_monitor.auth.caller import Caller
from execution_monitor.feeder.consumers import Gap
from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.live.changes import GapReason
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.statistics.measures import Breakdown, Measures
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.rollups.clearing import clear_empty_rows
from execution_monitor.statistics.rollups.consumer import Rollups
from execution_monitor.statistics.rollups.marks import Marks
from execution_monitor.statistics.rollups.path_b import PathB
from execution_monitor.statistics.rollups.settled_sums import SettledSums, SettledSumsCache, Use
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, ExecutionStatus, collection_of
from execution_monitor.storage.reader import Reader
from tests.statistics.questions import ADA, OPERATOR, in_python, shown
from tests.statistics.rollups.checking import CALLERS, FAILED, WHOLE, Checker, filled_by, request_from
from tests.statistics.rollups.feeding import caught_up, feeding
from tests.statistics.rollups.recount import NOON, change_at_random


async def test_kept_sums_are_what_path_a_finds_after_random_changes(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    random_, executions, checker = random.Random(8), collection_of(Execution), Checker(database)  # noqa: S311

    def some_days(marks: Marks, _: StreamPosition) -> frozenset[int]:
        return frozenset(day for day in marks if random_.random() < 0.8)

    # Whichever days count as settled, answers are the same.
    monkeypatch.setattr("execution_monitor.statistics.rollups.row_reading.settled_days", some_days)
    await change_at_random(executions, random_, 300)
    async with feeding(database):
        for number in range(6):
            await change_at_random(executions, random_, (0, 3, 60)[number % 3])
            if number == 4:
                await executions.delete_many({"created": {"$gte": NOON + timedelta(days=1)}})
            await caught_up(database)
            if number % 2:
                await clear_empty_rows(database)
            await checker.check()
            await checker.check()

    uses = checker.path_b.settled.uses
    assert min(uses[use] for use in Use) > 10
    assert sum(map(bool, checker.counts)) > len(checker.counts) / 2


@pytest.mark.parametrize(
    "change",
    [
        {"workflow_name": "renamed"},
        {"user_id": "dora"},
        {"tenant_id": "initech"},
        {"status": "cancelled"},
        {"error_details": {"code": "E9"}},
        {"created": NOON + timedelta(minutes=20)},
        {"created": NOON + timedelta(days=1)},
        {"total_cost": 9.0},
    ],
    ids="".join,
)
async def test_a_change_is_in_the_next_answer(
    database: Database, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
):
    monkeypatch.setattr("execution_monitor.statistics.rollups.marks.SETTLED_SECONDS", -60)
    executions, checker = collection_of(Execution), Checker(database, (OPERATOR, ADA))
    one = {"execution_id": "e1", "tenant_id": "acme", "user_id": "ada", "workflow_name": "etl", "version": 1}
    values = {"status": "failed", "created": NOON, "error_details": {"code": "E1"}, "total_cost": 1.0}
    rows = [{**one, **values, "execution_id": f"e{number}"} for number in range(3)]
    await executions.insert_many(rows)
    async with feeding(database):
        await caught_up(database)
        await checker.check()
        await executions.update_one({"execution_id": "e1"}, {"$set": {**change, "version": 2}})
        await caught_up(database)
        await checker.check()
        reused = checker.path_b.settled.uses[Use.REUSED]
        await checker.check()

    assert checker.path_b.settled.uses[Use.REUSED] > reused


@pytest.mark.parametrize(
    "change",
    [
        {"created": NOON + timedelta(minutes=6)},
        {"created": NOON + timedelta(minutes=20)},
        {"created": [NOON + timedelta(minutes=8)]},
        {"status": ["failed"]},
        {"total_cost": 2.0},
        {"workflow_name": "renamed"},
    ],
    ids=["before the edge", "behind the edge", "an array of times", "an odd status", "cost", "workflow"],
)
async def test_an_execution_on_the_edge_of_a_range_is_in_the_next_answer(
    database: Database, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
):
    monkeypatch.setattr("execution_monitor.statistics.rollups.marks.SETTLED_SECONDS", -60)
    executions = collection_of(Execution)
    of_edge = request_from(NOON + timedelta(minutes=7), NOON + timedelta(days=1))
    checker = Checker(database, (OPERATOR,), (of_edge,))
    one = {"tenant_id": "acme", "user_id": "ada", "workflow_name": "etl", "version": 1, "status": "failed"}
    times = [NOON + timedelta(minutes=minutes) for minutes in (8, 8, 6, 20)]
    await executions.insert_many([{**one, "execution_id": f"e{n}", "created": time} for n, time in enumerate(times)])
    async with feeding(database):
        await caught_up(database)
        await checker.check()
        await checker.check()
        assert (checker.counts[-1], checker.examined) == (3, 0)
        await executions.update_one({"execution_id": "e0"}, {"$set": {**change, "version": 2}})
        await caught_up(database)
        await checker.check()
        await checker.check()
        await executions.update_one({"execution_id": "e0"}, {"$set": {"created": times[0], "status": "failed"}})
        await caught_up(database)
        await checker.check()

    assert checker.counts[-1] == 3


async def test_kept_sums_are_of_one_generation_of_rows(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("execution_monitor.statistics.rollups.marks.SETTLED_SECONDS", -60)
    random_, executions, checker = random.Random(9), collection_of(Execution), Checker(database)  # noqa: S311
    await change_at_random(executions, random_, 100)
    async with feeding(database) as feeder:
        await caught_up(database)
        await checker.check()
        term = feeder.term
    await change_at_random(executions, random_, 50)
    await Rollups(database).lose(Gap(None, await current_position(database.handle), GapReason.HISTORY_LOST), term)
    async with feeding(database):
        await change_at_random(executions, random_, 10)
        await caught_up(database)
        await checker.check()

    assert checker.path_b.settled.uses[Use.READ] > 2 * len(CALLERS)


@pytest.mark.parametrize("callers", [(OPERATOR, FAILED, ADA), (ADA, FAILED, OPERATOR)], ids=["wider", "narrower"])
async def test_what_is_kept_of_one_caller_is_not_counted_for_another(
    database: Database, monkeypatch: pytest.MonkeyPatch, callers: Sequence[Caller]
):
    monkeypatch.setattr("execution_monitor.statistics.rollups.marks.SETTLED_SECONDS", -60)
    executions = collection_of(Execution)
    await change_at_random(executions, random.Random(3), 100)  # noqa: S311
    documents = await executions.find({}).to_list()
    path_b, counts = PathB(Reader(database, 10_000), min_executions=0), dict[str, int]()
    async with feeding(database):
        await caught_up(database)
        for caller in (*callers, *callers):
            question, tables = Question.of(caller, WHOLE, NOON + timedelta(days=3)), StatisticsTables()
            await filled_by(path_b, question, tables)
            assert shown(question, tables) == shown(question, in_python(question, documents))
            counts[caller.subject] = tables.totals.count

    assert 0 < counts["ada"] < counts["olga"] > counts["ben"] > 0
    assert path_b.settled.uses[Use.REUSED] >= len(callers)


async def test_what_is_done_to_an_answer_is_not_in_the_next_one(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("execution_monitor.statistics.rollups.marks.SETTLED_SECONDS", -60)
    await change_at_random(collection_of(Execution), random.Random(3), 50)  # noqa: S311
    question = Question.of(OPERATOR, WHOLE, NOON + timedelta(days=3))
    path_b, answers = PathB(Reader(database, 10_000), min_executions=0), list[Any]()
    async with feeding(database):
        await caught_up(database)
        for _ in range(3):
            tables = StatisticsTables()
            await filled_by(path_b, question, tables)
            answers.append(shown(question, tables))
            groups = [each for by_key in tables.by_group.values() for each in by_key.values()]
            for breakdown in (tables.totals, *tables.by_bucket.values(), *groups):
                for measures in breakdown.values():
                    measures.merge(measures)
                breakdown.clear()
            tables.by_group.clear()

    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["totals"]


def sums_of(bins: int, marks: dict[int, tuple[int, ...]]) -> SettledSums:
    tables, measures = StatisticsTables(), Measures(count=1)
    measures.costs.bins.update(dict.fromkeys(range(bins), 1))
    tables.totals = Breakdown({ExecutionStatus.FAILED: measures})
    return SettledSums(marks, tables)


def test_the_sums_that_were_used_last_are_kept_up_to_a_number_of_bins():
    cache = SettledSumsCache(max_bins=300)
    for key in ("a", "b"):
        cache.keep((key,), sums_of(100, {}))
    assert cache.find(("a",), {}) is not None

    cache.keep(("c",), sums_of(100, {}))

    assert [cache.find((key,), {}) is not None for key in "abc"] == [True, False, True]
    cache.keep(("d",), sums_of(301, {}))
    assert [cache.find((key,), {}) is not None for key in "acd"] == [True, True, False]


@pytest.mark.parametrize("marks", [{}, {96: (1, 2)}, {96: (3,)}, {96: (1, 3)}])
def test_sums_of_days_with_other_marks_are_not_found_and_not_kept(marks: dict[int, tuple[int, ...]]):
    cache = SettledSumsCache()
    cache.keep(("a",), sums_of(1, {96: (1,)}))
    assert cache.find(("a",), {96: (1,), 192: (5,)}) is not None

    assert cache.find(("a",), marks) is None
    assert cache.find(("a",), {96: (1,)}) is None

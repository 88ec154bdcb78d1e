"""Answers: of one instant, from the index that fits, within the time limit, or from a sample."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from pymongo.errors import ExecutionTimeout

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import Forbidden, QueryTimeout
from execution_monitor.statistics import folding, reading
from execution_monitor.statistics.measures import EVERY_MEASURE, Measure
from execution_monitor.statistics.path_a import Filled, PathA, TooMuchToRead
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import Basis, GroupField, GroupOrder, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.service import Statistics
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import EVERYTHING, Contains, Range, equals
from execution_monitor.storage.indexes import FACTS_INDEX, ODD_FACTS_INDEX
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.snapshots import Snapshot
from tests.statistics.questions import ADA, OPERATOR, in_python, shown
from tests.support.sent_commands import SentCommands, explain

NOW = datetime(2026, 6, 1, tzinfo=UTC)
COUNT = 2_000
EVERYTHING_SELECTED = StatisticsRequest(
    EVERYTHING,
    totals=EVERY_MEASURE,
    series=EVERY_MEASURE,
    groups=tuple(
        GroupsRequest(by, order, 5, EVERY_MEASURE)
        for by, order in zip(GroupField, [*GroupOrder, *GroupOrder][: len(GroupField)], strict=True)
    ),
)
_GTE = re.compile(r'gte: "([^"]+)"')


def rows() -> list[dict[str, Any]]:
    random = Random(3)  # noqa: S311 - the same in every run
    return [
        {
            "execution_id": f"run-{number}",
            "tenant_id": "acme",
            "user_id": random.choice(["ada", "ben"]),
            "workflow_name": random.choice(["etl", "train", "report"]),
            "status": random.choice(["completed", "completed", "failed", "running"]),
            "created": NOW - timedelta(days=29) * random.random() ** 2,
            "total_duration": random.lognormvariate(3, 1),
            "total_cost": random.random(),
            "tokens_used": random.randrange(9_000),
            "session_id": f"session-{number // 2}",
            "tags": [{"key": "team", "value": f"team-{number % 300}"}],
        }
        for number in range(COUNT)
    ]


@pytest.fixture
async def filled(recorded_database: tuple[Database, SentCommands]) -> tuple[Database, SentCommands]:
    """A database with executions of 29 days, and the read commands that it is sent."""
    database, commands = recorded_database
    await database.collection(Execution).insert_many(rows())
    commands.reads.clear()
    return database, commands


def reader_of(database: Database) -> Reader:
    return Reader(database, 60_000, clock=lambda: NOW)


async def answered(database: Database, caller: Caller, request: StatisticsRequest) -> dict[str, Any]:
    """The tables that path A fills for a question, as plain values."""
    question, tables = Question.of(caller, request, NOW), StatisticsTables()
    await PathA(reader_of(database)).fill(question, tables)
    return shown(question, tables)


async def expected(database: Database, caller: Caller, request: StatisticsRequest) -> dict[str, Any]:
    question = Question.of(caller, request, NOW)
    return shown(question, in_python(question, await database.collection(Execution).find().to_list()))


async def test_an_answer_has_all_that_was_selected(filled: tuple[Database, SentCommands]) -> None:
    database, _ = filled

    answer = await Statistics(reader_of(database)).answer(OPERATOR, EVERYTHING_SELECTED)

    assert (answer.basis, answer.relative_error) == (Basis.EXACT, None)
    assert answer.examined == answer.totals.count == sum(each.breakdown.count for each in answer.series) == COUNT
    assert {request.by: len(groups) for request, groups in answer.groups.items()}[GroupField.SESSION_ID] == 5
    assert answer.as_of == answer.read_at.as_datetime()
    assert abs(answer.as_of - datetime.now(UTC)) < timedelta(minutes=5)


async def test_the_scope_is_needed(database: Database) -> None:
    with pytest.raises(Forbidden):
        await Statistics(reader_of(database)).answer(Caller("eve", "acme", frozenset()), EVERYTHING_SELECTED)


async def test_facts_are_read_from_their_index_alone(filled: tuple[Database, SentCommands]) -> None:
    database, commands = filled
    groups = (GroupsRequest(GroupField.WORKFLOW_NAME, measures=EVERY_MEASURE), GroupsRequest(GroupField.ERROR_CODE))
    await Statistics(reader_of(database)).answer(OPERATOR, replace(EVERYTHING_SELECTED, groups=groups))

    odd, plain = [await explain(database, command) for command in commands.reads if "aggregate" in command]

    assert (odd.indexes, odd.keys, odd.documents) == ({"odd_facts"}, 0, 0)
    assert (plain.indexes, plain.keys, plain.documents) == ({"facts"}, COUNT, 0)


@pytest.mark.parametrize(
    ("caller", "where", "index"),
    [
        pytest.param(ADA, EVERYTHING, "tenant_id_user_id_created__id", id="one's own"),
        pytest.param(OPERATOR, equals("session_id", "session-7"), "tenant_id_session_id_created__id", id="a session"),
        pytest.param(OPERATOR, equals("execution_id", "run-7"), "tenant_id_execution_id", id="an execution"),
    ],
)
async def test_a_narrow_index_is_used_where_there_is_one(
    filled: tuple[Database, SentCommands], caller: Caller, where: Any, index: str
) -> None:
    database, commands = filled

    answer = await Statistics(reader_of(database)).answer(caller, StatisticsRequest(where, totals=EVERY_MEASURE))

    (command,) = commands.reads
    explained = await explain(database, command)
    assert explained.indexes == {index}
    assert explained.documents == answer.totals.count == answer.examined > 0


async def test_nothing_but_what_is_selected_is_computed(filled: tuple[Database, SentCommands]) -> None:
    database, commands = filled

    await Statistics(reader_of(database)).answer(OPERATOR, StatisticsRequest(EVERYTHING, totals=Measure.TOKENS))

    sent = str(commands.reads[-1]["pipeline"][1:])
    assert "tokens_used" in sent
    assert not any(name in sent for name in ("total_duration", "total_cost", "created", "workflow_name"))


async def test_all_reads_of_an_answer_name_the_time_of_the_first(filled: tuple[Database, SentCommands]) -> None:
    database, commands = filled

    answer = await Statistics(reader_of(database)).answer(OPERATOR, StatisticsRequest(Contains("workflow_name", "t")))

    assert len(commands.reads) == 3
    assert [command["readConcern"].get("atClusterTime") for command in commands.reads] == [
        None,  # of the names of workflows
        answer.read_at,
        answer.read_at,
    ]


@pytest.mark.parametrize("limit", [100, reading.PASS_LIMIT], ids=["in slices", "in one pass"])
@pytest.mark.parametrize("missing", [[FACTS_INDEX], [ODD_FACTS_INDEX], [FACTS_INDEX, ODD_FACTS_INDEX]])
async def test_answers_are_the_same_without_the_indexes(
    filled: tuple[Database, SentCommands], monkeypatch: pytest.MonkeyPatch, missing: Sequence[str], limit: int
) -> None:
    database, _ = filled
    monkeypatch.setattr(reading, "PASS_LIMIT", limit)
    for name in missing:
        await database.collection(Execution).drop_index(name)
    try:
        assert await answered(database, OPERATOR, EVERYTHING_SELECTED) == await expected(
            database, OPERATOR, EVERYTHING_SELECTED
        )
    finally:
        await database.prepare()


async def test_only_the_first_of_many_groups_are_kept(
    filled: tuple[Database, SentCommands], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, _ = filled
    sessions = GroupsRequest(GroupField.SESSION_ID, GroupOrder.P95, 3, EVERY_MEASURE)
    request = StatisticsRequest(EVERYTHING, groups=(sessions,))
    question = Question.of(OPERATOR, request, NOW)
    monkeypatch.setattr(folding, "_MANY", 10)
    for limit in (reading.PASS_LIMIT, 1_500):
        monkeypatch.setattr(reading, "PASS_LIMIT", limit)
        tables = StatisticsTables()
        await PathA(reader_of(database)).fill(question, tables)
        assert len(tables.by_group[GroupField.SESSION_ID]) == 3
        assert shown(question, tables) == await expected(database, OPERATOR, request)


async def test_everything_is_read_at_one_cluster_time(filled: tuple[Database, SentCommands]) -> None:
    database, commands = filled
    question, path = Question.of(OPERATOR, EVERYTHING_SELECTED, NOW), PathA(reader_of(database))
    before, after, then = StatisticsTables(), StatisticsTables(), StatisticsTables()
    first = await path.fill(question, before)
    await database.collection(Execution).delete_many({"status": "failed"})

    await path.fill(question, after)
    again = await path.fill(question, then, at=first.read_at)

    assert again == first
    assert shown(question, then) == shown(question, before) != shown(question, after)
    assert commands.reads[-1]["readConcern"] == {"level": "snapshot", "atClusterTime": first.read_at}


async def test_parts_that_are_read_with_every_group_add_up(filled: tuple[Database, SentCommands]) -> None:
    database, _ = filled
    question, path = Question.of(OPERATOR, EVERYTHING_SELECTED, NOW), PathA(reader_of(database))
    middle, tables = NOW - timedelta(days=10), StatisticsTables()

    head = await path.fill(question, tables, also=Range("created", lt=middle), every_group=True)
    tail = await path.fill(question, tables, also=Range("created", gte=middle), every_group=True, at=head.read_at)

    assert head.found + tail.found == COUNT
    assert shown(question, tables) == await expected(database, OPERATOR, EVERYTHING_SELECTED)


@pytest.fixture
def few_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is time for 12 reads of 100 executions at most."""
    left, batches = dict[int, int](), Snapshot.batches

    async def count(self: Snapshot, *args: Any) -> AsyncGenerator[Sequence[dict[str, Any]]]:
        left[id(self)] = left.get(id(self), 12) - 1
        if left[id(self)] < 0:
            raise ExecutionTimeout("operation exceeded time limit")
        async with aclosing(batches(self, *args)) as found:
            async for rows in found:
                yield rows

    monkeypatch.setattr(reading, "PASS_LIMIT", 100)
    monkeypatch.setattr(Snapshot, "batches", count)


@pytest.mark.usefixtures("few_reads")
async def test_too_much_to_read_is_refused_with_a_range_that_would_do(
    filled: tuple[Database, SentCommands],
) -> None:
    database, _ = filled
    statistics, request = Statistics(reader_of(database)), StatisticsRequest(EVERYTHING, totals=EVERY_MEASURE)

    with pytest.raises(QueryTimeout) as refused:
        await statistics.answer(OPERATOR, request)

    found = _GTE.search(refused.value.message)
    assert found is not None, refused.value.message
    start = datetime.fromisoformat(found.group(1))
    assert NOW - timedelta(days=29) < start < NOW
    assert refused.value.details == {"since": found.group(1)}
    answer = await statistics.answer(OPERATOR, replace(request, where=Range("created", gte=start)))
    assert 0 < answer.totals.count < COUNT


async def test_where_not_even_the_newest_can_be_read_a_probe_finds_how_much_can(
    filled: tuple[Database, SentCommands], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, _ = filled

    async def fail(*_: Any, **__: Any) -> Filled:
        raise TooMuchToRead(None)

    monkeypatch.setattr(PathA, "fill", fail)
    statistics = Statistics(reader_of(database))
    with pytest.raises(QueryTimeout, match=r"with gte: .* in the filter on createdAt"):
        await statistics.answer(OPERATOR, StatisticsRequest(EVERYTHING))
    monkeypatch.setattr(PathA, "sample", fail)
    with pytest.raises(QueryTimeout, match="a much shorter range in the filter on createdAt"):
        await statistics.answer(OPERATOR, StatisticsRequest(EVERYTHING, allows_sampling=True))


async def test_a_sample_where_it_is_allowed(
    filled: tuple[Database, SentCommands], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, _ = filled
    # One odd execution is counted as itself.
    await database.collection(Execution).update_one({}, {"$set": {"workflow_name": 5}})
    request, path = StatisticsRequest(EVERYTHING, totals=EVERY_MEASURE, series=Measure(0)), PathA(reader_of(database))
    question, tables = Question.of(OPERATOR, request, NOW), StatisticsTables()
    monkeypatch.setattr(reading, "_PILOT_SHARE", 1 / 60)
    monkeypatch.setattr(reading, "_ROUNDS", 2)
    monkeypatch.setattr(reading, "_STEP", 5.0)

    filled_ = await path.sample(question, tables, share=1.0, random=Random(4))  # noqa: S311 - the same in every run

    error = filled_.relative_error
    assert error is not None
    assert 0.01 < error < 0.5
    assert 20 < filled_.found < 1_000
    assert tables.totals.count > 2 * filled_.found
    assert abs(tables.totals.count - COUNT) <= 3 * error * tables.totals.count
    assert sum(each.count for each in tables.by_bucket.values()) == tables.totals.count
    assert tables.totals.costs.count == tables.totals.count
    assert abs((tables.totals.success_rate or 0) - 2 / 3) < 0.2


async def test_the_answer_says_that_it_is_a_sample(
    filled: tuple[Database, SentCommands], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, _ = filled

    async def fail(*_: Any, **__: Any) -> Filled:
        raise TooMuchToRead(None)

    monkeypatch.setattr(PathA, "fill", fail)
    request = StatisticsRequest(EVERYTHING, allows_sampling=True)

    answer = await Statistics(reader_of(database)).answer(OPERATOR, request)

    assert answer.basis is Basis.SAMPLED
    assert answer.relative_error is not None
    assert 0 <= answer.relative_error < 1
    assert 0 < answer.examined <= answer.totals.count

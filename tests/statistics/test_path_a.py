"""Path A: what is read adds up to what plain Python adds up over the same documents."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pymongo.errors import BulkWriteError

from execution_monitor.auth.caller import Caller
from execution_monitor.statistics import reading
from execution_monitor.statistics.path_a import PathA
from execution_monitor.statistics.questions import StatisticsTables
from execution_monitor.statistics.requests import StatisticsRequest
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.reader import Reader
from tests.statistics.questions import OPERATOR, callers, creations, in_python, question_of, requests, shown
from tests.storage.odd_values import VALUES, document
from tests.storage.strategies import NEW_YEAR, bounded, executions

# By MongoDB: two arrays that one index would hold.
_REFUSED = {171}


async def store(database: Database, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Replace what the collection holds by `rows`; return what it holds then."""
    collection = cast("Any", database.collection(Execution))
    await collection.delete_many({})
    if rows:
        try:
            await collection.insert_many([document(row) for row in rows], ordered=False)
        except BulkWriteError as error:
            details = cast("Any", error.details)
            assert {each["code"] for each in details["writeErrors"]} <= _REFUSED
    return await database.collection(Execution).find().to_list()


async def check(database: Database, caller: Caller, request: StatisticsRequest, stored: list[dict[str, Any]]) -> None:
    question = question_of(caller, request)
    if question is None:
        return
    tables = StatisticsTables()

    filled = await PathA(Reader(database, 60_000)).fill(question, tables)

    expected = in_python(question, stored)
    assert shown(question, tables) == shown(question, expected)
    matches = question.where.predicate()
    assert filled.found == (0 if question.is_empty else sum(map(matches, stored)))


_OWNERS = ("ada", "ben", "grace", "grace")
_STATUSES = ("completed", "failed", "timed_out", "running", "no status")


def _complete(row: dict[str, Any], place: int, creation: datetime) -> dict[str, Any]:
    """Two in three rows with a status and a time that matter, all with one of three owners."""
    usual = {"created": creation, "status": _STATUSES[place // 2 % len(_STATUSES)]} if place % 3 else {}
    return {"workflow_name": "etl", **row, **usual, "user_id": _OWNERS[place % len(_OWNERS)]}


def _with_creations(rows: list[dict[str, Any]]) -> SearchStrategy[list[dict[str, Any]]]:
    times = st.lists(creations, min_size=len(rows), max_size=len(rows))
    return times.map(lambda each: [_complete(row, place, each[place]) for place, row in enumerate(rows)])


stored_rows = executions(size=40).flatmap(_with_creations)


@pytest.fixture
async def fresh(database: Database) -> AsyncGenerator[Database]:
    """A database whose indexes have not seen an array, as they never forget one."""
    yield database
    await database.collection(Execution).drop()


@bounded(max_examples=90)
@given(rows=stored_rows, caller=callers, request_=requests)
async def test_random_questions_about_random_executions(
    fresh: Database, rows: list[dict[str, Any]], caller: Caller, request_: StatisticsRequest
) -> None:
    stored = await store(fresh, rows)

    await check(fresh, caller, request_, stored)


@bounded(max_examples=35)
@given(rows=stored_rows, request_=requests)
async def test_more_executions_than_one_pass_takes_are_read_in_slices(
    fresh: Database, monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]], request_: StatisticsRequest
) -> None:
    monkeypatch.setattr(reading, "PASS_LIMIT", 2)
    stored = await store(fresh, rows)

    await check(fresh, OPERATOR, request_, stored)


_facts = ("created", "status", "workflow_name", "total_duration", "total_cost", "tokens_used", "error_details", "tags")
_odd_rows = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(_facts, st.sampled_from(VALUES))), max_size=12)


@pytest.mark.parametrize("limit", [2, reading.PASS_LIMIT], ids=["in slices", "in one pass"])
@bounded(max_examples=35)
@given(odd=_odd_rows, plain=stored_rows, request_=requests)
async def test_values_of_every_type_in_every_fact(  # noqa: PLR0913, PLR0917 - of pytest and Hypothesis
    fresh: Database,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    odd: list[dict[str, Any]],
    plain: list[dict[str, Any]],
    request_: StatisticsRequest,
) -> None:
    monkeypatch.setattr(reading, "PASS_LIMIT", limit)
    created = {"created": NEW_YEAR, "tenant_id": "acme", "workflow_name": "etl", "user_id": "ada"}
    rows = [{**created, "execution_id": f"odd-{place}", **row} for place, row in enumerate(odd)]
    stored = await store(fresh, [*rows, *plain])

    await check(fresh, OPERATOR, request_, stored)

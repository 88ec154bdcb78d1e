"""The rows of rollups are what a recount of the executions gives, whatever changes."""

import asyncio
import random
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from execution_monitor.feeder.consumers import Gap, Superseded
from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.live.changes import GapReason
from execution_monitor.statistics.rollups.consumer import Rollups
from execution_monitor.statistics.rollups.states import Conflict, States, TenantState
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, collection_of
from execution_monitor.storage.server_documents import ExecutionRollup
from tests.feeder.slow_terms import begin_slowly
from tests.statistics.rollups.feeding import caught_up, feeding
from tests.statistics.rollups.recount import change_at_random, differences


async def test_rows_follow_random_changes(database: Database):
    random_ = random.Random(1)  # noqa: S311
    await change_at_random(collection_of(Execution), random_, 100)
    async with feeding(database):
        for _ in range(3):
            await change_at_random(collection_of(Execution), random_, 150)
            await caught_up(database)
            assert await differences(database) == []


async def work_out(rollups: Rollups, database: Database, term: int) -> None:
    """Let the consumer do all that it has to do."""
    while await rollups.work(await current_position(database.handle), term):
        pass


async def test_rows_of_spans_that_several_pieces_share_are_added_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    # Those of spans within a piece are inserted, the others updated.
    monkeypatch.setattr("execution_monitor.statistics.rollups.building._PIECE", 15)
    executions, rollups = collection_of(Execution), Rollups(database)
    await change_at_random(executions, random.Random(6), 200)  # noqa: S311

    position, pieces = await current_position(database.handle), 0
    while await rollups.work(position, 1):
        pieces += 1
    assert await differences(database) == []
    assert pieces > 10


async def test_a_term_begins_once_for_all_tenants_that_are_handed_over_at_the_same_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    terms = begin_slowly(monkeypatch)
    rollups, until = Rollups(database), await current_position(database.handle)

    # Another beginning would end the transactions of the one before.
    await asyncio.gather(*(rollups.take(tenant, [], until, 7) for tenant in ("acme", "globex", "initech")))

    assert terms == [7]
    assert {state.tenant async for state in States(database).all()} == {"acme", "globex", "initech"}


async def test_a_term_whose_states_could_not_be_read_begins_with_the_next_try(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    await change_at_random(collection_of(Execution), random.Random(4), 50)  # noqa: S311
    until = await current_position(database.handle)
    await Rollups(database).take("acme", [], until, 7)
    rollups, read_all, is_refused = Rollups(database), States.all, True

    async def refuse_once(states: States) -> AsyncGenerator[TenantState]:
        nonlocal is_refused
        if is_refused:
            is_refused = False
            raise AutoReconnect
        async for each in read_all(states):
            yield each

    monkeypatch.setattr(States, "all", refuse_once)
    with pytest.raises(AutoReconnect):
        await rollups.take("acme", [], until, 8)
    await work_out(rollups, database, 8)

    assert await differences(database) == []
    assert {state.is_built async for state in States(database).all()} == {True}


async def test_rows_of_lost_changes_are_built_anew_and_the_old_ones_deleted(database: Database):
    executions, rollups = collection_of(Execution), Rollups(database)
    await change_at_random(executions, random.Random(4), 40)  # noqa: S311
    await work_out(rollups, database, 1)
    assert await differences(database) == []
    await change_at_random(executions, random.Random(5), 40)  # noqa: S311
    assert await differences(database) != []

    position = await current_position(database.handle)
    await rollups.lose(Gap(None, position, GapReason.HISTORY_LOST), 1)
    assert [state.is_built async for state in States(database).all()] == [False, False, False]
    await work_out(rollups, database, 1)

    assert await differences(database) == []
    generations = {each["_id"][12:16] async for each in collection_of(ExecutionRollup).find({"n": {"$exists": True}})}
    assert generations == {(2).to_bytes(4)}


async def test_rows_of_another_meaning_are_built_anew(database: Database, monkeypatch: pytest.MonkeyPatch):
    await change_at_random(collection_of(Execution), random.Random(4), 10)  # noqa: S311
    await work_out(Rollups(database), database, 1)
    monkeypatch.setattr("execution_monitor.statistics.rollups.consumer.VERSION", 3)
    monkeypatch.setattr("execution_monitor.statistics.rollups.consumer.TenantState", _of_the_next_version)

    await work_out(Rollups(database), database, 2)

    assert {(each.version, each.generation) async for each in States(database).all()} == {(3, 2)}
    assert await differences(database) == []


def _of_the_next_version(*values: Any, **fields: Any) -> TenantState:
    return TenantState(*values, **fields, version=3)


async def test_rows_of_which_nothing_is_left_are_deleted(database: Database):
    async with feeding(database):
        await change_at_random(collection_of(Execution), random.Random(4), 20)  # noqa: S311
        await caught_up(database)
        await collection_of(Execution).delete_many({})
        await caught_up(database)
        assert await differences(database) == []
    assert await collection_of(ExecutionRollup).count_documents({"n": 0}) > 20
    assert await collection_of(ExecutionRollup).count_documents({"n": {"$ne": 0}, "start": {"$exists": True}}) == 0

    await work_out(Rollups(database), database, 9)

    assert await collection_of(ExecutionRollup).count_documents({"start": {"$exists": True}}) == 0


async def test_a_state_is_replaced_only_where_it_is_what_it_was(database: Database):
    states, position = States(database), await current_position(database.handle)
    first = TenantState("acme", position, term=3)
    await states.write(None, first)
    built = TenantState("acme", position, built_from=0, term=3)

    with pytest.raises(Conflict):
        await states.write(None, built)
    with pytest.raises(Conflict):
        await states.write(built, built)
    with pytest.raises(Superseded):
        await states.write(first, TenantState("acme", position, built_from=0, term=2))
    assert await states.find("acme") == first
    await states.write(first, built)
    assert await states.find("acme") == built

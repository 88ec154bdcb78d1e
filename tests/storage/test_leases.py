import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import collection_of
from execution_monitor.storage.leases import Lease, LeaseLost
from execution_monitor.storage.server_documents import LeaseRecord
from execution_monitor.tasks import end_tasks

SHORT = 0.3
WORK = "work"


@pytest.fixture
async def other(mongodb_uri: str, database_name: str) -> AsyncGenerator[Database]:
    """The same database as another process has it."""
    async with open_database(mongodb_uri, database_name) as database:
        await database.connect()
        yield database


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


async def expire() -> None:
    """As if the seconds of the lease had passed."""
    await collection_of(LeaseRecord).update_one({"_id": WORK}, [{"$set": {"expires_at": "$$NOW"}}])


async def test_one_holder_at_a_time_has_it_and_renews_it(database: Database, other: Database):
    first, second = Lease(database, WORK), Lease(other, WORK)

    assert await asyncio.gather(first.acquire(), Lease(database, "other work").acquire()) == [True, True]
    assert not await second.acquire()
    assert await first.acquire()
    assert first.term == 1
    with pytest.raises(LeaseLost):
        _ = second.term


async def test_of_many_that_start_at_once_one_has_it(database: Database):
    holders = [Lease(database, WORK) for _ in range(10)]

    assert sum(await asyncio.gather(*(each.acquire() for each in holders))) == 1


async def test_a_released_lease_is_anothers_at_once_with_a_greater_term(database: Database):
    first, second = Lease(database, WORK), Lease(database, WORK)
    await first.acquire()

    await first.release()

    assert await second.acquire()
    assert second.term == 2
    await first.release()
    assert await second.acquire()


async def test_a_holder_that_was_stopped_finds_its_term_over_when_it_wakes(database: Database):
    now = 0.0
    stopped, second = Lease(database, WORK, clock=lambda: now), Lease(database, WORK)
    await stopped.acquire()
    assert stopped.term == 1

    await expire()
    assert await second.acquire()
    now = 30.0

    with pytest.raises(LeaseLost):
        _ = stopped.term
    assert not await stopped.acquire()
    await stopped.release()
    assert await second.acquire()
    assert second.term == 2


async def test_a_holder_that_takes_it_again_after_it_ran_out_has_a_new_term(database: Database):
    lease = Lease(database, WORK)
    await lease.acquire()
    await expire()

    await lease.acquire()

    assert lease.term == 2


async def test_a_process_whose_clock_is_ahead_takes_nothing_from_others(database: Database, other: Database):
    first = Lease(database, WORK)
    await first.acquire()

    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1)):
        ahead = Lease(other, WORK)
        assert not await ahead.acquire()

    assert await first.acquire()
    assert first.term == 1


async def test_work_goes_on_elsewhere_when_its_holder_ends(database: Database, other: Database):
    working: list[str] = []

    async def run(lease: Lease, name: str) -> None:
        async def work() -> None:
            working.append(name)
            await asyncio.Event().wait()

        await lease.run(work)

    first = asyncio.create_task(run(Lease(database, WORK, seconds=SHORT), "first"))
    await until(lambda: working == ["first"])
    second = asyncio.create_task(run(Lease(other, WORK, seconds=SHORT), "second"))
    await end_tasks(first)
    await until(lambda: working == ["first", "second"])
    await end_tasks(second)


async def test_work_is_cancelled_when_another_has_taken_the_lease(database: Database):
    events: list[str] = []

    async def work() -> None:
        events.append("begun")
        try:
            await asyncio.Event().wait()
        finally:
            events.append("ended")

    running = asyncio.create_task(Lease(database, WORK, seconds=SHORT).run(work))
    await until(lambda: events == ["begun"])
    await collection_of(LeaseRecord).update_one({"_id": WORK}, {"$set": {"holder": "another"}, "$inc": {"term": 1}})
    await until(lambda: "ended" in events)
    await end_tasks(running)


async def test_work_that_fails_is_done_again(database: Database):
    attempts: list[int] = []

    async def work() -> None:
        attempts.append(len(attempts))
        raise ValueError

    running = asyncio.create_task(Lease(database, WORK, seconds=SHORT).run(work))
    await until(lambda: len(attempts) >= 2)
    await end_tasks(running)


async def test_without_a_database_nothing_is_done(closed_port: int):
    async with open_database(f"mongodb://127.0.0.1:{closed_port}/", "x") as nowhere:
        done: list[bool] = []

        async def work() -> None:
            done.append(True)

        running = asyncio.create_task(Lease(nowhere, WORK, seconds=SHORT).run(work))
        await asyncio.wait({running}, timeout=2 * SHORT)
        await end_tasks(running)
        assert done == []

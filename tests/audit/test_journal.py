"""The journal of the audit trail: what it holds, what it writes, and what happens when it cannot."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import pytest
from bson import ObjectId
from structlog.testing import capture_logs

from execution_monitor.audit.events import AuditRow
from execution_monitor.audit.journal import Journal, JournalLimits
from execution_monitor.errors import AuditUnavailable, DatabaseUnavailable

QUICK = JournalLimits(linger_seconds=0.01, retry_seconds=(0.01,), farewell_seconds=5)


class Store:
    """Keeps rows in memory, unless it is `broken`."""

    def __init__(self) -> None:
        self.rows: list[AuditRow] = []
        self.batches: list[int] = []
        self.broken = False
        self.refused: set[ObjectId] = set()
        self.open = asyncio.Event()
        self.open.set()
        self.called = asyncio.Event()

    async def write(self, rows: Sequence[AuditRow]) -> Collection[ObjectId]:
        self.called.set()
        await self.open.wait()
        if self.broken:
            raise DatabaseUnavailable("MongoDB is away.")
        self.batches.append(len(rows))
        self.rows += [row for row in rows if row["_id"] not in self.refused]
        return self.refused

    def mend(self) -> None:
        self.broken = False

    @property
    def numbers(self) -> list[int]:
        return [row["number"] for row in self.rows if "number" in row]


def event(number: int) -> Callable[[], AuditRow]:
    return partial(lambda: {"_id": ObjectId(), "number": number})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if condition():
                return
            await asyncio.sleep(0.005)


@pytest.fixture
def store() -> Store:
    return Store()


async def test_events_are_written_together_and_in_their_order(store: Store):
    async with Journal(store.write, QUICK) as journal:
        for number in range(10):
            journal.add("acme", event(number))
        await until(lambda: bool(store.rows))

    assert (store.numbers, store.batches) == (list(range(10)), [10])


async def test_a_batch_is_bounded(store: Store):
    async with Journal(store.write, JournalLimits(batch=4, linger_seconds=0)) as journal:
        for number in range(10):
            journal.add("acme", event(number))
        await until(lambda: len(store.rows) == 10)

    assert (store.numbers, store.batches) == (list(range(10)), [4, 4, 2])


async def test_an_event_is_described_once_when_it_is_written(store: Store):
    described: list[str] = []

    def describe() -> AuditRow:
        described.append("now")
        return {"_id": ObjectId()}

    async with Journal(store.write, QUICK) as journal:
        store.broken = True
        journal.add("acme", describe)
        at_once = list(described)
        await until(lambda: journal.failures > 0)
        store.broken = False

    assert (at_once, described, len(store.rows)) == ([], ["now"], 1)


async def test_events_of_a_long_queue_are_described_at_once_so_that_nothing_large_is_held(store: Store):
    described: list[int] = []

    def describe(number: int) -> AuditRow:
        described.append(number)
        return {"_id": ObjectId()}

    journal = Journal(store.write, JournalLimits(undescribed=3))
    for number in range(5):
        journal.add("acme", partial(describe, number))

    assert described == [3, 4]


async def test_events_that_cannot_be_written_wait_and_are_retried(store: Store):
    async with Journal(store.write, QUICK) as journal:
        store.broken = True
        journal.add("acme", event(1))
        await until(lambda: journal.failures > 1)
        meanwhile = (journal.pending, journal.written, journal.dropped, journal.is_failing)
        store.broken = False
        await until(lambda: bool(store.rows))
        await until(lambda: journal.pending == 0)

        assert meanwhile == (1, 0, 0, True)
        assert (journal.written, journal.is_failing) == (1, False)


async def test_a_store_that_does_not_respond_counts_as_broken(store: Store):
    async with Journal(store.write, JournalLimits(linger_seconds=0, write_seconds=0.01)) as journal:
        store.open.clear()
        journal.add("acme", event(1))
        await until(lambda: journal.is_failing)
        store.open.set()
        await until(lambda: bool(store.rows))

    assert store.numbers == [1]


async def test_an_unexpected_error_does_not_end_the_journal(store: Store):
    answers = iter([ZeroDivisionError()])

    async def write(rows: Sequence[AuditRow]) -> Collection[ObjectId]:
        for error in answers:
            raise error
        return await store.write(rows)

    async with Journal(write, QUICK) as journal:
        journal.add("acme", event(1))
        await until(lambda: bool(store.rows))

    assert store.numbers == [1]


async def test_the_queue_is_bounded_and_events_without_room_are_counted_and_reported(store: Store):
    with capture_logs() as logs:
        async with Journal(store.write, JournalLimits(pending=3, linger_seconds=0.01)) as journal:
            store.broken = True
            journal.add("acme", event(0))
            await until(lambda: journal.failures > 0)
            for number in range(1, 6):
                journal.add("acme" if number < 5 else "globex", event(number))
            full = (journal.pending, journal.dropped)
            store.broken = False
            await until(lambda: len(store.rows) == 6)

    lost = [(row["tenant_id"], row["lost"]) for row in store.rows if row.get("kind") == "lost"]
    assert full == (4, 2)
    assert store.numbers == [0, 1, 2, 3]
    assert lost == [("acme", 1), ("globex", 1)]
    assert [each["event"] for each in logs].count("audit_events_dropped") == 1
    assert {"audit_not_written", "audit_written_again"} <= {each["event"] for each in logs}


async def test_events_of_unverified_clients_leave_room_for_those_of_callers(store: Store):
    journal = Journal(store.write, JournalLimits(pending=10, unverified=2))

    for number in range(5):
        journal.add_unverified(event(number))
    journal.add("acme", event(5))

    assert (journal.pending, journal.dropped) == (3, 3)


async def test_losses_of_too_many_tenants_are_counted_together(store: Store):
    async with Journal(store.write, QUICK) as journal:
        for number in range(1_005):
            journal.lose(f"tenant-{number}")
        journal.add("acme", event(1))
        await until(lambda: len(store.rows) == 1_002)

    lost = {row.get("tenant_id"): row["lost"] for row in store.rows if row.get("kind") == "lost"}
    assert (lost[None], sum(lost.values())) == (5, 1_005)


async def test_an_event_that_cannot_be_described_does_not_affect_the_others(store: Store):
    def fail() -> AuditRow:
        raise ZeroDivisionError

    async with Journal(store.write, QUICK) as journal:
        journal.add("acme", event(1))
        journal.add("acme", fail)
        journal.add("acme", event(2))
        await until(lambda: len(store.rows) == 3)

    assert store.numbers == [1, 2]
    assert [row["lost"] for row in store.rows if "lost" in row] == [1]


async def test_an_event_that_the_store_refuses_is_counted(store: Store):
    refused = ObjectId()
    store.refused = {refused}

    async with Journal(store.write, QUICK) as journal:
        journal.add("acme", lambda: {"_id": refused, "number": 1})
        journal.add("acme", event(2))
        await until(lambda: len(store.rows) == 2)

        assert (journal.written, journal.dropped, store.numbers) == (2, 1, [2])


async def test_adding_durably_returns_once_the_event_is_written(store: Store):
    async with Journal(store.write, JournalLimits(linger_seconds=60)) as journal:
        store.open.clear()
        waiting = asyncio.create_task(journal.add_durably("acme", event(1)))
        await store.called.wait()
        before = waiting.done()
        store.open.set()
        await waiting

    assert (before, store.numbers) == (False, [1])


async def test_events_that_come_while_a_batch_is_written_go_together_in_the_next(store: Store):
    async with Journal(store.write, JournalLimits(linger_seconds=60)) as journal:
        store.open.clear()
        first = asyncio.create_task(journal.add_durably("acme", event(0)))
        await store.called.wait()
        others = [asyncio.create_task(journal.add_durably("acme", event(number))) for number in range(1, 6)]
        await until(lambda: journal.pending == 6)
        store.open.set()
        await asyncio.gather(first, *others)

    assert store.batches == [1, 5]


async def test_adding_durably_fails_when_the_event_cannot_be_written_but_the_event_stays(store: Store):
    async with Journal(store.write, QUICK) as journal:
        store.broken = True
        with pytest.raises(AuditUnavailable):
            await journal.add_durably("acme", event(1))
        with pytest.raises(AuditUnavailable):
            journal.require()
        store.broken = False
        await until(lambda: bool(store.rows))
        journal.require()

    assert store.numbers == [1]


@pytest.mark.parametrize("limits", [JournalLimits(wait_seconds=0.01), JournalLimits(pending=0)], ids=["slow", "full"])
async def test_adding_durably_has_a_time_limit(store: Store, limits: JournalLimits):
    store.open.clear()

    async with Journal(store.write, limits) as journal:
        with pytest.raises(AuditUnavailable):
            await journal.add_durably("acme", event(1))
        store.open.set()


async def test_cancelling_an_addition_does_not_remove_its_event(store: Store):
    async with Journal(store.write, QUICK) as journal:
        store.open.clear()
        waiting = asyncio.create_task(journal.add_durably("acme", event(1)))
        await store.called.wait()
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        store.open.set()

    assert store.numbers == [1]


async def test_pending_events_are_written_at_the_end(store: Store):
    async with Journal(store.write, JournalLimits(linger_seconds=60, batch=2)) as journal:
        for number in range(5):
            journal.add("acme", event(number))

    assert (store.numbers, journal.pending) == (list(range(5)), 0)


async def test_pending_events_are_retried_at_the_end_within_a_time_limit(store: Store):
    async with Journal(store.write, QUICK) as journal:
        store.broken = True
        journal.add("acme", event(1))
        await until(lambda: journal.failures > 2)
        asyncio.get_running_loop().call_later(0.05, store.mend)

    assert store.numbers == [1]


async def test_events_that_cannot_be_written_at_the_end_are_counted_and_logged(store: Store):
    refusals: list[Any] = []

    async def add_and_fail() -> None:
        with pytest.raises(AuditUnavailable) as raised:
            await journal.add_durably("acme", event(2))
        refusals.append(raised.value)

    with capture_logs() as logs:
        async with Journal(store.write, JournalLimits(linger_seconds=0, farewell_seconds=0.05)) as journal:
            store.open.clear()
            journal.add("acme", event(1))
            waiting = asyncio.create_task(add_and_fail())
            await store.called.wait()
        await waiting

    assert (journal.dropped, journal.pending, len(refusals)) == (2, 0, 1)
    assert [each["count"] for each in logs if each["event"] == "audit_events_lost"] == [2]


async def test_events_after_the_end_are_counted(store: Store):
    async with Journal(store.write, QUICK) as journal:
        pass

    journal.add("acme", event(1))

    assert (journal.pending, journal.dropped) == (0, 1)

"""Counts that were read a moment ago, and who may get them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import Forbidden, QueryTimeout
from execution_monitor.executions.counts import Counted, RecentCounts
from execution_monitor.executions.executions import Executions
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import EVERYTHING, equals
from execution_monitor.storage.reader import Reader
from tests.support.documents import execution, store

ADA = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ}))
GRACE = Caller("grace", "acme", ADA.scopes)
ALL = Caller("olivia", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}))


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def counting(clock: Clock, takes: float = 0.0) -> Callable[[], Awaitable[Counted]]:
    """Counts how often it is asked, and takes its time."""
    asked = 0

    async def read() -> Counted:
        nonlocal asked
        asked += 1
        clock.now += takes
        return Counted(asked, is_exact=True)

    return read


@pytest.mark.parametrize(
    ("later", "total"),
    [pytest.param(0.9, 1, id="within the time"), pytest.param(1.0, 2, id="after it")],
)
async def test_a_count_is_read_again_when_it_is_too_old(later: float, total: int):
    clock = Clock()
    counts, read = RecentCounts(1.0, clock), counting(clock)
    await counts.get("key", read)

    clock.now += later

    assert (await counts.get("key", read)).total == total


async def test_a_count_is_as_old_as_its_beginning():
    clock = Clock()
    counts, read = RecentCounts(1.0, clock), counting(clock, takes=0.6)
    await counts.get("key", read)

    clock.now += 0.5

    assert (await counts.get("key", read)).total == 2


async def test_a_count_that_fails_is_not_remembered():
    counts = RecentCounts(1.0)

    async def fail() -> Counted:
        raise QueryTimeout("Too slow.")

    with pytest.raises(QueryTimeout):
        await counts.get("key", fail)

    assert (await counts.get("key", counting(Clock()))).total == 1


async def test_nobody_gets_a_count_of_what_others_see(database: Database):
    await store(*(execution(number) for number in range(3)), execution(3, user_id="grace"))
    executions = Executions(Reader(database, 5_000), 100)

    totals = [(await executions.count_recently(who, EVERYTHING)).total for who in (ALL, ADA, GRACE, ALL)]
    other_tenant = await executions.count_recently(Caller("ada", "globex", ADA.scopes), EVERYTHING)

    assert (totals, other_tenant.total) == ([4, 3, 1, 4], 0)


async def test_without_the_scope_nobody_gets_a_count_that_is_known(database: Database):
    executions = Executions(Reader(database, 5_000), 100)
    await executions.count_recently(ADA, EVERYTHING)

    with pytest.raises(Forbidden):
        await executions.count_recently(Caller("ada", "acme"), EVERYTHING)


async def test_a_count_within_a_second_is_the_same_and_a_plain_one_is_not(database: Database):
    await store(execution(1))
    executions = Executions(Reader(database, 5_000), 100, RecentCounts(60))
    await executions.count_recently(ADA, EVERYTHING)

    await store(execution(2))

    assert (await executions.count_recently(ADA, EVERYTHING)).total == 1
    assert (await executions.count_recently(ADA, equals("status", "completed"))).total == 2
    assert (await executions.count(ADA, EVERYTHING)).total == 2

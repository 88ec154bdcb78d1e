"""Pools of connections, one for each receiver."""

from dataclasses import dataclass, field
from typing import Any, cast

import httpcore2
import pytest

from execution_monitor.outbound import pools
from execution_monitor.outbound.pools import IDLE_SECONDS, Pools


@dataclass(eq=False)
class FakePool:
    connections: list[str] = field(default_factory=lambda: ["one"])
    is_closed: bool = False

    async def aclose(self) -> None:
        self.is_closed = True


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def made(clock: Clock) -> tuple[Pools, list[FakePool]]:
    found = list[FakePool]()

    def make() -> httpcore2.AsyncConnectionPool:
        found.append(FakePool())
        return cast("httpcore2.AsyncConnectionPool", cast("Any", found[-1]))

    return Pools(make, clock), found


async def use(pools: Pools, *names: str) -> None:
    for name in names:
        async with pools.of(name):
            pass


async def test_each_receiver_has_a_pool_of_its_own_which_is_used_again():
    some, found = made(Clock())

    await use(some, "a", "b", "a")

    assert (len(found), len(some)) == (2, 2)


async def test_a_pool_that_has_not_been_used_for_long_is_closed():
    clock = Clock()
    some, found = made(clock)
    await use(some, "a")

    clock.now += IDLE_SECONDS - 1
    await use(some, "b")
    before = [each.is_closed for each in found]
    clock.now += 1
    await use(some, "b")

    assert (before, [each.is_closed for each in found]) == ([False, False], [True, False])


async def test_a_pool_in_use_is_not_closed():
    clock = Clock()
    some, found = made(clock)

    async with some.of("a"):
        clock.now += 2 * IDLE_SECONDS
        await use(some, "b")

    assert not found[0].is_closed


async def test_beyond_a_number_of_connections_those_that_were_used_last_are_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pools, "_MAX_IDLE", 2)
    clock = Clock()
    some, found = made(clock)
    await use(some, "a", "b", "c", "a")

    clock.now += 1
    await use(some, "d")

    assert [each.is_closed for each in found] == [False, True, False, False]


async def test_pools_of_receivers_that_fail_are_closed_too():
    clock = Clock()
    some, found = made(clock)
    for name in ("a", "b"):
        with pytest.raises(httpcore2.ConnectError):
            async with some.of(name):
                raise httpcore2.ConnectError
        clock.now += IDLE_SECONDS

    assert [each.is_closed for each in found] == [True, False]


async def test_all_are_closed_in_the_end():
    some, found = made(Clock())
    await use(some, "a", "b")

    await some.aclose()

    assert (len(some), [each.is_closed for each in found]) == (0, [True, True])

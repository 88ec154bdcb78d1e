"""Points per caller and per address: spent, refused, refilled, shared, and never in the way of reading."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from structlog.testing import capture_logs

from execution_monitor.asgi.operations import Operation, OperationKind
from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import RateLimited
from execution_monitor.limits.memory_storage import BoundedMemoryStorage
from execution_monitor.limits.rate_limits import ADDRESS, CALLER, Policy, RateLimits, shared_store
from execution_monitor.storage.database import Database

ADA, BEN = Caller("ada", "acme"), Caller("ben", "acme")
# A minute begins here.
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def policy(name: str, text: str) -> Policy:
    found = Policy.parse(name, text)
    assert found is not None
    return found


def operation_of(cost: int, caller: Caller = ADA, address: str | None = "192.0.2.1") -> Operation:
    return Operation(caller, Origin(address, None, "r-1"), OperationKind.QUERY, None, cost)


async def spend(limits: RateLimits, *operations: Operation) -> list[bool]:
    """Whether each was granted."""
    granted: list[bool] = []
    for operation in operations:
        try:
            await limits.charge(operation)
        except RateLimited:
            granted.append(False)
        else:
            granted.append(True)
    return granted


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(NOON, tick=False) as clock:
        yield clock


async def test_points_are_spent_by_cost_until_none_are_left(clock: Any):
    limits = RateLimits([policy(CALLER, "100/minute")])

    granted = await spend(limits, operation_of(60), operation_of(41), operation_of(40), operation_of(1))

    assert granted == [True, False, True, False]
    assert limits.refused == {CALLER: 2}


async def test_a_refusal_says_when_to_try_again_and_then_it_is_granted(clock: Any):
    limits = RateLimits([policy(CALLER, "100/minute")])
    await limits.charge(operation_of(100))
    clock.shift(30)

    with pytest.raises(RateLimited) as refusal:
        await limits.charge(operation_of(50))
    clock.shift(refusal.value.retry_after - 1)
    early = await spend(limits, operation_of(50))
    clock.shift(1)
    late = await spend(limits, operation_of(50))

    # Half of the points fade in the first half of the minute that follows.
    assert refusal.value.retry_after == 60
    assert (early, late) == ([False], [True])
    assert refusal.value.message == (
        "You have 0 points left of 100 in 60 seconds, too few for this; try again in 60 seconds."
    )
    assert refusal.value.headers == {
        "Retry-After": "60",
        "RateLimit-Policy": '"caller";q=100;qu="points";w=60',
        "RateLimit": '"caller";r=0;t=60',
    }


@pytest.mark.parametrize(
    ("spent", "then", "seconds", "cost", "wait"),
    [
        pytest.param(100, 0, 30, 100, 90, id="all of this minute, and all again"),
        pytest.param(100, 0, 30, 1, 31, id="all of this minute, and one"),
        pytest.param(100, 50, 90, 20, 12, id="the minute before fades"),
        pytest.param(100, 50, 90, 60, 42, id="the minute before is not enough"),
    ],
)
async def test_the_wait_is_as_long_as_it_takes(  # noqa: PLR0913, PLR0917 - a row of the table
    clock: Any, spent: int, then: int, seconds: int, cost: int, wait: int
):
    limits = RateLimits([policy(CALLER, "100/minute")])
    await limits.charge(operation_of(spent))
    clock.move_to(NOON + timedelta(seconds=seconds))
    if then:
        await limits.charge(operation_of(then))

    with pytest.raises(RateLimited) as refusal:
        await limits.charge(operation_of(cost))
    clock.shift(refusal.value.retry_after)

    assert refusal.value.retry_after == wait
    assert await spend(limits, operation_of(cost)) == [True]


async def test_points_refill_over_time(clock: Any):
    limits = RateLimits([policy(CALLER, "100/minute")])
    await limits.charge(operation_of(100))
    granted: list[bool] = []

    for _ in range(5):
        clock.shift(30)
        granted += await spend(limits, operation_of(50))

    # What was spent in the minute before counts for less and less of this one.
    assert granted == [False, False, True, True, False]


async def test_callers_and_tenants_have_points_of_their_own_and_share_those_of_an_address(clock: Any):
    limits = RateLimits([policy(CALLER, "100/minute"), policy(ADDRESS, "250/minute")])
    namesake = Caller("ada", "globex")

    granted = await spend(
        limits,
        operation_of(100),
        operation_of(1),
        operation_of(100, BEN),
        operation_of(51, namesake),
        operation_of(49, namesake),
    )

    # Who is refused as a caller spends nothing of the address.
    assert granted == [True, False, True, False, True]


async def test_an_operation_gets_what_is_left(clock: Any):
    limits = RateLimits([policy(CALLER, "100/minute"), policy(ADDRESS, "50/minute")])
    operation = operation_of(20)

    await limits.charge(operation)

    assert operation.allowance.remaining == 30
    assert operation.allowance.headers == {
        "RateLimit-Policy": '"caller";q=100;qu="points";w=60, "address";q=50;qu="points";w=60',
        "RateLimit": '"caller";r=80;t=60, "address";r=30;t=60',
    }


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        pytest.param("192.0.2.1", "192.0.2.2", False, id="two addresses"),
        pytest.param("2001:db8::1", "2001:db8::ffff:1", True, id="one customer's network"),
        pytest.param("2001:db8::1", "2001:db8:0:1::1", False, id="two customers' networks"),
        pytest.param("fe80::1%eth0", "fe80::2%eth0", True, id="with a zone"),
        pytest.param("a:b", "a:c", False, id="no addresses"),
    ],
)
async def test_an_address_is_what_one_customer_has(clock: Any, one: str, other: str, *, together: bool):
    limits = RateLimits([policy(ADDRESS, "10/minute")])

    granted = await spend(limits, operation_of(10, ADA, one), operation_of(10, BEN, other))

    assert granted == [True, not together]


async def test_an_unknown_caller_without_an_address_is_not_limited():
    limits = RateLimits([policy(CALLER, "10/minute"), policy(ADDRESS, "10/minute")])

    operation = operation_of(1_000, Caller("", ""), None)

    assert await spend(limits, operation) == [True]
    assert operation.allowance.remaining is None


async def test_an_operation_that_costs_nothing_is_not_limited(clock: Any):
    limits = RateLimits([policy(CALLER, "10/minute")])
    await spend(limits, operation_of(10))

    unread = operation_of(0)

    assert await spend(limits, unread) == [True]
    assert unread.allowance.remaining is None


async def test_a_refused_caller_is_refused_before_its_next_document_is_read_and_accepted_again_in_time():
    limits = RateLimits([policy(CALLER, "10/second")])
    origin = Origin("192.0.2.1", None, "r-1")
    limits.refuse_exhausted(ADA, origin)
    await spend(limits, operation_of(10), operation_of(10))

    with pytest.raises(RateLimited) as refusal:
        limits.refuse_exhausted(ADA, origin)
    limits.refuse_exhausted(BEN, origin)
    await asyncio.sleep(refusal.value.retry_after)

    limits.refuse_exhausted(ADA, origin)
    assert limits.refused == {CALLER: 2}


async def test_who_was_refused_something_dear_and_has_points_left_may_still_ask_for_something_cheap(clock: Any):
    limits = RateLimits([policy(CALLER, "10/minute")])

    assert await spend(limits, operation_of(8), operation_of(5)) == [True, False]
    limits.refuse_exhausted(ADA, Origin("192.0.2.1", None, "r-1"))
    assert await spend(limits, operation_of(2)) == [True]


@pytest.mark.parametrize("text", ["1000/minute", "5 per second", "1/day"])
def test_a_policy_is_points_in_a_period(text: str):
    assert Policy.parse(CALLER, text) is not None


@pytest.mark.parametrize("text", ["", "many", "1000", "1000/fortnight"])
def test_text_that_is_no_policy_is_refused(text: str):
    with pytest.raises(ValueError, match=r"."):
        Policy.parse(CALLER, text)


async def test_memory_drops_the_key_that_was_not_used_for_longest(clock: Any):
    memory = BoundedMemoryStorage(max_keys=2)

    for key in ("a", "b", "a", "c"):
        assert await memory.acquire_sliding_window_entry(key, 10, 60, 4)

    assert len(memory) == 2
    assert [(await memory.get_sliding_window(key, 60))[2] for key in ("a", "b", "c")] == [8, 0, 4]


@pytest.fixture
async def shared(database: Database, mongodb_uri: str) -> AsyncGenerator[list[RateLimits]]:
    """Two replicas that share their points."""
    await database.handle.drop_collection("rate_limit_windows")
    replicas = [
        RateLimits([policy(CALLER, "100/hour")], shared_store(mongodb_uri, database.handle.name)) for _ in range(2)
    ]
    yield replicas
    for replica in replicas:
        replica.close()


async def test_replicas_share_points_in_mongodb(shared: list[RateLimits]):
    one, other = shared

    granted = (
        await spend(one, operation_of(60)) + await spend(other, operation_of(60)) + await spend(other, operation_of(40))
    )
    last = operation_of(1, BEN)
    await one.charge(last)

    assert granted == [True, False, True]
    assert last.allowance.remaining == 99
    assert (one.store_failures, other.store_failures) == (0, 0)


async def test_points_are_spent_once_by_any_number_of_requests_at_once(shared: list[RateLimits]):
    one, other = shared
    # The first makes the collection and its index.
    await one.charge(operation_of(1))

    granted = [
        each
        for found in await asyncio.gather(*(spend(one if n % 2 else other, operation_of(10)) for n in range(20)))
        for each in found
    ]

    assert granted.count(True) == 9


async def test_without_its_store_reading_goes_on_and_metrics_say_so():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
    store = shared_store(f"mongodb://someone:hidden@127.0.0.1:{port}", "nowhere")
    limits = RateLimits([policy(CALLER, "100/hour")], store)

    with capture_logs() as logs:
        granted = await spend(limits, operation_of(60), operation_of(30), operation_of(60))
    limits.close()

    # Each process counts by itself meanwhile, and does not use the store for a while.
    assert granted == [True, True, False]
    assert (limits.store_failures, limits.store_is_down) == (1, True)
    assert [each["event"] for each in logs] == ["rate_limit_store_failed"]
    assert "hidden" not in str(logs)

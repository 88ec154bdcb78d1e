"""Very many changes at once, by one update and by one transaction: every subscriber gets the last state of each."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from tests.faults.bulks import Bulk, followed
from tests.faults.results import FaultResult
from tests.faults.scenes import is_full
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess

_SUBSCRIBERS = 200 if is_full() else 10
# 20 million messages, of which a processor sends some 75,000 a second.
_SECONDS = 1_200.0 if is_full() else 60.0
# The backlogs of all slow subscribers, at 8 MiB each, would be 1.6 GB; the replay buffer is 32 MiB of BSON.
_MOST_GROWTH = 256 * 2**20
# A backlog conflates from 2,048 events on, and holds 4,096: with these it never overflows.
_FEWER_THAN_OVERFLOW = 1_000
_UPDATES = 8
_NOT_READING = 10  # the system holds up to 20 MB for each
# So that messages soon exceed what the system buffers for a client that does not read, some 10 MB.
_PADDING = 3_000


Change = Callable[[Bulk], Awaitable[None]]


async def update_all(bulk: Bulk) -> None:
    await bulk.update()


async def update_all_in_a_transaction(bulk: Bulk) -> None:
    await bulk.update_in_a_transaction()


@pytest.mark.parametrize(
    ("fault", "change", "full", "small"),
    [
        pytest.param("100,000 changes by one update, 200 subscribers", update_all, 100_000, 5_000, id="update"),
        pytest.param(
            "a transaction of 5,000 changes, 200 subscribers",
            update_all_in_a_transaction,
            5_000,
            1_000,
            id="transaction",
        ),
    ],
)
async def test_a_bulk_of_changes_reaches_every_subscriber(  # noqa: PLR0913, PLR0917 - a row of the table
    shared_server: ServerProcess,
    shared_mongod: SingleNodeReplicaSet,
    report: Callable[[FaultResult], None],
    fault: str,
    change: Change,
    full: int,
    small: int,
):
    async with AsyncMongoClient[dict[str, Any]](shared_mongod.uri) as mongo:
        bulk = Bulk(mongo, full if is_full() else small)
        await bulk.insert()
        async with followed(shared_server, bulk, subscribers=_SUBSCRIBERS, seconds=_SECONDS) as following:
            await change(bulk)

    outcome = following.outcome
    found = outcome.result
    lost = found.total.lost(outcome.conflated)
    report(FaultResult(fault, trials=1, lost=lost, repeated=found.total.repeated, note=outcome.note))
    assert not found.refused
    assert not found.errors
    assert outcome.growth < _MOST_GROWTH


async def test_a_subscriber_that_reads_nothing_for_a_while_gets_the_last_state_of_each_execution(
    shared_server: ServerProcess, shared_mongod: SingleNodeReplicaSet, report: Callable[[FaultResult], None]
):
    async with AsyncMongoClient[dict[str, Any]](shared_mongod.uri) as mongo:
        bulk = Bulk(mongo, _FEWER_THAN_OVERFLOW)
        await bulk.insert()
        async with followed(
            shared_server, bulk, subscribers=_NOT_READING, seconds=_SECONDS, padding=_PADDING
        ) as following:
            following.listeners.stop_reading()
            for _ in range(_UPDATES):
                await bulk.update()
            await wait_until_conflated(shared_server)
            following.listeners.read_on()

    outcome = following.outcome
    found = outcome.result
    lost = found.total.lost(outcome.conflated)
    fault = "10 subscribers that read nothing while 1,000 executions change 8 times"
    report(FaultResult(fault, trials=1, lost=lost, repeated=found.total.repeated, note=outcome.note))
    assert found.connections == _NOT_READING
    assert not found.total.gaps
    assert 0 < found.total.skipped <= outcome.conflated
    assert outcome.growth < _MOST_GROWTH


async def wait_until_conflated(server: ServerProcess) -> None:
    """Return when the server has conflated two events."""
    async with asyncio.timeout(_SECONDS):
        while not (await asyncio.to_thread(server.metrics))["live_conflated_total"]:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.1)

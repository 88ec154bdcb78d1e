"""Very many changes at once, by one update and by one transaction: every subscriber ends with the last of each."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from tests.live.bulks import Bulk, followed
from tests.live.results import Row
from tests.live.scenes import is_full
from tests.live.server_process import ServerProcess
from tests.monitoring.live.own_mongod import OwnMongod

_SUBSCRIBERS = 200 if is_full() else 10
# 20 million messages, of which a processor sends some 75,000 a second.
_SECONDS = 1_200.0 if is_full() else 60.0
# The queues of all that are behind, at 8 MiB each, would be 1.6 GB; the ring of recent changes is 32 MiB of BSON.
_MOST_GROWTH = 256 * 2**20


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
    roomy_server: ServerProcess,
    roomy_mongod: OwnMongod,
    report: Callable[[Row], None],
    fault: str,
    change: Change,
    full: int,
    small: int,
):
    async with AsyncMongoClient[dict[str, Any]](roomy_mongod.uri) as mongo:
        bulk = Bulk(mongo, full if is_full() else small)
        await bulk.insert()
        async with followed(roomy_server, bulk, subscribers=_SUBSCRIBERS, seconds=_SECONDS) as following:
            await change(bulk)

    outcome = following.outcome
    found = outcome.heard
    lost = found.total.lost(outcome.merged)
    report(Row(fault, trials=1, lost=lost, repeated=found.total.repeated, note=outcome.note))
    assert found.connections == _SUBSCRIBERS
    assert not found.refused
    assert not found.errors
    assert outcome.growth < _MOST_GROWTH

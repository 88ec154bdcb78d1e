"""Every live answer is the one that a fresh read at its cluster time and instant gives, whatever happens meanwhile."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.errors import WriteError

from execution_monitor.auth.caller import Caller
from execution_monitor.live.changes import GapReason
from execution_monitor.live.service import Live
from execution_monitor.statistics.live.service import LiveStatistics
from execution_monitor.statistics.live.subscription import StatisticsDelivery, StatisticsSubscription
from execution_monitor.statistics.measures import EVERY_MEASURE, Measure
from execution_monitor.statistics.requests import GroupField, GroupOrder, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.time_buckets import Interval
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, ExecutionStatus
from execution_monitor.storage.filters import EVERYTHING, Not, Range, all_of, equals
from execution_monitor.storage.relative_filters import Duration, Within
from tests.live.factories import ADA, ALL_OF_ACME, ALL_OF_GLOBEX, BEN, execution
from tests.statistics.live.recount import content_of, recount

EVERY_GROUP = tuple(GroupsRequest(by, GroupOrder.COUNT, 100, Measure.COST) for by in GroupField)
STATUSES = [each.value for each in ExecutionStatus]
WRITERS = 8


async def next_of(subscription: StatisticsSubscription, seconds: float = 20.0) -> StatisticsDelivery:
    async with asyncio.timeout(seconds):
        delivery = await anext(subscription)
    assert isinstance(delivery, StatisticsDelivery)
    return delivery


@dataclass
class Writers:
    """Tasks that insert, change, give away and delete executions, also old and odd ones and those of the future."""

    database: Database
    names: list[str] = field(default_factory=list[str])
    is_over: bool = False

    async def write(self, seed: int) -> None:
        generator = random.Random(seed)  # noqa: S311 - the same in every run
        collection = self.database.collection(Execution)
        while not self.is_over:
            # An index takes one array of a document at most.
            with contextlib.suppress(WriteError):
                await self._change(collection, generator, seed)
            await asyncio.sleep(0.01)

    async def _change(self, collection: Any, generator: random.Random, seed: int) -> None:
        name = generator.choice(self.names) if self.names else ""
        match generator.randrange(10):
            case 0 | 1 | 2 | 3:
                name = f"run-{seed}-{generator.random()}"
                self.names.append(name)
                await collection.insert_one(execution(name, **self._facts(generator)))
            case 4:
                await collection.delete_one({"execution_id": name})
            case 5:
                owner = {"user_id": generator.choice(["ada", "ben"])}
                await collection.update_one({"execution_id": name}, {"$set": owner})
            case 6:
                tenant = {"tenant_id": generator.choice(["acme", "globex"])}
                await collection.update_one({"execution_id": name}, {"$set": tenant})
            case 7:
                await collection.update_one({"execution_id": name}, {"$inc": {"version": 1}})
            case _:
                await collection.update_one({"execution_id": name}, {"$set": self._facts(generator)})

    @staticmethod
    def _facts(generator: random.Random) -> dict[str, Any]:
        now = datetime.now(UTC)
        ago = [timedelta(seconds=generator.uniform(0, 4)) for _ in range(2)]
        times = [now - ago[0], now - ago[1] * 40, now + ago[0] * 20, [now - each for each in ago], "yesterday"]
        return {
            "created": generator.choices(times, [8, 4, 2, 1, 1])[0],
            "status": generator.choice([*STATUSES, "odd", None]),
            "user_id": generator.choice(["ada", "ben"]),
            "workflow_name": generator.choice(["ingest", "train", 7]),
            "total_duration": generator.choice([None, generator.expovariate(0.1), "long"]),
            "total_cost": generator.choice([None, generator.random(), True]),
            "tokens_used": generator.choice([None, 12, 3.5]),
            "error_details": generator.choice([None, {"code": "E1"}, {"code": 2}]),
            "started_at": now - ago[1],
            "tags": [{"key": "k", "value": str(generator.randrange(3))} for _ in range(generator.randrange(3))],
        }


@contextlib.asynccontextmanager
async def writing(database: Database, writers: int = WRITERS) -> AsyncGenerator[None]:
    load = Writers(database)
    tasks = [asyncio.create_task(load.write(seed)) for seed in range(writers)]
    try:
        yield
    finally:
        load.is_over = True
        await asyncio.gather(*tasks)


async def check(database: Database, who: Caller, request: StatisticsRequest, tick: StatisticsDelivery) -> None:
    answer = tick.answer
    assert content_of(answer) == await recount(database, who, request, answer.read_at, answer.as_of)


# The ranges move through what is written; the others grow at their end or stay.
QUESTIONS: Sequence[tuple[Caller, StatisticsRequest]] = [
    (ALL_OF_ACME, StatisticsRequest(EVERYTHING, "Asia/Kathmandu", None, EVERY_MEASURE, EVERY_MEASURE, EVERY_GROUP)),
    (ALL_OF_ACME, StatisticsRequest(Within("created", 2), interval=Interval.MINUTE, series=Measure.DURATION)),
    (ADA, StatisticsRequest(Within("created", 60), totals=EVERY_MEASURE, series=EVERY_MEASURE)),
    (BEN, StatisticsRequest(all_of(Within("created", 1), Not(equals("status", "failed"))), groups=EVERY_GROUP)),
    (
        ALL_OF_GLOBEX,
        StatisticsRequest(Range("created", gte=datetime.now(UTC) - timedelta(minutes=2)), series=Measure.COST),
    ),
    (ADA, StatisticsRequest(Duration(gte=1.0), totals=EVERY_MEASURE)),
]


async def test_every_answer_is_a_fresh_one_under_writers_with_resumptions_and_a_gap(
    database: Database, live: Live, statistics: LiveStatistics
):
    ticks = 0

    async def follow(who: Caller, request: StatisticsRequest) -> None:
        nonlocal ticks
        cursor = None
        for _ in range(3):
            subscription = await statistics.subscribe(who, request, cursor)
            for _ in range(3):
                tick = await next_of(subscription)
                await check(database, who, request, tick)
                cursor = tick.cursor
                ticks += 1
            subscription.close()

    async with writing(database):
        await asyncio.sleep(1)
        following = [asyncio.create_task(follow(who, request)) for who, request in QUESTIONS]
        await asyncio.sleep(1)
        reached = live.reached
        assert reached is not None
        for each in tuple(live.stats.subscribers):
            each.send_gap(GapReason.TOO_SLOW, reached)
        await asyncio.gather(*following)

    assert ticks == 9 * len(QUESTIONS)
    assert statistics.feeds == 0


@pytest.mark.parametrize("who", [ADA, BEN, ALL_OF_ACME], ids=lambda who: who.subject)
async def test_no_answer_counts_what_its_caller_may_not_see(
    database: Database, statistics: LiveStatistics, who: Caller
):
    subscription = await statistics.subscribe(who, StatisticsRequest(EVERYTHING))
    assert (await next_of(subscription)).answer.totals.count == 0

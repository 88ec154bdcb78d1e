"""Every live answer is the one that a fresh read at its cluster time and instant gives, whatever happens meanwhile."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest
from pymongo.errors import WriteError

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import BadUserInput, Forbidden, QueryTimeout
from execution_monitor.live.changes import GapReason
from execution_monitor.live.service import Live
from execution_monitor.statistics.live import feed, reading
from execution_monitor.statistics.live.service import LiveStatistics
from execution_monitor.statistics.live.subscription import StatisticsDelivery, StatisticsSubscription
from execution_monitor.statistics.measures import EVERY_MEASURE, Measure
from execution_monitor.statistics.requests import GroupField, GroupOrder, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.time_buckets import Interval
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, ExecutionStatus
from execution_monitor.storage.filters import EVERYTHING, Not, Range, all_of, equals
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.relative_filters import Duration, Within
from tests.live.factories import ADA, ALL_OF_ACME, ALL_OF_GLOBEX, BEN, execution
from tests.statistics.live.recount import content_of, recount
from tests.support.sent_commands import SentCommands

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
    database: Database, live: Live, statistics: LiveStatistics, monkeypatch: pytest.MonkeyPatch
):
    # What leaves a range next is read again and again.
    monkeypatch.setattr(reading, "_AHEAD_MS", 1_500)
    monkeypatch.setattr(feed, "_REFILL_AHEAD_MS", 1_000)
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


ALL_STATUSES = StatisticsRequest(EVERYTHING, groups=(GroupsRequest(GroupField.STATUS),))


def recent(name: str, **fields: Any) -> dict[str, Any]:
    return execution(name, **{"created": datetime.now(UTC), **fields})


async def count_of(subscription: StatisticsSubscription) -> int:
    return (await next_of(subscription)).answer.totals.count


async def test_equal_questions_are_read_once_and_followed_without_reading(
    recorded_database: tuple[Database, SentCommands], live: Live
):
    database, sent = recorded_database
    collection = database.collection(Execution)
    await collection.insert_many([recent("of-ada"), recent("of-ben", user_id="ben")])
    others = [StatisticsRequest(Within("created", seconds)) for seconds in range(60, 70)]
    sent.reads.clear()

    async with LiveStatistics(Reader(database, 10_000), live) as statistics:
        equal = await asyncio.gather(*(statistics.subscribe(ADA, ALL_STATUSES) for _ in range(200)))
        first = len(sent.reads)
        different = [await statistics.subscribe(ADA, request) for request in others]
        counts = [await count_of(each) for each in (*equal, *different)]
        begun = len(sent.reads)
        await collection.insert_one(recent("another"))
        later = [await count_of(each) for each in (*equal, *different)]

        assert statistics.feeds == 1 + len(others)
        assert (set(counts), set(later)) == ({1}, {2})
        assert 1 <= first <= 4
        assert begun == len(sent.reads)


async def test_a_slow_subscriber_gets_the_newest_answer_alone(database: Database, statistics: LiveStatistics):
    slow, fast = [await statistics.subscribe(ADA, ALL_STATUSES) for _ in range(2)]
    seen = [await count_of(fast)]

    for number in range(3):
        await database.collection(Execution).insert_one(recent(f"run-{number}"))
        seen.append(await count_of(fast))

    assert seen == [0, 1, 2, 3]
    assert await count_of(slow) == 3
    await database.collection(Execution).delete_one({"execution_id": "run-0"})
    assert await count_of(slow) == 2


async def test_what_is_not_added_up_makes_no_answer_unless_executions_are_shown(
    database: Database, statistics: LiveStatistics
):
    collection = database.collection(Execution)
    await collection.insert_one(recent("run"))
    sums = await statistics.subscribe(ADA, ALL_STATUSES)
    shown = await statistics.subscribe(ADA, ALL_STATUSES, every_change=True)
    first = [await next_of(sums), await next_of(shown)]

    await collection.update_one({"execution_id": "run"}, {"$set": {"current_step": "load"}})
    again = await next_of(shown)
    await collection.update_one({"execution_id": "run"}, {"$set": {"status": "failed"}})
    changed = [await next_of(sums), await next_of(shown)]

    assert [each.answer.totals.failures for each in (*first, again, *changed)] == [0, 0, 0, 1, 1]
    assert again.position > first[1].position


async def test_behind_a_cursor_only_another_answer_is_sent(database: Database, statistics: LiveStatistics):
    collection = database.collection(Execution)
    await collection.insert_one(recent("run"))
    subscription = await statistics.subscribe(ADA, ALL_STATUSES)
    cursor = (await next_of(subscription)).cursor
    subscription.close()
    # Others' executions, and what is not added up.
    await collection.insert_one(recent("of-ben", user_id="ben"))
    await collection.update_one({"execution_id": "run"}, {"$set": {"current_step": "load"}})

    resumed = await statistics.subscribe(ADA, ALL_STATUSES, cursor)
    waiting = asyncio.ensure_future(next_of(resumed))
    await asyncio.sleep(0.3)
    if waiting.done():
        # Where it is in doubt whether anything has changed, on a busy machine, an equal answer comes once more.
        assert waiting.result().answer.totals.count == 1
        waiting = asyncio.ensure_future(next_of(resumed))
    await collection.delete_one({"execution_id": "run"})
    assert (await waiting).answer.totals.count == 0
    # The answer is of a question that nobody follows any more, and of one that is followed.
    again = await statistics.subscribe(ADA, ALL_STATUSES, cursor)
    assert await count_of(again) == 0


async def test_executions_leave_a_moving_range_without_a_change(database: Database, statistics: LiveStatistics):
    await database.collection(Execution).insert_many([recent("first"), recent("second")])
    subscription = await statistics.subscribe(ADA, StatisticsRequest(Within("created", 1)))

    seen = [await count_of(subscription)]
    while seen[-1]:
        seen.append(await count_of(subscription))

    assert seen[0] == 2
    assert statistics.feeds == 1


async def test_too_many_groups_are_read_for_each_answer(
    database: Database, statistics: LiveStatistics, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(feed, "_MAX_GROUPS_KEPT", 3)
    collection = database.collection(Execution)
    await collection.insert_many([recent(f"run-{number}", session_id=f"s{number}") for number in range(3)])
    request = StatisticsRequest(EVERYTHING, groups=(GroupsRequest(GroupField.SESSION_ID, first=2),))
    subscription = await statistics.subscribe(ADA, request)
    await next_of(subscription)

    for number in range(2):
        await collection.insert_one(recent(f"more-{number}", session_id=f"t{number}"))
        await check(database, ADA, request, tick := await next_of(subscription))
        assert tick.answer.totals.count == 4 + number


async def test_a_series_that_grows_to_too_many_buckets_ends_with_an_error(
    database: Database, statistics: LiveStatistics, monkeypatch: pytest.MonkeyPatch
):
    start = datetime.now(UTC)
    request = StatisticsRequest(Range("created", gte=start), interval=Interval.MINUTE, series=Measure.COST)
    subscription = await statistics.subscribe(ADA, request)
    await next_of(subscription)

    def much_later(_: feed.Feed) -> datetime:
        return start + timedelta(minutes=102)

    monkeypatch.setattr(feed.Feed, "_instant", much_later)
    await database.collection(Execution).insert_one(recent("run"))
    with pytest.raises(BadUserInput, match="at most 100 buckets"):
        await next_of(subscription)


async def test_without_the_scope_nothing_is_followed(statistics: LiveStatistics):
    with pytest.raises(Forbidden):
        await statistics.subscribe(Caller("ada", "acme"), ALL_STATUSES)
    assert statistics.feeds == 0


async def test_what_cannot_be_read_is_an_error_and_is_tried_again(
    statistics: LiveStatistics, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        patch.setattr(reading.LiveReader, "read", AsyncMock(side_effect=QueryTimeout("Too much.")))
        with pytest.raises(QueryTimeout):
            await statistics.subscribe(ADA, ALL_STATUSES)
    assert statistics.feeds == 0

    assert await count_of(await statistics.subscribe(ADA, ALL_STATUSES)) == 0

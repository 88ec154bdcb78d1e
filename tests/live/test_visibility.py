"""Owners and tenants change while everything is being written: no event goes to a caller who may not see it."""

import asyncio
import contextlib
import random
from collections.abc import Mapping
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from execution_monitor.auth.caller import Caller
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.live.subscriber import BacklogLimits, Subscriber
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import EVERYTHING, equals
from tests.live.factories import CURSORS, caller, execution
from tests.live.subscriber import PATIENCE, read_page

WRITES = 1_500
USERS = ("ada", "ben", "cleo")
TENANTS = ("acme", "globex")
CALLERS = [
    *(caller(user, tenant) for user in USERS for tenant in TENANTS),
    *(caller("olga", tenant, all_of_tenant=True) for tenant in TENANTS),
]
_Event = tuple[str, str, int | None]


async def write(database: Database, seed: int) -> None:
    generator = random.Random(seed)  # noqa: S311 - the same in every run
    collection = database.collection(Execution)
    for _ in range(WRITES // 4):
        name = f"run-{generator.randrange(12)}"
        match generator.randrange(10):
            case 0:
                await collection.delete_many({"execution_id": name})
            case 1 | 2 | 3:
                change = {
                    "$set": {"user_id": generator.choice(USERS), "status": generator.choice(["running", "failed"])}
                }
                await collection.update_one({"execution_id": name}, {**change, "$inc": {"version": 1}})
                if generator.random() < 0.3:
                    await collection.delete_one({"execution_id": name})
            case 4:
                change = {"$set": {"_marked": generator.random()}}
                await collection.update_one({"execution_id": name}, change)
            case _:
                row = execution(name, user_id=generator.choice(USERS), tenant_id=generator.choice(TENANTS))
                # Two writers may create it at once, and its name may be taken where it is moved to.
                with contextlib.suppress(DuplicateKeyError):
                    await collection.replace_one({"execution_id": name}, row, upsert=True)


class Reference:
    """A change stream of its own, and the events that each caller must get, in the plainest code."""

    def __init__(self) -> None:
        self.events: dict[tuple[int, bool], list[_Event]] = {}

    async def read(self, database: AsyncDatabase[dict[str, Any]], opened: asyncio.Event) -> None:
        async with await database.watch(
            full_document="whenAvailable", full_document_before_change="whenAvailable", max_await_time_ms=50
        ) as stream:
            await stream.try_next()
            opened.set()
            async for event in stream:
                before, after = event.get("fullDocumentBeforeChange"), event.get("fullDocument")
                if after is not None and after["tenant_id"] == "nowhere":
                    return
                for number, each in enumerate(CALLERS):
                    for running in (False, True):
                        self._judge(self.events.setdefault((number, running), []), each, before, after, running=running)

    @staticmethod
    def _judge(
        events: list[_Event],
        who: Caller,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        *,
        running: bool,
    ) -> None:
        def sees(row: Mapping[str, Any] | None) -> bool:
            return row is not None and row["tenant_id"] == who.tenant and who.subject in ("olga", row["user_id"])

        def lists(row: Mapping[str, Any] | None) -> bool:
            return sees(row) and row is not None and (not running or row["status"] == "running")

        had, has = lists(before), lists(after)
        version = after["version"] if after is not None and sees(after) else None
        if had or has:
            row = before if had else after
            assert row is not None
            kind = "updated" if had and has else "entered" if has else "deleted" if after is None else "left"
            events.append((kind, row["execution_id"], version))


async def test_every_caller_gets_exactly_the_events_of_what_they_may_see(database: Database, mongodb_uri: str):
    reference, opened = Reference(), asyncio.Event()
    reading = asyncio.create_task(reference.read(database.handle, opened))
    await opened.wait()
    limits = LiveLimits(lookback_seconds=0, backlog=BacklogLimits(conflate_from=100_000, max_events=100_000))
    small = LiveLimits(lookback_seconds=0, backlog=limits.backlog, replay_buffer_bytes=50_000)
    async with (
        Live(database, mongodb_uri, CURSORS, limits) as live,
        Live(database, mongodb_uri, CURSORS, small) as late,
    ):
        await late.subscribe(CALLERS[0])
        pages = [(await read_page(database, each, live))[1] for each in CALLERS]
        subscriptions = {
            (number, running): await live.subscribe(each, equals("status", "running") if running else EVERYTHING)
            for number, each in enumerate(CALLERS)
            for running in (False, True)
        }

        await asyncio.gather(*(write(database, seed) for seed in range(4)))

        last = await live.subscribe(caller("nobody", "nowhere"))
        await database.collection(Execution).insert_one(execution(user_id="nobody", tenant_id="nowhere"))
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(reading, anext(last))
        expected = reference.events
        assert all(len(each) > 20 for each in expected.values())
        for which, subscriber in subscriptions.items():
            assert take_all(subscriber) == expected[which], which
        # From MongoDB's history it is the same.
        for number, each in enumerate(CALLERS):
            resumed = await late.subscribe(each, after=pages[number])
            async with asyncio.timeout(PATIENCE):
                assert [summary(await anext(resumed)) for _ in expected[number, False]] == expected[number, False]
        assert late.stats.catch_up.served_from_history > 0


def summary(delivery: Any) -> _Event:
    return delivery.kind.value, delivery.execution_id, None if delivery.row is None else delivery.row["version"]


def take_all(subscriber: Subscriber) -> list[_Event]:
    return [summary(delivery) for _ in range(len(subscriber)) if (delivery := subscriber.take()) is not None]

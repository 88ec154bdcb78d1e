"""A client that checks what it is told, and writers whose every change is a step of `version`."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from itertools import count, takewhile
from typing import Any

from pymongo.errors import PyMongoError

from execution_monitor.auth.caller import Caller
from execution_monitor.executions.executions import NEWEST_FIRST
from execution_monitor.executions.visibility import visible_to
from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.live.service import Live
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.pagination import NEITHER, Listing, PageRequest, Wanted
from execution_monitor.storage.reader import Reader
from tests.live.making import execution

PATIENCE = 20.0


async def eventually(holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Return once it holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - it is told of by many, none of whom know of this
            await asyncio.sleep(0.005)


async def read_page(database: Database, caller: Caller, live: Live) -> tuple[dict[str, int], str]:
    """The versions that a page shows, and the cursor to go on from."""
    listing = Listing(visible_to(caller), NEWEST_FIRST)
    page = await Reader(database, 5_000).read_page(
        Execution, listing, PageRequest(size=1_000), Wanted(snapshot=True, neighbours=NEITHER)
    )
    assert page.read_at is not None
    return {row["execution_id"]: row["version"] for row in page.rows}, live.cursor_at(caller, page.read_at)


@dataclass
class Follower:
    """Holds every event to the version it must have: one more than the last."""

    versions: dict[str, int] = field(default_factory=dict[str, int])
    cursor: str | None = None
    heard: int = 0

    def hear(self, told: Delivery) -> None:
        assert told.kind in (EventKind.ENTERED, EventKind.UPDATED), told
        assert told.row is not None
        assert told.execution_id is not None
        expected = self.versions.get(told.execution_id, 0) + 1
        assert told.row["version"] == expected, f"{told.execution_id}: {told.row['version']}, not {expected}"
        self.versions[told.execution_id] = expected
        self.cursor = told.cursor
        self.heard += 1

    async def hear_all(self, subscriber: Subscriber) -> None:
        """Listen until the subscriber is closed."""
        async for told in subscriber:
            self.hear(told)

    @contextlib.asynccontextmanager
    async def hearing(self, subscriber: Subscriber) -> AsyncGenerator[asyncio.Task[None]]:
        """A time in which somebody listens; a wrong event fails it at the end."""
        reader = asyncio.create_task(self.hear_all(subscriber))
        try:
            yield reader
        finally:
            subscriber.close()
            await reader

    async def hear_until(self, subscriber: Subscriber, versions: dict[str, int]) -> None:
        """Listen until what is known is `versions`, which nobody changes any more."""
        async with self.hearing(subscriber) as reader:
            await eventually(lambda: self.versions == versions or reader.done())
        assert self.versions == versions


@dataclass
class Writers:
    """Tasks that create executions and step their versions as fast as MongoDB lets them."""

    database: Database
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    pause: float = 0.0
    is_over: bool = False

    async def write(self, writer: int) -> None:
        collection = self.database.collection(Execution)
        dice = random.Random(writer)  # noqa: S311 - the same in every run
        for number in takewhile(lambda _: not self.is_over, count()):
            name = f"writer-{writer}-{number // 10}"
            with contextlib.suppress(PyMongoError):
                if number % 10 == 0:
                    await collection.insert_one(execution(name, **self.fields))
                else:
                    older = f"writer-{writer}-{dice.randrange(number // 10 + 1)}"
                    await collection.update_one({"execution_id": older}, {"$inc": {"version": 1}})
            await asyncio.sleep(self.pause)


@contextlib.asynccontextmanager
async def writing(database: Database, writers: int = 4, *, pause: float = 0.0, **fields: Any) -> AsyncGenerator[None]:
    """A time in which executions are created and changed."""
    load = Writers(database, fields, pause)
    tasks = [asyncio.create_task(load.write(writer)) for writer in range(writers)]
    try:
        yield
    finally:
        # A write that is cut off may still be carried out, later.
        load.is_over = True
        await asyncio.gather(*tasks)


async def stored_versions(database: Database, caller: Caller) -> dict[str, int]:
    """What is there in the end."""
    rows = await database.collection(Execution).find(visible_to(caller).to_mongo()).to_list()
    return {row["execution_id"]: row["version"] for row in rows}

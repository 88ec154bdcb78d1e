"""A subscriber that checks the versions it receives, and writers whose every change raises `version` by one."""

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
from execution_monitor.storage.pagination import NEITHER, Listing, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from tests.live.factories import execution

PATIENCE = 20.0


async def eventually(holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Return once `holds()` is true."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - many sources, without a common event
            await asyncio.sleep(0.005)


async def read_page(database: Database, caller: Caller, live: Live) -> tuple[dict[str, int], str]:
    """The versions on a page, and its live cursor."""
    listing = Listing(visible_to(caller), NEWEST_FIRST)
    page = await Reader(database, 5_000).read_page(
        Execution, listing, PageRequest(size=1_000), PageSelection(snapshot=True, neighbours=NEITHER)
    )
    assert page.read_at is not None
    return {row["execution_id"]: row["version"] for row in page.rows}, live.cursor_at(caller, page.read_at)


@dataclass
class CheckingSubscriber:
    """Checks that every event has the next version of its execution."""

    versions: dict[str, int] = field(default_factory=dict[str, int])
    cursor: str | None = None
    received: int = 0

    def receive(self, delivery: Delivery) -> None:
        assert delivery.kind in (EventKind.ENTERED, EventKind.UPDATED), delivery
        assert delivery.row is not None
        assert delivery.execution_id is not None
        expected = self.versions.get(delivery.execution_id, 0) + 1
        assert delivery.row["version"] == expected, (
            f"{delivery.execution_id}: {delivery.row['version']}, not {expected}"
        )
        self.versions[delivery.execution_id] = expected
        self.cursor = delivery.cursor
        self.received += 1

    async def receive_all(self, subscriber: Subscriber) -> None:
        """Receive until `subscriber` is closed."""
        async for delivery in subscriber:
            self.receive(delivery)

    @contextlib.asynccontextmanager
    async def receiving(self, subscriber: Subscriber) -> AsyncGenerator[asyncio.Task[None]]:
        """Receive during the block; a wrong event raises at its end."""
        reader = asyncio.create_task(self.receive_all(subscriber))
        try:
            yield reader
        finally:
            subscriber.close()
            await reader

    async def receive_until(self, subscriber: Subscriber, versions: dict[str, int]) -> None:
        """Receive until the versions are `versions`, which must not change any more."""
        async with self.receiving(subscriber) as reader:
            await eventually(lambda: self.versions == versions or reader.done())
        assert self.versions == versions


@dataclass
class Writers:
    """Tasks that create executions and raise their versions as fast as MongoDB accepts the writes."""

    database: Database
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    pause: float = 0.0
    is_over: bool = False

    async def write(self, writer: int) -> None:
        collection = self.database.collection(Execution)
        generator = random.Random(writer)  # noqa: S311 - the same in every run
        for number in takewhile(lambda _: not self.is_over, count()):
            name = f"writer-{writer}-{number // 10}"
            with contextlib.suppress(PyMongoError):
                if number % 10 == 0:
                    await collection.insert_one(execution(name, **self.fields))
                else:
                    older = f"writer-{writer}-{generator.randrange(number // 10 + 1)}"
                    await collection.update_one({"execution_id": older}, {"$inc": {"version": 1}})
            await asyncio.sleep(self.pause)


@contextlib.asynccontextmanager
async def writing(database: Database, writers: int = 4, *, pause: float = 0.0, **fields: Any) -> AsyncGenerator[None]:
    """Create and change executions during the block."""
    load = Writers(database, fields, pause)
    tasks = [asyncio.create_task(load.write(writer)) for writer in range(writers)]
    try:
        yield
    finally:
        # A write that is cancelled may still be carried out, later.
        load.is_over = True
        await asyncio.gather(*tasks)


async def stored_versions(database: Database, caller: Caller) -> dict[str, int]:
    """The versions of the stored executions that `caller` may see."""
    rows = await database.collection(Execution).find(visible_to(caller).to_mongo()).to_list()
    return {row["execution_id"]: row["version"] for row in rows}

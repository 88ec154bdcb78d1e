"""The scene of a fault: writers, a subscriber that must receive all that they write, and the check at the end."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest

from tests.faults.client import Client
from tests.faults.oracle import Ledger, Writers, longest_pause
from tests.faults.results import FaultResult
from tests.support.tokens import token_of

PATIENCE = 60.0
# Events before a fault and after it, so that it comes amid changes.
_AROUND = 20
_users = count(1)

log = logging.getLogger("chaos")


def is_full() -> bool:
    """Whether this is a run of `make chaos`, whose measurements count."""
    return os.environ.get("TEST_CHAOS") == "full"


full_only = pytest.mark.skipif(not is_full(), reason="only `make chaos` tries it; others like it always")


def sized(full: int, small: int) -> range:
    """The trials of this run."""
    return range(full if is_full() else small)


def new_user() -> str:
    """A user without executions."""
    return f"user-{os.getpid()}-{next(_users)}"


@dataclass
class Scene:
    """Writers, and a subscriber to what they write."""

    writers: Writers
    client: Client
    fault_at: float = 0.0
    over_at: float = 0.0

    @property
    def ledger(self) -> Ledger:
        """What the subscriber has received."""
        return self.client.ledger

    def begin_fault(self) -> None:
        """Record that the fault comes now."""
        self.fault_at = time.monotonic()

    async def receive_more(self, events: int = _AROUND) -> None:
        """Return when `events` more have been received."""
        received = self.ledger.received + events
        await self.client.until(lambda: self.ledger.received >= received, PATIENCE)

    async def write_more(self, writes: int = _AROUND) -> None:
        """Return when `writes` more have been acknowledged."""
        truth = self.writers.truth
        written = len(truth.times) + writes
        async with asyncio.timeout(PATIENCE):
            while len(truth.times) < written:  # noqa: ASYNC110 - many writers, none of which has an event for it
                await asyncio.sleep(0.01)

    async def first_event_after(self, time: float) -> float:
        """The seconds from `time` to the first event after it, once there is one."""
        await self.client.until(lambda: self.client.times[-1] > time, PATIENCE)
        return next(at for at in self.client.times if at > time) - time

    @property
    def silence(self) -> float:
        """The longest time without an event from the fault to the end of writing, in seconds."""
        return longest_pause(self.client.times, self.fault_at, self.over_at)

    @property
    def outage(self) -> float:
        """The longest time in which MongoDB acknowledged no write, in the same span."""
        return longest_pause(self.writers.truth.times, self.fault_at, self.over_at)

    async def finish(self) -> None:
        """Stop the writers, and return when the subscriber has received the last write."""
        self.over_at = time.monotonic()
        await self.writers.stop()
        barrier = await self.writers.write_barrier()
        with contextlib.suppress(TimeoutError):
            await self.client.until(lambda: barrier in self.ledger.versions, PATIENCE)
        self.ledger.close(self.writers.truth)


@contextlib.asynccontextmanager
async def scene(
    servers: Sequence[str], mongodb_uri: str, *, database: str = "live", writers: int = 8, pause: float = 0.03
) -> AsyncGenerator[Scene]:
    """A subscriber that receives changes, for a fault to happen to; the ledger is closed at the end."""
    user = new_user()
    client = Client(servers, token_of(user))
    load = Writers(mongodb_uri, database, user, count=writers, pause=pause)
    async with load.writing():
        await client.read_page()
        async with client.following():
            staged = Scene(load, client)
            await staged.receive_more()
            staged.begin_fault()
            yield staged
            await staged.receive_more()
            await staged.finish()
    log.info(
        "received %d, lost %d, repeated %d, gaps %d, sockets %d; wrote %d, no reply %d; silence %.2f s, outage %.2f s",
        staged.ledger.received,
        staged.ledger.lost,
        staged.ledger.repeated,
        staged.ledger.gaps,
        client.connections,
        len(load.truth.times),
        load.truth.unknown,
        staged.silence,
        staged.outage,
    )


def result_of(fault: str, scenes: Sequence[Scene], **measurement: Any) -> FaultResult:
    """The row of `fault`, tried in each of `scenes`; `measurement` gives its other fields."""
    return FaultResult(
        fault,
        len(scenes),
        lost=sum(each.ledger.lost for each in scenes),
        repeated=sum(each.ledger.repeated for each in scenes),
        **measurement,
    )

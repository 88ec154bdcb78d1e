"""One term of the feeder: reads batches and hands them to the consumers, again where it or MongoDB failed."""

import asyncio
import contextlib
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from pymongo.errors import PyMongoError

from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.feeder.batches import Batch, read_batches
from execution_monitor.feeder.consumers import Consumer, FieldsChanged, Gap, PromptConsumer, RegistryConsumer
from execution_monitor.feeder.positions import begin_loss, begin_position, load_position, save_position
from execution_monitor.live.change_stream_cursor import current_position, is_history_lost, is_permanent, is_transient
from execution_monitor.live.changes import Change, GapReason
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.tasks import end_tasks

log = structlog.get_logger()

# A stream that is idle replies every 0.2 s; a long search of the oplog takes longer.
_PATIENCE_SECONDS = 60.0
_MAX_PATIENCE_SECONDS = 600.0
_PRESENT_MS = 5_000
_MAX_BACKOFF_SECONDS = 5.0
_FIRST_BACKOFF_SECONDS = 0.1
# How many failures in a row at one position, other than of the network, until it is given up.
_TRIES_IN_PLACE = 10
_SILENCES_IN_PLACE = 3
# An idle feeder says so often enough for readers who accept sums that are some seconds old.
_SAVE_SECONDS = 1.0
_WORK_SECONDS = 1.0
_TENANTS_AT_ONCE = 4
# While so much is written that changes wait, writers need the processors as well: less than a minute behind, feeding
# takes half of the time.
_HASTE_SECONDS = 60.0


@dataclass(slots=True)
class Progress:
    """What is known of the feeding in this process, whatever its term."""

    as_of: float | None = None  # on the monotonic clock: what happened before was fed; None while it does not feed
    changes: int = 0
    gaps: Counter[str] = field(default_factory=Counter[str])

    def is_behind(self, seconds: float) -> bool:
        """Whether changes have been waiting for longer than so many seconds."""
        return self.as_of is not None and time.monotonic() - self.as_of > seconds

    def reach(self, as_of: datetime | None) -> None:
        """Record that what happened before `as_of`, by the clock of MongoDB, was fed; None for everything."""
        now = time.monotonic()
        behind = 0.0 if as_of is None else max(0.0, time.time() - as_of.timestamp())
        self.as_of = max(now - behind, self.as_of or 0.0)


class Feed:
    """Feeds `consumers` for one term.

    `check` is called before anything is written, and raises where the term is over.
    """

    def __init__(
        self,
        database: Database,
        consumers: Sequence[Consumer],
        term: int,
        check: Callable[[], object],
        progress: Progress,
    ) -> None:
        self._database = database
        self._consumers = consumers
        self._prompt: Sequence[PromptConsumer] = ()
        registries = [each.registry for each in consumers if isinstance(each, RegistryConsumer)]
        self._registries = {each.collection: each for each in registries}
        self._term = term
        self._check = check
        self._progress = progress
        self._positions: dict[str, StreamPosition] = {}
        self._saved_at = 0.0
        self._failures = 0
        self._refusals = 0
        self._silences = 0

    async def run(self) -> None:
        """Feed until cancelled, or until the term is over, which `Superseded` or `check` says."""
        while True:
            try:
                await self._locate()
                with self._following_revisions():
                    await self._read()
            except FieldsChanged:
                # Positions are as before, so the same changes come again.
                continue
            except _NotTaken as error:
                await self._recover(error.__cause__ or error, is_reading=False)
            except (PyMongoError, ExecutionMonitorError, TimeoutError) as error:
                await self._recover(error, is_reading=True)

    async def _locate(self) -> None:
        """Find where each consumer goes on; one without a position begins at the present, with a gap before it."""
        for consumer in self._consumers:
            if consumer.name not in self._positions:
                position = await load_position(self._database, consumer.name)
                if position is None:
                    await self._begin(consumer)
                else:
                    self._positions[consumer.name] = position

    async def _read(self) -> None:
        patience = min(_PATIENCE_SECONDS * 2**self._silences, _MAX_PATIENCE_SECONDS)
        for consumer in self._consumers:
            await consumer.prepare()
        prompt = [each for each in self._consumers if isinstance(each, PromptConsumer)]
        self._prompt = [each for each in prompt if each.is_prompt]
        fields = _union(each.fields for each in self._consumers)
        batches = read_batches(
            self._database.handle,
            self._first,
            fields,
            patience,
            parts=bool(self._prompt),
            revised_in=list(self._registries),
        )
        async with contextlib.aclosing(batches):
            async for batch in batches:
                self._check()
                for each in batch.touched:
                    self._registries[each.collection].forget(each.key)
                began = time.monotonic()
                with _raising_not_taken():
                    if batch.is_part:
                        await self._hand_over_part(batch)
                    else:
                        await self._hand_over(batch)
                        await self._let_work(batch)
                self._failures = self._refusals = self._silences = 0
                if not batch.has_time and not self._progress.is_behind(_HASTE_SECONDS):
                    await asyncio.sleep(time.monotonic() - began)

    @contextlib.contextmanager
    def _following_revisions(self) -> Generator[None]:
        """Let registries rely on the stream: of what changes after they have read it, an event comes."""
        for each in self._registries.values():
            each.begin_following()
        try:
            yield
        finally:
            for each in self._registries.values():
                each.end_following()

    @property
    def _first(self) -> StreamPosition:
        """The position of the consumer that is furthest behind."""
        return min(self._positions.values())

    async def _hand_over_part(self, batch: Batch) -> None:
        """Hand a part of a batch to those that need not wait for the whole; positions are stored with that."""
        for consumer in self._prompt:
            since = self._positions[consumer.name]
            await self._feed_tenants(consumer, [each for each in batch.changes if each.position > since], batch.until)
            self._positions[consumer.name] = max(since, batch.until)

    async def _hand_over(self, batch: Batch) -> None:
        if batch.gap is not None:
            # New revisions may be lost, too.
            for each in self._registries.values():
                each.begin_following()
        for consumer in self._consumers:
            since = self._positions[consumer.name]
            changes = [each for each in batch.changes if each.position > since]
            await self._feed_tenants(consumer, changes, batch.until)
            until = batch.until
            if batch.gap is not None and batch.gap.until > since:
                log.warning("feed_gap", consumer=consumer.name, reason=batch.gap.reason)
                self._progress.gaps[batch.gap.reason] += 1
                await consumer.lose(batch.gap, self._term)
                until = batch.gap.until
            if until > since:
                self._positions[consumer.name] = until
        self._progress.changes += len(batch.changes)
        as_of = None if batch.is_caught_up or not batch.changes else batch.changes[-1].occurred_at
        self._progress.reach(as_of)
        if batch.changes or batch.gap is not None or time.monotonic() - self._saved_at >= _SAVE_SECONDS:
            await self._save(as_of)

    async def _feed_tenants(self, consumer: Consumer, changes: Sequence[Change], until: StreamPosition) -> None:
        turns = asyncio.Semaphore(_TENANTS_AT_ONCE)

        async def take(tenant: str, those: Sequence[Change]) -> None:
            async with turns:
                await consumer.take(tenant, those, until, self._term)

        tasks = [asyncio.create_task(take(tenant, those)) for tenant, those in by_tenant(changes).items()]
        try:
            await asyncio.gather(*tasks)
        finally:
            # None goes on behind the back of the next try.
            await end_tasks(*tasks)

    async def _save(self, as_of: datetime | None) -> None:
        for consumer in self._consumers:
            position = self._positions[consumer.name]
            await save_position(self._database, consumer.name, position, self._term, as_of)
        self._saved_at = time.monotonic()

    async def _let_work(self, batch: Batch) -> None:
        """Let consumers do what they have to do, for about a second: changes come first."""
        if not batch.has_time:
            return
        ends = time.monotonic() + _WORK_SECONDS
        for consumer in self._consumers:
            position = self._positions[consumer.name]
            while await consumer.work(position, self._term) and time.monotonic() < ends:
                self._check()

    async def _recover(self, error: BaseException, *, is_reading: bool) -> None:
        """Wait before the next try; give up a position that cannot be read."""
        self._failures += 1
        is_expected = isinstance(error, TimeoutError | ExecutionMonitorError) or is_transient(error)
        log.warning(
            "feed_failed",
            code=getattr(error, "code", None),
            error=type(error).__name__,
            exc_info=None if is_expected or is_history_lost(error) else error,
        )
        if is_reading:
            self._silences += isinstance(error, TimeoutError)
            self._refusals += not is_expected
        reason = self._reason_to_give_up(error) if is_reading else None
        if reason is not None and self._positions:
            first = self._first
            for consumer in self._consumers:
                if self._positions.get(consumer.name) == first:
                    with contextlib.suppress(PyMongoError, ExecutionMonitorError):
                        await self._lose(consumer, first, reason)
            self._refusals = self._silences = 0
        backoff = min(_FIRST_BACKOFF_SECONDS * 2.0 ** min(self._failures, 10), _MAX_BACKOFF_SECONDS)
        await asyncio.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311 - no secret

    def _reason_to_give_up(self, error: BaseException) -> GapReason | None:
        if is_history_lost(error):
            return GapReason.HISTORY_LOST
        if self._silences >= _SILENCES_IN_PLACE:
            return GapReason.UNREADABLE
        if self._refusals >= _TRIES_IN_PLACE or (isinstance(error, PyMongoError) and is_permanent(error)):
            return GapReason.FAILED
        return None

    async def _begin(self, consumer: Consumer) -> None:
        """Let `consumer` begin at the present; where it is needed since a moment ago, there."""
        present = await await_reply(current_position(self._database.handle), _PRESENT_MS)
        position, is_new = await begin_position(self._database, consumer.name, present, self._term)
        if is_new:
            log.info("feed_begun", consumer=consumer.name)
            await self._notify(consumer, Gap(None, position, GapReason.HISTORY_LOST))
        self._positions[consumer.name] = position

    async def _lose(self, consumer: Consumer, since: StreamPosition, reason: GapReason) -> None:
        """Let `consumer` go on at the present."""
        present = await await_reply(current_position(self._database.handle), _PRESENT_MS)
        # The next feeder must find the same gap where this one ends before it stores the position.
        until = await begin_loss(self._database, consumer.name, present, self._term)
        log.warning("feed_gap", consumer=consumer.name, reason=reason)
        await self._notify(consumer, Gap(since, until, reason))
        self._positions[consumer.name] = until

    async def _notify(self, consumer: Consumer, gap: Gap) -> None:
        self._progress.gaps[gap.reason] += 1
        await consumer.lose(gap, self._term)
        await save_position(self._database, consumer.name, gap.until, self._term, None)


class _NotTaken(Exception):
    """A consumer failed, or its position could not be stored; the stream is all right."""


@contextlib.contextmanager
def _raising_not_taken() -> Generator[None]:
    try:
        yield
    except (PyMongoError, ExecutionMonitorError, TimeoutError) as error:
        raise _NotTaken from error


def by_tenant(changes: Iterable[Change]) -> Mapping[str, Sequence[Change]]:
    """The changes of each tenant; one that moves a document is of both. A tenant that is no text is no one's."""
    found = defaultdict[str, list[Change]](list)
    for change in changes:
        images = (change.before, change.after)
        for tenant in dict.fromkeys(image.get("tenant_id") for image in images if image is not None):
            if isinstance(tenant, str):
                found[tenant].append(change)
    return found


def _union(fields: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    found = frozenset({"tenant_id"})
    for each in fields:
        if each is None:
            return None
        found |= each
    return found

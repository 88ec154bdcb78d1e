"""Batches of changes, read from the change stream of executions as fast as they are taken.

A batch ends where no change of the same cluster time is missing, so that what was made of it equals a snapshot at that
time. Only a transaction of more than some thousand executions is cut within its time. That no more follows is known
when MongoDB has waited for more, so a part of a batch is there a while before the whole one.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from execution_monitor.feeder.consumers import Gap
from execution_monitor.live.change_stream_cursor import ChangeStreamCursor, open_change_stream
from execution_monitor.live.changes import Change, ChangeType, HistoryBroken, Touched, WatchedCollection
from execution_monitor.live.resume_tokens import StreamPosition, position_after, position_before, time_of
from execution_monitor.storage.deadlines import is_sharded
from execution_monitor.tasks import TimeLimit

# Many changes add up to few sums; and what is taken in one transaction must be done in seconds.
MAX_CHANGES = 1_000
_MAX_BYTES = 16 * 1024 * 1024
# A batch that never ends within a time, as that of a large transaction, is cut at so many times its size.
_LARGEST = 4
_FULL_SECONDS = 0.5
# Where nobody waits for parts, one reply brings the changes of so long.
_REST_SECONDS = 0.1
_AT_ONCE = 500
_WITHOUT_ALERTS = {"$match": {"ns.coll": {"$ne": WatchedCollection.ALERTS.value}}}
_NO_STEPS: frozenset[str] = frozenset()
# What the events are made of, beside the images.
_KEPT = ("operationType", "ns", "to", "clusterTime", "wallTime", "documentKey")
_WHOLE = [each.value for each in ChangeType if each is not ChangeType.UPDATE]
_IMAGES = ("fullDocument", "fullDocumentBeforeChange")


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes in their order.

    Attributes:
        changes: perhaps none.
        touched: which documents of the collections in `revised_in` got another revision before the last of them.
        until: the position that was reached with them.
        gap: what was lost behind them.
        is_caught_up: whether there was nothing more to read.
        has_time: whether changes come more slowly than they are taken.
        is_part: whether the same changes come again in a whole batch, perhaps with others of the last one's time.
    """

    changes: Sequence[Change]
    until: StreamPosition
    gap: Gap | None = None
    is_caught_up: bool = False
    has_time: bool = False
    is_part: bool = False
    touched: Sequence[Touched] = ()


async def read_batches(  # noqa: PLR0913 - what is read, and how
    database: AsyncDatabase[Any],
    since: StreamPosition,
    fields: frozenset[str] | None,
    patience: float,
    *,
    parts: bool = False,
    revised_in: Sequence[str] = (),
) -> AsyncGenerator[Batch]:
    """Read the changes after `since`, with the stored `fields` of the images, until the stream ends.

    With `parts`, what a reply brings comes at once as well. Of the collections `revised_in`, documents whose `revision`
    changes come, too.

    Raises:
        TimeoutError: MongoDB did not reply for `patience` seconds.
        PyMongoError: it replied with an error.
    """
    stages = [_WITHOUT_ALERTS, *([] if fields is None else [_projection(fields)])]
    opening = open_change_stream(database, since, _NO_STEPS, stages, _revised(revised_in) if revised_in else None)
    async with TimeLimit(patience) as limit, opening as stream:
        is_whole_when_idle = not is_sharded(database.client)
        pending = _Pending()
        while stream.is_open:
            limit.extend(patience)
            events = await stream.next_batch(_AT_ONCE)
            # The reader of batches takes its time.
            limit.extend(None)
            broken = events[-1] if events and isinstance(events[-1], HistoryBroken) else None
            changes = [each for each in events if isinstance(each, Change)]
            touched = [each for each in events if isinstance(each, Touched)]
            pending.add(changes)
            if (touched or (parts and changes)) and broken is None:
                shown = changes if parts else []
                yield Batch(shown, events[-1].position, has_time=_has_time(changes), is_part=True, touched=touched)
            if broken is not None:
                until = pending.changes[-1].position if pending.changes else since
                since = stream.position
                yield Batch(pending.take_all(), until, Gap(until, since, broken.reason))
            elif stream.is_caught_up:
                since = max(since, _reached(stream, pending.last, is_whole=is_whole_when_idle))
                yield Batch(pending.take_all(), since, is_caught_up=True, has_time=True)
            elif pending.is_full and (whole := pending.take_whole()):
                since = pending.position_behind(whole)
                yield Batch(whole, since, has_time=_has_time(whole))
            if not parts and stream.is_read_out and not stream.is_caught_up:
                await asyncio.sleep(_REST_SECONDS)


def _revised(collections: Sequence[str]) -> Mapping[str, Any]:
    return {
        "ns.coll": {"$in": list(collections)},
        "$or": [
            {"operationType": {"$in": _WHOLE}},
            {"operationType": ChangeType.UPDATE.value, "updateDescription.updatedFields.revision": {"$exists": True}},
        ],
    }


def _has_time(changes: Sequence[Change]) -> bool:
    return len(changes) < MAX_CHANGES // _LARGEST


def _reached(stream: ChangeStreamCursor, last: Change | None, *, is_whole: bool) -> StreamPosition:
    """Where a stream is that has nothing more to read: if possible, after everything of a time.

    Of one server nothing of the same time follows an empty reply; of several shards, a change of another shard may.
    """
    if last is None or time_of(stream.position) > last.cluster_time:
        # A position without an event marks a time of which events may come.
        return position_before(time_of(stream.position))
    return position_after(last.cluster_time) if is_whole else stream.position


@dataclass(slots=True)
class _Pending:
    """Changes that were read and not yet taken."""

    changes: list[Change] = field(default_factory=list[Change])
    last: Change | None = None
    _size: int = 0
    _since: float = 0.0

    def add(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        if not self.changes:
            self._since = time.monotonic()
        self.changes.extend(changes)
        self.last = changes[-1]
        self._size += sum(each.size for each in changes)

    @property
    def is_full(self) -> bool:
        if not self.changes:
            return False
        is_large = len(self.changes) >= MAX_CHANGES or self._size >= _MAX_BYTES
        return is_large or time.monotonic() - self._since >= _FULL_SECONDS

    def take_all(self) -> Sequence[Change]:
        taken, self.changes, self._size = self.changes, [], 0
        return taken

    def take_whole(self) -> Sequence[Change]:
        """Take those before the time of the last, of which more may follow; or all where that time has too many."""
        last = self.changes[-1].cluster_time
        place = len(self.changes)
        while place and self.changes[place - 1].cluster_time == last:
            place -= 1
        if place == 0 and (len(self.changes) >= MAX_CHANGES * _LARGEST or self._size >= _MAX_BYTES * _LARGEST):
            return self.take_all()
        taken, self.changes = self.changes[:place], self.changes[place:]
        self._size = sum(each.size for each in self.changes)
        if taken:
            # What is left begins anew: while writers make no pause, each reply would end a batch otherwise.
            self._since = time.monotonic()
        return taken

    def position_behind(self, taken: Sequence[Change]) -> StreamPosition:
        """The position behind what `take_whole` has returned."""
        return position_after(taken[-1].cluster_time) if self.changes else taken[-1].position


def _projection(fields: frozenset[str]) -> Mapping[str, Any]:
    names = [*_KEPT, *(f"{image}.{each}" for image in _IMAGES for each in sorted(fields))]
    return {"$project": dict.fromkeys(names, 1)}

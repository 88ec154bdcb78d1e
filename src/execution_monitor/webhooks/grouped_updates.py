"""Grouped updates: single documents that many attempts change at the same time, in one command to MongoDB.

An update is sent at once where none is on its way, and with all others that have come meanwhile where one is. So what
each attempt records costs a fraction of a command where there are many, and waits for nothing where there are few.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.tasks import end_tasks

_MOST = 200
_TIMEOUT_MS = 5_000
# Nobody waits for what is still on its way, and what it records is sent again without it.
_LAST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    query: Mapping[str, Any]
    change: Sequence[Mapping[str, Any]]
    done: asyncio.Future[None]

    def end(self, error: Exception | None) -> None:
        if self.done.done():
            # Whoever waited was cancelled.
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


class GroupedUpdates:
    """Updates documents of one collection, which `collection` returns."""

    def __init__(self, collection: Callable[[], AsyncCollection[BsonDocument]]) -> None:
        self._collection = collection
        self._waiting = list[_Waiting]()
        self._writing: asyncio.Task[None] | None = None

    async def update(self, query: Mapping[str, Any], change: Mapping[str, Any]) -> None:
        """Update the document that matches `query` by a `$set` of expressions, and return when a majority has it.

        Raises:
            PyMongoError, DatabaseUnavailable: MongoDB did not do it.
        """
        waiting = _Waiting(query, [{"$set": dict(change)}], asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await waiting.done

    async def close(self) -> None:
        """Give what is on its way a second, and end it."""
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=_LAST_SECONDS)
            await end_tasks(self._writing)
        for each in self._waiting:
            each.done.cancel()

    async def _write_all(self) -> None:
        while self._waiting:
            group = self._waiting[:_MOST]
            errors = dict[int, Exception]()
            try:
                await self._write(group)
            except BulkWriteError as error:
                errors = _errors_in(error, len(group))
            except Exception as error:  # noqa: BLE001 - for those who wait
                errors = dict.fromkeys(range(len(group)), error)
            del self._waiting[: len(group)]
            for place, each in enumerate(group):
                each.end(errors.get(place))

    async def _write(self, group: Sequence[_Waiting]) -> None:
        collection = self._collection()
        if len(group) == 1:
            await await_reply(collection.update_one(group[0].query, group[0].change), _TIMEOUT_MS)
            return
        updates = [UpdateOne(each.query, each.change) for each in group]
        await await_reply(collection.bulk_write(updates, ordered=False), _TIMEOUT_MS)


def _errors_in(error: BulkWriteError, count: int) -> dict[int, Exception]:
    """The error of each update that was not done, by its place."""
    details: Any = error.details
    if details.get("writeConcernErrors"):
        return dict.fromkeys(range(count), error)
    return {each["index"]: error for each in details.get("writeErrors", ())}

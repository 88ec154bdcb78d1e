"""Owners of webhooks and of rules: what their signing in, their revocation and their absence do to what they own.

No one is signed in when the server acts on what somebody owns. Each time its owner signs in, it is confirmed; with less
than before it keeps less. Owners who are revoked, or have not signed in for long, have what they own paused until they
enable it again.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

import structlog
from pymongo.errors import PyMongoError

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import DatabaseUnavailable, ExecutionMonitorError
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.mongodb_errors import explain
from execution_monitor.storage.rows import Row
from execution_monitor.tasks import end_tasks
from execution_monitor.webhooks.rights import Rights, RightsUnclear
from execution_monitor.webhooks.tenants import WEBHOOKS, Owned

log = structlog.get_logger()

_TIMEOUT_MS = 5_000
# Everyone who sends requests is remembered so long; whoever owns nothing costs a small query or two within it.
_CONFIRMED_EVERY_SECONDS = 600.0
_REMEMBERED = 10_000
_MAX_WAITING = 1_000
_TRIES = 10

REVOKED = "Its owner was revoked; enable it again once you may sign in."
UNCLEAR = "Its owner signed in with rights that do not fit those it was saved with; enable it again."
NOTHING_LEFT = "Its owner may no longer read executions; enable it again once you may."


@dataclass(frozen=True, slots=True)
class Owners:
    """The owners of what is in one database; every method raises `PyMongoError` or `DatabaseUnavailable`.

    Attributes:
        database: where that is.
        confirmed_for: how long a sign-in confirms what somebody owns.
        owned: what there is to own.
    """

    database: Database
    confirmed_for: timedelta
    owned: Sequence[Owned] = (WEBHOOKS,)

    async def confirm(self, caller: Caller) -> None:
        """Record that `caller` has signed in, and narrow the rights of what they own to what they have now."""
        query = {"tenant_id": caller.tenant, "user_id": caller.subject}
        now = Rights.of(caller)
        for owned in self.owned:
            documents = self.database.collection(owned.document)
            for row in await await_reply(documents.find(query).to_list(), _TIMEOUT_MS):
                await self._confirm(owned, row, now)

    async def _confirm(self, owned: Owned, row: Row, now: Rights) -> None:
        documents, found = self.database.collection(owned.document), row
        for _ in range(_TRIES):
            change = _narrowing(owned, found, now)
            if change is None:
                confirming = documents.update_one({"_id": row["_id"]}, [{"$set": {"confirmed_at": "$$NOW"}}])
                await await_reply(confirming, _TIMEOUT_MS)
                return
            unchanged = {"_id": row["_id"], "revision": found["revision"]}
            confirmed = {**change, "confirmed_at": "$$NOW"}
            if await owned.change(self.database, row["tenant_id"], unchanged, confirmed):
                return
            # It was saved or narrowed meanwhile: what is stored now is narrowed, too.
            again: Any = await await_reply(documents.find_one({"_id": row["_id"]}), _TIMEOUT_MS)
            if again is None:
                return
            found = again
        raise DatabaseUnavailable("What somebody owns is changed too often; what they may see is narrowed later.")

    async def pause_unconfirmed(self) -> int:
        """Pause what is owned by those who have not signed in for too long; returns how many."""
        days = self.confirmed_for // timedelta(days=1)
        since = {"$subtract": ["$$NOW", self.confirmed_for // timedelta(milliseconds=1)]}
        query = {"$expr": {"$lt": ["$confirmed_at", since]}}
        reason = f"Its owner has not signed in for {days} days; enable it again."
        return sum([await owned.pause(self.database, query, reason) for owned in self.owned])


async def pause_all_of(database: Database, owned: Owned, user: str, tenant: str | None) -> int:
    """Pause what a revoked `user` owns in `tenant`, or in every one (None); returns how many.

    Raises:
        PyMongoError, DatabaseUnavailable: MongoDB did not do it.
    """
    query: dict[str, Any] = {"user_id": user}
    return await owned.pause(database, query if tenant is None else {**query, "tenant_id": tenant}, REVOKED)


def _narrowing(owned: Owned, row: Row, now: Rights) -> dict[str, Any] | None:
    """What to change of a document whose owner has the rights `now`; None where it has no more than these."""
    more = {"rights_revision": row["rights_revision"] + 1}
    paused = dict(owned.paused) if owned.is_enabled(row) else dict[str, Any]()
    try:
        before = Rights.read(row)
        narrowed = before.narrowed_by(now)
    except RightsUnclear:
        # Paused once is enough.
        return {**more, **paused, "state_reason": UNCLEAR} if paused else None
    if narrowed == before:
        return None
    stored = {name: {"$literal": value} for name, value in narrowed.to_stored().items()}
    if narrowed.may_read:
        return {**more, **stored}
    return {**more, **stored, **paused, **({"state_reason": NOTHING_LEFT} if paused else {})}


class SignIns:
    """Notices who signs in, and confirms what they own in the background: no request waits for it.

    Args:
        owners: confirms.
        clock: seconds, of which only differences count.
    """

    def __init__(self, owners: Owners, clock: Callable[[], float] = time.monotonic) -> None:
        self._owners = owners
        self._clock = clock
        self._noticed: LruCache[float] = LruCache(_REMEMBERED)
        self._waiting: asyncio.Queue[Caller] = asyncio.Queue(_MAX_WAITING)
        self._confirming: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._confirming = asyncio.create_task(self._confirm_on())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._confirming is not None:
            await end_tasks(self._confirming)

    async def settle(self) -> None:
        """Return when everyone who was noticed has been confirmed."""
        await self._waiting.join()

    def notice(self, caller: Caller) -> None:
        """Have what `caller` owns confirmed, unless that was done a moment ago with the same rights.

        An access key is no sign-in: it is used by a program, and has less than its owner.
        """
        if caller.is_key:
            return
        key = (caller.tenant, caller.subject, caller.scopes, caller.grants)
        until = self._noticed.get(key)
        if (until is not None and self._clock() < until) or self._waiting.full():
            return
        self._noticed.put(key, self._clock() + _CONFIRMED_EVERY_SECONDS)
        self._waiting.put_nowait(caller)

    async def _confirm_on(self) -> None:
        while True:
            caller = await self._waiting.get()
            try:
                await self._owners.confirm(caller)
            except (PyMongoError, ExecutionMonitorError) as error:
                reason = explain(error) if isinstance(error, PyMongoError) else error.message
                log.warning("owner_not_confirmed", reason=reason)
                # The next request tries again.
                self._noticed.put((caller.tenant, caller.subject, caller.scopes, caller.grants), 0.0)
            finally:
                self._waiting.task_done()

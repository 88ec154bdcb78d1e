"""Verify access keys: find the caller whom a key stands for, and record that it was used."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from bson import ObjectId
from pymongo.errors import PyMongoError

from execution_monitor.auth.access_key_text import AccessKeyText, shown_part
from execution_monitor.auth.access_keys import AccessKeyRecord
from execution_monitor.auth.caller import KEY_SCOPES, Caller
from execution_monitor.auth.revocations import REVOKED_KEY
from execution_monitor.errors import DatabaseUnavailable, ExecutionMonitorError, ServerBusy, Unauthenticated
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.access_keys import find_access_key, record_use
from execution_monitor.storage.coercion import to_text
from execution_monitor.storage.database import Database
from execution_monitor.storage.mongodb_errors import explain
from execution_monitor.tasks import TimeLimit, end_tasks
from execution_monitor.token_bucket import TokenBucket

log = structlog.get_logger()

# A key that was found is looked up again after half of the second within which its revocation takes effect.
_KNOWN_SECONDS = 0.5
# No key ever gets the id of one that was not found.
_UNKNOWN_SECONDS = 60.0
_REMEMBERED = 10_000
# Ids can be made up as fast as requests can be sent: so many a second that are not known are looked up.
_UNKNOWN_PER_SECOND = 50
_UNKNOWN_AT_ONCE = 500
_LOOK_UP_SECONDS = 5.0
_USE_RECORDED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _StoredKey:
    """A key as it is stored, with the caller whom it stands for."""

    hash: str
    caller: Caller
    is_revoked: bool
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class _LookUp:
    """What was found under an id, None for nothing, and until when that holds."""

    until: float
    found: _StoredKey | None


class AccessKeyVerifier:
    """Finds the callers of access keys in `database`, with a cache of half a second; close it at the end."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._looked_up: LruCache[_LookUp] = LruCache(_REMEMBERED)
        self._pending: dict[str, asyncio.Task[_StoredKey | None]] = {}
        self._unknown = TokenBucket(_UNKNOWN_PER_SECOND, _UNKNOWN_AT_ONCE, clock)
        self._recorded: LruCache[datetime] = LruCache(_REMEMBERED)
        self._recording: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Cancel what is still being looked up or recorded."""
        await end_tasks(*self._pending.values(), *self._recording)

    async def verify(self, text: str) -> Caller:
        """The caller whom the access key `text` stands for.

        Raises:
            Unauthenticated: it is no key, or not valid now; the message says what to do.
            DatabaseUnavailable: it cannot be looked up.
            ServerBusy: too many keys that do not exist are being sent.
        """
        key = AccessKeyText.parse(text)
        if key is None:
            raise Unauthenticated("Your access key is not complete; it has the form em_<id>_<secret>.")
        stored = await self._find(key.id)
        if stored is None or not key.matches(stored.hash):
            raise Unauthenticated("Your access key is not valid; send another one.")
        if stored.is_revoked:
            raise Unauthenticated(REVOKED_KEY)
        now = datetime.now(UTC)
        if stored.caller.valid_until is None or now >= stored.caller.valid_until:
            raise Unauthenticated("Your access key has expired; make a new one.")
        self._record_use(key.id, stored, now)
        return stored.caller

    async def _find(self, key_id: str) -> _StoredKey | None:
        known = self._looked_up.get(key_id)
        if known is not None and self._clock() < known.until:
            return known.found
        task = self._pending.get(key_id)
        if task is None:
            is_new = known is None or known.found is None
            if is_new and not self._unknown.take():
                raise ServerBusy("Too many access keys that do not exist are being sent; try again.")
            task = self._pending[key_id] = asyncio.create_task(self._look_up(key_id, is_new=is_new))
            task.add_done_callback(partial(self._forget, key_id))
        # Shared by all requests with the key: one that is given up must not fail the others.
        return await asyncio.shield(task)

    def _forget(self, key_id: str, task: "asyncio.Task[_StoredKey | None]") -> None:
        del self._pending[key_id]
        if not task.cancelled():
            # All who waited may be gone, and asyncio logs an exception that was never retrieved.
            task.exception()

    async def _look_up(self, key_id: str, *, is_new: bool) -> _StoredKey | None:
        begun = self._clock()
        try:
            async with TimeLimit(_LOOK_UP_SECONDS):
                row = await find_access_key(self._database, ObjectId(key_id))
        except PyMongoError as error:
            raise DatabaseUnavailable(explain(error)) from error
        except TimeoutError as error:
            raise DatabaseUnavailable("MongoDB does not answer.") from error
        found = None if row is None else _read(AccessKeyRecord(row), to_text(row.get("hash")))
        if found is not None and is_new:
            self._unknown.give_back()
        # From before the read: a revocation that it just missed must not be missed for longer.
        self._looked_up.put(key_id, _LookUp(begun + (_KNOWN_SECONDS if found else _UNKNOWN_SECONDS), found))
        return found

    def _record_use(self, key_id: str, stored: _StoredKey, now: datetime) -> None:
        since = now - _USE_RECORDED_EVERY
        recorded = self._recorded.get(key_id) or stored.last_used_at
        if recorded is not None and recorded > since:
            return
        # Whether or not that succeeds: a database in trouble must not be asked with every request.
        self._recorded.put(key_id, now)
        task = asyncio.create_task(self._write_use(key_id, since))
        self._recording.add(task)
        task.add_done_callback(self._recording.discard)

    async def _write_use(self, key_id: str, since: datetime) -> None:
        try:
            async with TimeLimit(_LOOK_UP_SECONDS):
                await record_use(self._database, ObjectId(key_id), since)
        except (PyMongoError, ExecutionMonitorError, TimeoutError) as error:
            log.warning("use_of_access_key_not_recorded", error=type(error).__name__)


def _read(record: AccessKeyRecord, stored_hash: str | None) -> _StoredKey | None:
    """A stored key; None for one that somebody else wrote without what a key needs."""
    if not (stored_hash and record.tenant and record.user_id):
        return None
    caller = Caller(
        subject=record.user_id,
        tenant=record.tenant,
        # Never more than a key may hold, whatever is stored.
        scopes=frozenset(scope for scope in KEY_SCOPES if scope in record.scopes),
        expires_at=record.expires_at,
        issued_at=record.created_at,
        token_id=shown_part(record.key_id),
        is_key=True,
    )
    return _StoredKey(stored_hash, caller, record.revoked_at is not None, record.last_used_at)

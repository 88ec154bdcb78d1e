"""Poll the database for revocations: every process knows each within a second.

A change stream would be faster by a third of a second, but may fall silent without an error. A query on an index
cannot, and costs the database less than a request does.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from execution_monitor.auth.revocations import Revocations, RevokedTokens
from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.storage.database import Database
from execution_monitor.storage.mongodb_errors import explain
from execution_monitor.storage.revocations import read_revocations
from execution_monitor.tasks import TimeLimit

log = structlog.get_logger()

# Less than half of the second within which a revocation takes effect: the rest is for the database and the sockets.
_PAUSE_SECONDS = 0.4
# A poll that the database never answers must not be the last one.
_TIMEOUT_SECONDS = 5.0
# Revocations carry the time at which their write began, so that they may become visible in another order.
_OVERLAP = timedelta(seconds=10)
# How often all are read, so that those which were deleted, by hand or by age, are dropped.
_READ_ALL_SECONDS = 60.0
# After so long without a poll a revoked token might be accepted: all are refused until the database answers. Nothing
# else can be read from it then either, and open sockets get nothing new.
_TRUSTED_SECONDS = 60.0
_ALWAYS = datetime.max.replace(tzinfo=UTC)


class RevocationPoller:
    """Keeps `revocations` up to date with the database, while `run` runs."""

    def __init__(
        self, database: Database, revocations: Revocations, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._revocations = revocations
        self._clock = clock
        self._polled_at: float | None = None
        self._read_all_at = 0.0
        self._newest: datetime | None = None
        self._failure: str | None = None

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            try:
                await self.poll()
            except DatabaseUnavailable as error:
                self._log_failure(error.message)
            except Exception:
                log.exception("revocations_not_read")
            else:
                self._failure = None
            await asyncio.sleep(_PAUSE_SECONDS)

    async def poll(self) -> None:
        """Read what is new; raises `DatabaseUnavailable`."""
        begun = self._clock()
        reads_all = self._polled_at is None or begun - self._read_all_at >= _READ_ALL_SECONDS
        since = None if reads_all or self._newest is None else self._newest - _OVERLAP
        try:
            async with TimeLimit(_TIMEOUT_SECONDS):
                rows = await read_revocations(self._database, since)
        except PyMongoError as error:
            raise DatabaseUnavailable(explain(error)) from error
        except TimeoutError as error:
            raise DatabaseUnavailable("MongoDB does not answer.") from error
        read = [_read(row) for row in rows]
        self._revocations.add(read, replace=since is None)
        self._newest = max((each.before for each in read if each.before != _ALWAYS), default=self._newest)
        self._polled_at = begun
        if since is None:
            self._read_all_at = begun

    async def check(self) -> None:
        """Poll if the last poll is a minute old or there was none; raises `DatabaseUnavailable`."""
        if self._polled_at is None or self._clock() - self._polled_at > _TRUSTED_SECONDS:
            await self.poll()

    def _log_failure(self, reason: str) -> None:
        if self._database.trouble is not None:
            return  # not connected yet, as at every start; `Database` logs when connecting fails
        # Once, not twice a second for as long as an outage lasts.
        if reason != self._failure:
            log.warning("revocations_not_read", reason=reason)
        self._failure = reason


def _read(row: Mapping[str, Any]) -> RevokedTokens:
    """A stored revocation; one without a readable time holds for every token."""
    texts = {name: row.get(name) for name in ("subject", "tenant_id", "token_id")}
    subject, tenant, token_id = (each if isinstance(each, str) else None for each in texts.values())
    before = row.get("revoked_at")
    return RevokedTokens(before if isinstance(before, datetime) else _ALWAYS, subject, tenant, token_id)

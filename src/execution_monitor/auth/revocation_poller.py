"""Revocations read from the database, again and again: every process knows of each within a second.

A change stream would tell them sooner by a third of a second, but may fall silent without an error; a look at an index
cannot, and asks the database for less than a request does.
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

# Half of the second within which a revocation holds, for the database to answer and the socket to close.
_PAUSE_SECONDS = 0.4
# A look that the database never answers must not be the last one.
_PATIENCE_SECONDS = 5.0
# The database gives the time when a revocation begins to be written; others may be seen before it.
_OVERLAP = timedelta(seconds=10)
# Then all are read, and those that have been deleted, by hand or by age, are forgotten.
_READ_ALL_SECONDS = 60.0
# Without a look for so long, a token that was revoked might be taken: nobody is, until the database answers. Nothing
# else could be read from it either, and open sockets hear nothing new.
_TRUSTED_SECONDS = 60.0
_ALWAYS = datetime.max.replace(tzinfo=UTC)


class RevocationWatch:
    """Keeps `revocations` up to date with the database while `run` runs."""

    def __init__(
        self, database: Database, revocations: Revocations, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._revocations = revocations
        self._clock = clock
        self._looked_at: float | None = None
        self._read_all_at = 0.0
        self._newest: datetime | None = None
        self._failure: str | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except DatabaseUnavailable as error:
                self._tell(error.message)
            except Exception:
                log.exception("revocations_not_read")
            else:
                self._failure = None
            await asyncio.sleep(_PAUSE_SECONDS)

    async def look(self) -> None:
        """Learn what is new; raises `DatabaseUnavailable`."""
        begun = self._clock()
        reads_all = self._looked_at is None or begun - self._read_all_at >= _READ_ALL_SECONDS
        since = None if reads_all or self._newest is None else self._newest - _OVERLAP
        try:
            async with TimeLimit(_PATIENCE_SECONDS):
                rows = await read_revocations(self._database, since)
        except PyMongoError as error:
            raise DatabaseUnavailable(explain(error)) from error
        except TimeoutError as error:
            raise DatabaseUnavailable("MongoDB does not answer.") from error
        read = [_read(row) for row in rows]
        self._revocations.learn(read, anew=since is None)
        self._newest = max((each.before for each in read if each.before != _ALWAYS), default=self._newest)
        self._looked_at = begun
        if since is None:
            self._read_all_at = begun

    async def check(self) -> None:
        """Raise `DatabaseUnavailable` when revocations are not known, or have not been looked for for a minute."""
        if self._looked_at is None or self._clock() - self._looked_at > _TRUSTED_SECONDS:
            await self.look()

    def _tell(self, reason: str) -> None:
        if self._database.trouble is not None:
            return  # not connected yet, as at every start: whoever connects tells when that fails
        # Once, not twice a second for as long as an outage lasts.
        if reason != self._failure:
            log.warning("revocations_not_read", reason=reason)
        self._failure = reason


def _read(row: Mapping[str, Any]) -> RevokedTokens:
    """A revocation, whoever wrote it: where no time can be read, it holds for every token."""
    texts = {name: row.get(name) for name in ("subject", "tenant_id", "token_id")}
    subject, tenant, token_id = (each if isinstance(each, str) else None for each in texts.values())
    before = row.get("revoked_at")
    return RevokedTokens(before if isinstance(before, datetime) else _ALWAYS, subject, tenant, token_id)

"""Leases: work that one process of a cluster does at a time, by the clock of MongoDB.

A holder that stops, or that the database loses sight of, loses its lease; another takes it, with the next term. What
a holder writes must not harm once its term is over: either it may be written twice, or the write itself requires
that no later term has written, `{"term": {"$lte": term}}`.

    lease = Lease(database, "ingest_sweeper")
    await lease.run(sweep_for_ever)
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from pymongo import ReturnDocument
from pymongo.errors import PyMongoError

from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.mongodb_errors import explain
from execution_monitor.storage.server_documents import LeaseRecord
from execution_monitor.tasks import end_tasks

log = structlog.get_logger()

# How long a holder that was killed keeps others waiting.
DEFAULT_SECONDS = 30.0
# A renewal may fail twice before the lease is lost.
_RENEWALS = 3
_TIMEOUT_MS = 5_000


class LeaseLost(Exception):
    """Another holder may have the lease now."""


class Lease:
    """One holder's view of the lease `name`.

    Args:
        database: where it is kept.
        name: of the work.
        seconds: how long the lease lasts without being renewed.
        clock: seconds of this process, of which only differences count.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        seconds: float = DEFAULT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._name = name
        self._seconds = seconds
        self._clock = clock
        self._holder = secrets.token_hex(12)
        self._held_until = 0.0
        self._term = 0

    @property
    def term(self) -> int:
        """The number of this holder's term, greater than those of all before; raises `LeaseLost` once it is over."""
        if self._clock() >= self._held_until:
            raise LeaseLost(self._name)
        return self._term

    async def acquire(self) -> bool:
        """Take the lease, or renew it; returns whether this holder has it.

        Raises:
            PyMongoError, DatabaseUnavailable: the database did not say.
        """
        # The lease lasts from when MongoDB writes it, which is later than this.
        asked_at = self._clock()
        is_over = {"$lte": [{"$ifNull": ["$expires_at", "$$NOW"]}, "$$NOW"]}
        is_own = {"$eq": ["$holder", self._holder]}
        taken = {"$or": [is_over, is_own]}
        change = {
            "term": {"$cond": [is_over, {"$add": [{"$ifNull": ["$term", 0]}, 1]}, "$term"]},
            "holder": {"$cond": [taken, self._holder, "$holder"]},
            "expires_at": {"$cond": [taken, {"$add": ["$$NOW", int(self._seconds * 1_000)]}, "$expires_at"]},
        }
        found: Any = await await_reply(
            self._database.collection(LeaseRecord).find_one_and_update(
                {"_id": self._name}, [{"$set": change}], upsert=True, return_document=ReturnDocument.AFTER
            ),
            _TIMEOUT_MS,
        )
        is_held = found["holder"] == self._holder
        self._term = found["term"] if is_held else 0
        self._held_until = asked_at + self._seconds if is_held else 0.0
        return is_held

    async def release(self) -> None:
        """Let another have the lease now; does nothing where it is lost."""
        self._held_until = 0.0
        own = {"_id": self._name, "holder": self._holder, "term": self._term}
        # The term stays: the next is greater.
        end = self._database.collection(LeaseRecord).update_one(own, [{"$set": {"expires_at": "$$NOW"}}])
        await await_reply(end, _TIMEOUT_MS)

    async def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do `work` while this holder has the lease, again and again until cancelled.

        `work` is cancelled when the lease is lost, and done again later when it ends or fails.
        """
        while True:
            if await self._keep():
                term = self._term
                doing = asyncio.create_task(work(), name=self._name)
                try:
                    # With another term another may have worked meanwhile.
                    while not doing.done() and await self._keep() and self._term == term:
                        await asyncio.wait({doing}, timeout=self._seconds / _RENEWALS)
                finally:
                    await end_tasks(doing)
                    await self._give_up()
                if not doing.cancelled() and (error := doing.exception()) is not None:
                    log.error("leased_work_failed", lease=self._name, exc_info=error)
            # A process that has just begun has not reached the database yet.
            has_answer = self._database.trouble is None
            await asyncio.sleep(self._seconds / _RENEWALS if has_answer else min(self._seconds / _RENEWALS, 1.0))

    async def _keep(self) -> bool:
        """Renew the lease; where the database does not answer, it is held until it has run out."""
        try:
            return await self.acquire()
        except (PyMongoError, DatabaseUnavailable) as error:
            if self._database.trouble is None:
                reason = explain(error) if isinstance(error, PyMongoError) else error.message
                log.warning("lease_not_renewed", lease=self._name, reason=reason)
            return self._clock() < self._held_until

    async def _give_up(self) -> None:
        try:
            await self.release()
        except (PyMongoError, DatabaseUnavailable) as error:
            log.info("lease_not_released", lease=self._name, reason=str(error))

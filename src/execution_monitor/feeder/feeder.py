"""The feeder of a process: feeds while it has the lease, and lets another do it at once when it ends."""

import asyncio
import time
from collections.abc import Iterator, Sequence

from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.feeder.consumers import Consumer, Superseded
from execution_monitor.feeder.feed import Feed, Progress
from execution_monitor.observability.metrics.families import counter, counters_by, gauge
from execution_monitor.storage.database import Database
from execution_monitor.storage.leases import Lease, LeaseLost

LEASE = "feeder"
# Replies of an idle stream, and the pieces of work between them, take less: no lag.
_NOISE_SECONDS = 2.0
_CONNECTING_SECONDS = 0.2


class Feeder(Collector):
    """Hands every change of executions to `consumers` while this process has the lease; see `Consumer`."""

    def __init__(self, database: Database, consumers: Sequence[Consumer], lease: Lease | None = None) -> None:
        self._database = database
        self._consumers = consumers
        self._lease = lease or Lease(database, LEASE)
        self._progress = Progress()
        self._term = 0

    async def run(self) -> None:
        """Feed until cancelled, whenever this process has the lease."""
        while self._database.trouble is not None:  # noqa: ASYNC110 - nothing sets an event for it
            # The lease would only be tried again after some seconds.
            await asyncio.sleep(_CONNECTING_SECONDS)
        await self._lease.run(self._feed)

    @property
    def term(self) -> int:
        """The number of the term in which this process feeds; 0 while it does not."""
        return self._term

    @property
    def lag_seconds(self) -> float | None:
        """How old the oldest change may be that was not handed over; None while this process does not feed."""
        if self._progress.as_of is None:
            return None
        seconds = time.monotonic() - self._progress.as_of
        return seconds if seconds >= _NOISE_SECONDS else 0.0

    @override
    def collect(self) -> Iterator[Metric]:
        """The term, the lag, and how much was handed over and lost."""
        yield gauge("feeder_term", "The term in which this process feeds statistics; 0 while another does.", self.term)
        if (seconds := self.lag_seconds) is not None:
            yield gauge("feeder_lag_seconds", "Seconds by which what is fed is behind the database.", seconds)
        yield counter("feeder_changes", "Changes of executions that were fed.", self._progress.changes)
        yield counters_by(
            "reason", "feeder_gaps", "Times that changes were lost to what is fed.", dict(self._progress.gaps)
        )

    async def _feed(self) -> None:
        # Since when it has been behind is unknown, but not before now.
        self._progress.as_of = time.monotonic()
        try:
            self._term = self._lease.term
            await Feed(self._database, self._consumers, self._term, lambda: self._lease.term, self._progress).run()
        except (LeaseLost, Superseded):
            # The lease says so as well, soon.
            return
        finally:
            self._term, self._progress.as_of = 0, None

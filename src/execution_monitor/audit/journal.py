"""The audit trail's way to the database: a bounded queue, and one task that writes it in batches."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Self, cast

import structlog
from bson import ObjectId
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.audit.events import AuditRow
from execution_monitor.audit.pending import Describe, Losses, PendingEvent, audit_unavailable
from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.observability.metrics.families import counter, gauge
from execution_monitor.tasks import TimeLimit, end_tasks

# Writes rows durably, or raises; returns the ids of rows that can never be written. A row that comes again is written
# once.
Write = Callable[[Sequence[AuditRow]], Awaitable[Collection[ObjectId]]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """How many events a journal holds, and how long its steps may take."""

    pending: int = 10_000  # events; at 0.5 to 4 kB each, tens of megabytes
    unverified: int = 2_000  # pending events up to which events of unverified clients are added
    undescribed: int = 200  # events whose arguments are still as they were sent, up to a megabyte each
    batch: int = 200  # events described and sent at a time, 3 ms of the event loop
    linger_seconds: float = 0.25  # for more events to come; a batch costs as much as 20 events
    write_seconds: float = 10.0  # for MongoDB to write a batch; an election needs up to that
    retry_seconds: tuple[float, ...] = (0.25, 0.5, 1, 2, 5)  # between attempts
    wait_seconds: float = 5.0  # for a response that waits for its event to be written
    farewell_seconds: float = 2.0  # for what is pending, when the process ends


class Journal(Collector):
    """Holds events until `write` has written them; a context manager that writes what is left when it ends.

    Attributes:
        written: Events written since the process started.
        dropped: Events lost since then, for want of room or because they could not be written.
        failures: Attempts to write that failed since then.
    """

    def __init__(self, write: Write, limits: JournalLimits | None = None) -> None:
        self.written = 0
        self.dropped = 0
        self.failures = 0
        self._failed_in_a_row = 0
        self._write = write
        self._limits = limits or JournalLimits()
        self._pending: deque[PendingEvent] = deque()
        self._batch: list[PendingEvent] = []  # what is being written; it stays until it is
        self._losses = Losses()
        self._has_some = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_urgent = asyncio.Event()
        self._is_closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._has_ended = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write_on(), name="audit journal")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is pending, within a time limit; what is left then is lost, counted and logged."""
        self._is_closing.set()
        self._is_urgent.set()
        if self.pending:
            self._is_empty.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._limits.farewell_seconds):
                    await self._is_empty.wait()
        if self._task is not None:
            await end_tasks(self._task)
        self._has_ended = True
        left = [*self._batch, *self._pending]
        self._batch = []
        self._pending.clear()
        for each in left:
            each.fail()
        if left:
            self.dropped += len(left)
            log.error("audit_events_lost", count=len(left))

    @property
    def pending(self) -> int:
        """How many events are not written yet."""
        return len(self._pending) + len(self._batch)

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt to write failed."""
        return self._failed_in_a_row > 0

    @override
    def collect(self) -> Iterator[Metric]:
        """Metrics of the audit trail of this process."""
        yield gauge("audit_pending_events", "Events of the audit trail that are not written yet.", self.pending)
        yield counter("audit_written", "Events of the audit trail that MongoDB has.", self.written)
        yield counter("audit_dropped", "Events of the audit trail that are lost.", self.dropped)
        yield counter("audit_failures", "Attempts to write the audit trail that failed.", self.failures)

    async def check(self) -> None:
        """Raise nothing: without the trail, requests are served or, when it is strict, get an error of their own."""

    @property
    def warnings(self) -> Sequence[str]:
        """Whether events are not written, for `/readyz`."""
        if not self.is_failing:
            return []
        return [f"The audit trail is not written: {self.pending:,} events wait, {self.dropped:,} are lost."]

    def require(self) -> None:
        """Raise `AuditUnavailable` while events cannot be written."""
        if self._failed_in_a_row:
            raise audit_unavailable()

    def add(self, tenant: str | None, describe: Describe) -> None:
        """Queue the event whose row `describe` makes; without room it is lost, and counted for `tenant`."""
        self._add(PendingEvent(describe, tenant))

    def add_unverified(self, describe: Describe) -> None:
        """Queue as `add` does, for events that clients without a valid token cause: they get a part of the room."""
        if len(self._pending) < self._limits.unverified:
            self._add(PendingEvent(describe, None))
        else:
            self.lose(None)

    async def add_durably(self, tenant: str | None, describe: Describe) -> None:
        """Queue as `add` does, and return when the event is written.

        Raises:
            AuditUnavailable: Writing failed or took too long. The event stays in the queue and is written later.
        """
        event = PendingEvent(describe, tenant, asyncio.get_running_loop().create_future())
        self._add(event)
        self._is_urgent.set()
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                await cast("asyncio.Future[None]", event.written)
        except TimeoutError as error:
            raise audit_unavailable() from error

    def lose(self, tenant: str | None) -> None:
        """Count an event of `tenant` that is not kept; the trail will say how many were lost, and since when."""
        if not self._losses:
            log.warning("audit_events_dropped", pending=len(self._pending))
        self.dropped += 1
        self._losses.count(tenant)

    def _add(self, event: PendingEvent) -> None:
        if len(self._pending) >= self._limits.pending or self._has_ended:
            self._drop(event)
            return
        # Describing waits for the writer only while few events do: each may hold a megabyte until then.
        if len(self._pending) < self._limits.undescribed or self._describe(event):
            self._pending.append(event)
            self._has_some.set()
            if len(self._pending) >= self._limits.batch:
                self._is_urgent.set()

    def _describe(self, event: PendingEvent) -> bool:
        """Make the row of `event`, or drop it if that fails; whether it has a row now."""
        if event.make_row():
            return True
        self._drop(event)
        return False

    def _drop(self, event: PendingEvent) -> None:
        self.lose(event.tenant)
        event.fail()

    async def _write_on(self) -> None:
        while True:
            await self._has_some.wait()
            await self._linger()
            taken = [self._pending.popleft() for _ in range(min(len(self._pending), self._limits.batch))]
            if not self._pending:
                self._is_urgent.clear()
            self._batch = [event for event in taken if self._describe(event)]
            while self._batch and not await self._try_to_write():
                await self._back_off()
            self._pending.extend(self._losses.take_events())
            if not self._pending:
                self._has_some.clear()
                self._is_empty.set()

    async def _linger(self) -> None:
        """Wait for more events, unless there is a batch of them or a response waits."""
        if not self._is_closing.is_set():
            await _wait(self._is_urgent, self._limits.linger_seconds)

    async def _back_off(self) -> None:
        pauses = self._limits.retry_seconds
        if self._is_closing.is_set():
            await asyncio.sleep(pauses[0])
        else:
            await _wait(self._is_closing, pauses[min(self._failed_in_a_row, len(pauses)) - 1])

    async def _try_to_write(self) -> bool:
        rows = [event.row for event in self._batch if event.row is not None]
        try:
            async with TimeLimit(self._limits.write_seconds):
                refused = await self._write(rows)
        except Exception as error:  # noqa: BLE001 - whatever it is, the events are still there and the task goes on
            self._fail(error)
            return False
        if self._failed_in_a_row:
            log.info("audit_written_again", dropped=self.dropped, pending=len(self._pending))
        self._failed_in_a_row = 0
        for event in self._batch:
            if event.row is not None and event.row["_id"] in refused:
                self._drop(event)
            else:
                self.written += 1
                event.succeed()
        self._batch = []
        return True

    def _fail(self, error: Exception) -> None:
        self.failures += 1
        self._failed_in_a_row += 1
        reason = error.message if isinstance(error, ExecutionMonitorError) else type(error).__name__
        log.warning("audit_not_written", reason=reason, pending=self.pending, dropped=self.dropped)
        for event in (*self._batch, *self._pending):
            event.fail()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()

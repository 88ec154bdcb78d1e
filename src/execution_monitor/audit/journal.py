"""The audit trail's way to the database: a bounded queue, and one task that writes it in batches."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Self, cast

import structlog
from bson import ObjectId

from execution_monitor.audit.events import AuditRow, describe_loss
from execution_monitor.errors import AuditUnavailable, ExecutionMonitorError
from execution_monitor.tasks import TimeLimit, end_tasks

# Makes the row of an event, when it is called.
Describe = Callable[[], AuditRow]
# Keeps rows durably, or raises; the ids of those it will never take. What it is given again it keeps once.
Write = Callable[[Sequence[AuditRow]], Awaitable[Collection[ObjectId]]]

log = structlog.get_logger()

# Tenants are as many as tokens name; the losses of those beyond are nobody's.
_MAX_TENANTS_AT_LOSS = 1_000


@dataclass(frozen=True, slots=True)
class JournalLimits:
    """How much the journal holds, and how long it takes."""

    pending: int = 10_000  # events; at 0.5 to 4 kB each, tens of megabytes
    unverified: int = 2_000  # of them, while only so many are pending
    undescribed: int = 200  # events whose arguments are still as they were sent, up to a megabyte each
    batch: int = 200  # events described and sent at a time, 3 ms of the event loop
    linger_seconds: float = 0.25  # for more events to come; a batch costs as much as 20 events
    write_seconds: float = 10.0  # for MongoDB to take a batch; an election needs up to that
    retry_seconds: tuple[float, ...] = (0.25, 0.5, 1, 2, 5)  # between attempts
    wait_seconds: float = 5.0  # for whoever waits for an event to be written
    farewell_seconds: float = 2.0  # for what is pending, when the process ends


@dataclass(frozen=True, slots=True)
class AuditFigures:
    """How the audit trail is doing."""

    pending: int  # events not written yet
    written: int  # since the process started, as are those below
    dropped: int  # events that there was no room or no way to write
    failures: int  # attempts to write
    is_failing: bool  # whether the last attempt failed


@dataclass(slots=True)
class _Pending:
    describe: Describe
    tenant: str | None
    written: asyncio.Future[None] | None = None
    row: AuditRow | None = None

    def fail(self) -> None:
        """Tell whoever waits that it is not written."""
        if self.written is not None and not self.written.done():
            self.written.set_exception(_unavailable())

    def succeed(self) -> None:
        """Tell whoever waits that it is written."""
        if self.written is not None and not self.written.done():
            self.written.set_result(None)


@dataclass(slots=True)
class _Loss:
    since: datetime
    count: int = 0


class Journal:
    """Keeps events until `write` has taken them; a context manager that writes what is left when it ends."""

    def __init__(self, write: Write, limits: JournalLimits | None = None) -> None:
        self._write = write
        self._limits = limits or JournalLimits()
        self._pending: deque[_Pending] = deque()
        self._batch: list[_Pending] = []  # what is being written; it stays until it is
        self._losses: dict[str | None, _Loss] = {}
        self._has_some = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_urgent = asyncio.Event()
        self._is_closing = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._has_ended = False
        self._written = self._dropped = self._failures = self._failed_in_a_row = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write_on(), name="audit journal")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Write what is pending, within a time; what is left then is lost, and said to be."""
        self._is_closing.set()
        self._is_urgent.set()
        if self._pending or self._batch:
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
            self._dropped += len(left)
            log.error("audit_events_lost", count=len(left))

    def figures(self) -> AuditFigures:
        """How the audit trail is doing now."""
        pending = len(self._pending) + len(self._batch)
        return AuditFigures(pending, self._written, self._dropped, self._failures, self._failed_in_a_row > 0)

    async def check(self) -> None:
        """Nothing: who asks may be answered without it, unless it is strict, and then is told."""

    @property
    def warnings(self) -> Sequence[str]:
        """Whether events are not written, for `/readyz`."""
        now = self.figures()
        if not now.is_failing:
            return []
        return [f"The audit trail is not written: {now.pending:,} events wait, {now.dropped:,} are lost."]

    def require(self) -> None:
        """Raise `AuditUnavailable` while events cannot be written."""
        if self._failed_in_a_row:
            raise _unavailable()

    def add(self, tenant: str | None, describe: Describe) -> None:
        """Keep the event that `describe` makes the row of; when there is no room, it is lost, and `tenant` told so."""
        self._add(_Pending(describe, tenant))

    def add_unverified(self, describe: Describe) -> None:
        """As `add`, for what strangers can cause: it takes a part of the room and leaves the rest to callers."""
        if len(self._pending) < self._limits.unverified:
            self._add(_Pending(describe, None))
        else:
            self.lose(None)

    async def add_durably(self, tenant: str | None, describe: Describe) -> None:
        """As `add`, and return when it is written; raises `AuditUnavailable` when that fails or takes too long.

        Even then the event stays in the queue and is written as soon as that can be done.
        """
        event = _Pending(describe, tenant, asyncio.get_running_loop().create_future())
        self._add(event)
        self._is_urgent.set()
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                await cast("asyncio.Future[None]", event.written)
        except TimeoutError as error:
            raise _unavailable() from error

    def lose(self, tenant: str | None) -> None:
        """Count an event of `tenant` that is not kept; the trail will say how many there were, and since when."""
        if not self._losses:
            log.warning("audit_events_dropped", pending=len(self._pending))
        self._dropped += 1
        known = tenant in self._losses or len(self._losses) < _MAX_TENANTS_AT_LOSS
        self._losses.setdefault(tenant if known else None, _Loss(datetime.now(UTC))).count += 1

    def _add(self, event: _Pending) -> None:
        if len(self._pending) >= self._limits.pending or self._has_ended:
            self.lose(event.tenant)
            event.fail()
            return
        # So many are described late only while they are written as fast as they come.
        if len(self._pending) < self._limits.undescribed or self._describe(event):
            self._pending.append(event)
            self._has_some.set()
            if len(self._pending) >= self._limits.batch:
                self._is_urgent.set()

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
            self._tell_losses()
            if not self._pending:
                self._has_some.clear()
                self._is_empty.set()

    async def _linger(self) -> None:
        """Let more events come, unless there is a batch of them or somebody waits."""
        if not self._is_closing.is_set():
            await _wait(self._is_urgent, self._limits.linger_seconds)

    async def _back_off(self) -> None:
        pauses = self._limits.retry_seconds
        if self._is_closing.is_set():
            await asyncio.sleep(pauses[0])
        else:
            await _wait(self._is_closing, pauses[min(self._failed_in_a_row, len(pauses)) - 1])

    def _describe(self, event: _Pending) -> bool:
        """Make the row of `event`, unless it has one; whether there is one now."""
        if event.row is None:
            try:
                event.row = event.describe()
            except Exception:
                log.exception("audit_event_not_described")
                self.lose(event.tenant)
                event.fail()
                return False
            event.describe = _nothing  # and let go of all that it holds
        return True

    async def _try_to_write(self) -> bool:
        rows = [event.row for event in self._batch if event.row is not None]
        try:
            async with TimeLimit(self._limits.write_seconds):
                refused = await self._write(rows)
        except Exception as error:  # noqa: BLE001 - whatever it is, the events are still there and the task goes on
            self._fail(error)
            return False
        if self._failed_in_a_row:
            log.info("audit_written_again", dropped=self._dropped, pending=len(self._pending))
        self._failed_in_a_row = 0
        for event in self._batch:
            if event.row is not None and event.row["_id"] in refused:
                self.lose(event.tenant)
                event.fail()
            else:
                self._written += 1
                event.succeed()
        self._batch = []
        return True

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        self._failed_in_a_row += 1
        reason = error.message if isinstance(error, ExecutionMonitorError) else type(error).__name__
        log.warning("audit_not_written", reason=reason, pending=self.figures().pending, dropped=self._dropped)
        for event in (*self._batch, *self._pending):
            event.fail()

    def _tell_losses(self) -> None:
        """Let the trail itself say what is missing from it."""
        now = datetime.now(UTC)
        for tenant, loss in self._losses.items():
            self._pending.append(_Pending(partial(describe_loss, tenant, loss.count, loss.since, now), tenant))
        self._losses.clear()


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _nothing() -> AuditRow:
    raise ValueError("An event is described once.")


def _unavailable() -> AuditUnavailable:
    return AuditUnavailable("What is asked here must be recorded, and cannot be for now; try again in some seconds.")

"""Audit events before they are written: those that wait, and how many there was no room for."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog

from execution_monitor.audit.events import AuditRow, describe_loss
from execution_monitor.errors import AuditUnavailable

# Makes the row of an event when it is called, which is when it is about to be written.
Describe = Callable[[], AuditRow]

log = structlog.get_logger()

# Tokens may name any number of tenants. Further losses are counted together, without a tenant.
_MAX_TENANTS_WITH_LOSSES = 1_000


@dataclass(slots=True)
class PendingEvent:
    """An event that waits to be written.

    Attributes:
        tenant: Whose trail it belongs to; None for events without a tenant.
        written: Set when the event has been written, or cannot be, if the response to its request waits for that.
        row: What is written, once the event is described.
    """

    describe: Describe
    tenant: str | None
    written: asyncio.Future[None] | None = None
    row: AuditRow | None = None

    def make_row(self) -> bool:
        """Describe the event, unless that is done; returns False, and logs why, if it fails."""
        if self.row is None:
            try:
                self.row = self.describe()
            except Exception:
                log.exception("audit_event_not_described")
                return False
            self.describe = _described  # which releases the operation and its variables
        return True

    def succeed(self) -> None:
        """Let the waiting response, if there is one, be sent."""
        if self.written is not None and not self.written.done():
            self.written.set_result(None)

    def fail(self) -> None:
        """Refuse the waiting response, if there is one, with `AuditUnavailable`."""
        if self.written is not None and not self.written.done():
            self.written.set_exception(audit_unavailable())


@dataclass(slots=True)
class _Loss:
    since: datetime
    count: int = 0


class Losses:
    """Counts lost events by tenant, so that the trail itself can say what is missing from it."""

    def __init__(self) -> None:
        self._by_tenant: dict[str | None, _Loss] = {}

    def __bool__(self) -> bool:
        return bool(self._by_tenant)

    def count(self, tenant: str | None) -> None:
        """Count a lost event of `tenant`."""
        has_room = tenant in self._by_tenant or len(self._by_tenant) < _MAX_TENANTS_WITH_LOSSES
        self._by_tenant.setdefault(tenant if has_room else None, _Loss(datetime.now(UTC))).count += 1

    def take_events(self) -> Iterator[PendingEvent]:
        """An event for each tenant with losses, which then counts from zero."""
        now = datetime.now(UTC)
        losses, self._by_tenant = self._by_tenant, {}
        for tenant, loss in losses.items():
            yield PendingEvent(partial(describe_loss, tenant, loss.count, loss.since, now), tenant)


def audit_unavailable() -> AuditUnavailable:
    """The error of a response that must be recorded first, and cannot be."""
    return AuditUnavailable(
        "This must be recorded in the audit trail, which cannot be written now; try again in a few seconds."
    )


def _described() -> AuditRow:
    raise ValueError("An event is described once.")

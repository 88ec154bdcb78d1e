"""The lifecycle of alerts: what becomes of a rule's alerts where some groups meet its condition, at an instant.

It knows neither the database nor a clock. A group that meets the condition for as long as the rule says fires; its
alert is notified then, again while it fires and nobody has acknowledged it, and when the condition is met no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from execution_monitor.alerts.groups import AlertGroup
from execution_monitor.storage.alert_documents import AlertState
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.filters import EVERYTHING, Filter
from execution_monitor.storage.rows import Row

# Of one rule: more tell nobody more.
MAX_ACTIVE = 100
# Groups that are waited for. Of more, those that come first.
MAX_PENDING = 500


class AlertEvent(StrEnum):
    """What a notification is about; the values are stored and sent."""

    FIRED = "fired"
    REPEATED = "repeated"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Finding:
    """A group that meets a condition.

    Attributes:
        group: the group.
        summary: a sentence for people.
        value: what the condition compares: a share, a number, a sum, or seconds.
        count: how many executions it is about.
        where: which executions these are.
        given: the same as filters of the API, in JSON, all of which hold; for a link.
        newest_execution_id: of the newest of them; None where that is not known.
        since: since when; None for the present.
        seen_at: when the condition was last met; None for the present.
    """

    group: AlertGroup
    summary: str
    value: float | None = None
    count: int | None = None
    where: Filter = EVERYTHING
    given: Sequence[object] = ()
    newest_execution_id: str | None = None
    since: datetime | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """When a rule notifies.

    Attributes:
        hold: how long a group must meet the condition before it fires.
        repeat: how long after a notification another one follows; None for never.
    """

    hold: timedelta = timedelta()
    repeat: timedelta | None = None

    @classmethod
    def read(cls, rule: Row) -> "Timing":
        """The timing of a stored rule."""
        repeat = rule.get("repeat_after_seconds")
        return cls(
            timedelta(seconds=rule.get("for_seconds") or 0), None if repeat is None else timedelta(seconds=repeat)
        )


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """An alert that has not been resolved."""

    state: AlertState
    notified_at: datetime | None = None
    repeats: int = 0
    snoozed_until: datetime | None = None

    @classmethod
    def read(cls, row: Row) -> "ActiveAlert":
        """The alert that is stored as `row`."""
        return cls(
            AlertState(row["state"]),
            to_datetime(row.get("notified_at")),
            row.get("repeats") or 0,
            to_datetime(row.get("snoozed_until")),
        )

    def after(self, now: datetime, timing: Timing) -> tuple["ActiveAlert", AlertEvent | None]:
        """What it is at `now`, where the condition is still met, and what is notified of."""
        alert = self
        has_woken = self.state is AlertState.SNOOZED and (self.snoozed_until is None or self.snoozed_until <= now)
        if has_woken:
            alert = replace(self, state=AlertState.FIRING, snoozed_until=None)
        if alert.state is not AlertState.FIRING:
            return alert, None
        if alert.notified_at is None:
            # It began while its group was snoozed.
            return replace(alert, notified_at=now), AlertEvent.FIRED
        is_repeated = timing.repeat is not None and now - alert.notified_at >= timing.repeat
        if has_woken or is_repeated:
            return replace(alert, notified_at=now, repeats=alert.repeats + 1), AlertEvent.REPEATED
        return alert, None


def opened(now: datetime, snoozed_until: datetime | None) -> ActiveAlert:
    """An alert that begins at `now`: snoozed, and so not notified, where the last one of its group is that still."""
    if snoozed_until is not None and snoozed_until > now:
        return ActiveAlert(AlertState.SNOOZED, snoozed_until=snoozed_until)
    return ActiveAlert(AlertState.FIRING, notified_at=now)


@dataclass(frozen=True, slots=True)
class Decision:
    """What an evaluation changes; groups by their keys.

    Attributes:
        opened: what fires now.
        continued: what goes on, by group.
        resolved: the groups that meet the condition no more.
        pending: since when groups have met the condition that do not fire yet.
        left_out: how many more meet it for long enough, beside as many alerts as a rule may have.
    """

    opened: Sequence[Finding] = ()
    continued: Mapping[str, Finding] = field(default_factory=dict[str, Finding])
    resolved: Sequence[str] = ()
    pending: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    left_out: int = 0


def decide(
    active: Sequence[str], pending: Mapping[str, datetime], findings: Sequence[Finding], hold: timedelta, now: datetime
) -> Decision:
    """What becomes of a rule with `active` alerts where exactly the groups of `findings` meet its condition at `now`.

    Where more meet it than may fire, those fire that come first in `findings`.
    """
    met = {finding.group.key: finding for finding in findings}
    resolved = [key for key in active if key not in met]
    continued = {key: met[key] for key in active if key in met}
    room = MAX_ACTIVE - len(continued)
    opening, waiting, left_out = list[Finding](), dict[str, datetime](), 0
    for key, finding in met.items():
        if key in continued:
            continue
        since = pending.get(key, now)
        if now - since >= hold:
            if len(opening) < room:
                opening.append(finding)
                continue
            left_out += 1
        if hold and len(waiting) < MAX_PENDING:
            waiting[key] = since
    return Decision(opening, continued, resolved, waiting, left_out)

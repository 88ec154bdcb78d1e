"""Simulations: the alerts that a rule would have had, from when its groups began and ceased to meet the condition.

Rules are evaluated every 15 seconds, and so every time here is one of these.
"""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from execution_monitor.alerts.evaluation.claims import EVERY_SECONDS
from execution_monitor.alerts.groups import AlertGroup

EVERY = timedelta(seconds=EVERY_SECONDS)
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Met:
    """A condition is met, with the value that it compares; None where it has none."""

    value: float | None = None


# A time, and what is so from then on: whether a group meets the condition; None for not.
Change = tuple[datetime, AlertGroup, Met | None]


@dataclass(frozen=True, slots=True)
class SimulatedAlert:
    """An alert that there would have been.

    Attributes:
        group: the group as it is shown; None where the rule has none.
        fired_at: when it would have fired.
        resolved_at: when it would have been resolved; None where it would fire still.
        value: the highest that the condition had; None where it has no value.
    """

    group: str | None
    fired_at: datetime
    resolved_at: datetime | None
    value: float | None


def look_at(time: datetime) -> datetime:
    """The first time of an evaluation at `time` or behind it."""
    return _EPOCH - (_EPOCH - time) // EVERY * EVERY


def look_behind(time: datetime) -> datetime:
    """The first time of an evaluation behind `time`."""
    return _EPOCH + ((time - _EPOCH) // EVERY + 1) * EVERY


@dataclass(slots=True)
class _Group:
    """A group that meets the condition since a time; and the place of its alert, once it fires."""

    since: datetime
    value: float | None
    place: int | None = None


def simulate(changes: Iterable[Change], hold: timedelta, start: datetime, now: datetime) -> list[SimulatedAlert]:
    """The alerts of a rule whose groups must meet the condition for as long as `hold`, the oldest first.

    Args:
        changes: What became so, at times of evaluations; of several of a group at one time the last one counts. What
            was so at `start` is as if it had begun then.
        hold: How long a group must meet the condition.
        start: The first time of an evaluation.
        now: The last one.
    """
    by_time = dict[datetime, dict[AlertGroup, Met | None]]()
    for time, group, met in changes:
        if time <= now:
            by_time.setdefault(max(time, start), {})[group] = met
    simulation = _Simulation(hold)
    for time, those in sorted(by_time.items(), key=lambda each: each[0]):
        simulation.fire_before(time)
        simulation.change(time, those)
    simulation.fire_before(now + EVERY)
    return sorted(simulation.alerts, key=lambda each: (each.fired_at, each.group or ""))


class _Simulation:
    def __init__(self, hold: timedelta) -> None:
        self.alerts = list[SimulatedAlert]()
        self._hold = hold
        self._met = dict[AlertGroup, _Group]()
        # When groups fire that have met the condition since a time, if they do until then.
        self._waiting = list[tuple[datetime, int, AlertGroup, datetime]]()
        self._number = 0

    def fire_before(self, time: datetime) -> None:
        """Let those fire whose time has come before `time`."""
        while self._waiting and self._waiting[0][0] < time:
            due, _, group, since = heapq.heappop(self._waiting)
            found = self._met.get(group)
            if found is not None and found.since == since:
                found.place = len(self.alerts)
                self.alerts.append(SimulatedAlert(group.name, due, None, found.value))

    def change(self, time: datetime, those: Mapping[AlertGroup, Met | None]) -> None:
        """Let what `those` say be so from `time` on."""
        for group, met in those.items():
            found = self._met.get(group)
            if met is None:
                if found is not None and found.place is not None:
                    self.alerts[found.place] = replace(self.alerts[found.place], resolved_at=time)
                self._met.pop(group, None)
            elif found is None:
                self._met[group] = _Group(time, met.value)
                self._number += 1
                heapq.heappush(self._waiting, (look_at(time + self._hold), self._number, group, time))
            else:
                found.value = met.value
                if found.place is not None and met.value is not None:
                    alert = self.alerts[found.place]
                    self.alerts[found.place] = replace(alert, value=max(met.value, alert.value or 0.0))

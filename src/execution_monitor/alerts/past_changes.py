"""Past changes: when groups began and ceased to meet a condition, from stored executions as they are now.

Each function says the same in plain Python as what evaluates rules does by queries at one instant.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from execution_monitor.alerts.conditions import PERCENTILE_DAYS, PERCENTILE_RUNS, AlertMeasure, Rate, Silence, Sum
from execution_monitor.alerts.evaluation.durations import OVERLAP
from execution_monitor.alerts.evaluation.ended import ENDED
from execution_monitor.alerts.evaluation.silences import EARLY
from execution_monitor.alerts.evaluation.watched import Watched
from execution_monitor.alerts.groups import AlertGroup, GroupBy, groups_of
from execution_monitor.alerts.simulation import EVERY, Change, Met, look_at, look_behind
from execution_monitor.statistics.measures import Contribution
from execution_monitor.statistics.sketches import Sketch, micros_of
from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.rows import Row
from execution_monitor.storage.running_time import STARTED

_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class _Window:
    """What has ended within the window, of a group or of all."""

    matching: int = 0
    ended: int = 0
    cost_micros: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Ended:
    groups: Sequence[AlertGroup]
    matches: bool
    cost_micros: int
    tokens: int

    def add_to(self, window: _Window, times: int) -> None:
        window.ended += times
        window.matching += times * self.matches
        window.cost_micros += times * self.cost_micros
        window.tokens += times * self.tokens


def changes_of_ended(watched: Watched, condition: Rate | Sum, rows: Iterable[Row]) -> Iterator[Change]:
    """When groups of executions that ended within the window were too many, or too much, of these `rows`."""
    steps = sorted(_ends(watched, condition, rows), key=lambda step: step[0])
    # Of an error group, all that ended: those in it are always failures.
    is_of_all = isinstance(condition, Rate) and watched.by is GroupBy.ERROR_GROUP
    total, windows, met = _Window(), defaultdict[AlertGroup, _Window](_Window), set[AlertGroup]()
    for time, those in groupby(steps, key=lambda step: step[0]):
        touched = set[AlertGroup]()
        for _, times, ended in those:
            ended.add_to(total, times)
            for group in ended.groups:
                ended.add_to(windows[group], times)
                touched.add(group)
        for group in windows.keys() if is_of_all else touched:
            window = windows[group]
            value = _value_of(condition, window, total if is_of_all else window)
            if value is not None:
                met.add(group)
                yield time, group, Met(value)
            elif group in met:
                met.remove(group)
                yield time, group, None
        for group in touched:
            if not windows[group].ended:
                del windows[group]


def _ends(watched: Watched, condition: Rate | Sum, rows: Iterable[Row]) -> Iterator[tuple[datetime, int, _Ended]]:
    """When each of `rows` comes into the window, and when it leaves it."""
    length = timedelta(seconds=condition.window_seconds)
    matches = condition.match.predicate_at() if isinstance(condition, Rate) else None
    for row in rows:
        ended_at = to_datetime(row.get(ENDED))
        if ended_at is None:
            continue
        measured = Contribution.of(row)
        ended = _Ended(
            list(groups_of(watched.by, row)),
            matches is None or matches(row, ended_at),
            micros_of(measured.cost or 0.0),
            measured.tokens,
        )
        yield look_at(ended_at), 1, ended
        yield look_behind(ended_at + length), -1, ended


def _value_of(condition: Rate | Sum, window: _Window, total: _Window) -> float | None:
    """What a condition that is met compares; None where it is not met."""
    if isinstance(condition, Rate):
        if not window.matching or not condition.is_met_by(window.matching, total.ended):
            return None
        return float(window.matching) if condition.share_above is None else window.matching / total.ended
    amount = window.cost_micros / 1_000_000 if condition.of is AlertMeasure.COST else float(window.tokens)
    return amount if amount > condition.above else None


def changes_of_silence(
    condition: Silence, created: Mapping[AlertGroup, Sequence[datetime]], start: datetime
) -> Iterator[Change]:
    """When groups were silent, from the times in order at which their executions were created."""
    early = timedelta() if condition.cron is None else EARLY
    for group, times in created.items():
        if not times:
            yield start, group, Met()
        for number, time in enumerate(times):
            due = condition.due_after(time + early)
            follows = look_at(times[number + 1]) if number + 1 < len(times) else None
            if due is None or (follows is not None and look_at(due) >= follows):
                continue
            yield look_at(due), group, Met()
            if follows is not None:
                yield follows, group, None


# The seconds that an execution may run at a time; None where it has no limit then.
LimitAt = Callable[[Row, datetime], float | None]


def changes_of_durations(watched: Watched, limit_at: LimitAt, rows: Iterable[Row], now: datetime) -> Iterator[Change]:
    """When executions of a group ran for too long; the value is how many did."""
    steps = list[tuple[datetime, int, AlertGroup]]()
    for row in rows:
        for begin, end in _too_long(row, limit_at, now):
            for group in groups_of(watched.by, row):
                steps += [(begin, 1, group)] + ([] if end is None else [(end, -1, group)])
    yield from _counted(steps)


def _too_long(row: Row, limit_at: LimitAt, now: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    """From when to when an execution ran for too long, as those see it who look every 15 seconds."""
    ended_at, seconds = to_datetime(row.get(ENDED)), Contribution.of(row).duration
    started_at = to_datetime(row.get(STARTED))
    if ended_at is not None and seconds is not None:
        started_at = ended_at - timedelta(seconds=seconds)
    if started_at is None or (ended_at is None and seconds is not None):
        return
    last = now + EVERY if ended_at is None else look_behind(ended_at + OVERLAP + EVERY)
    hour, begin = started_at.replace(minute=0, second=0, microsecond=0), None
    while hour < last:
        limit = limit_at(row, hour)
        since = None if limit is None else look_behind(started_at + timedelta(seconds=limit))
        if since is not None and ended_at is not None and limit is not None and (seconds or 0.0) <= limit:
            since = None
        if since is not None and since < min(hour + _HOUR, last):
            begin = max(since, look_at(hour)) if begin is None else begin
        elif begin is not None:
            yield begin, look_at(hour)
            begin = None
        hour += _HOUR
    if begin is not None:
        yield begin, None if ended_at is None else last


def _counted(steps: list[tuple[datetime, int, AlertGroup]]) -> Iterator[Change]:
    steps.sort(key=lambda step: step[0])
    counts = defaultdict[AlertGroup, int](int)
    for time, those in groupby(steps, key=lambda step: step[0]):
        touched = set[AlertGroup]()
        for _, more, group in those:
            counts[group] += more
            touched.add(group)
        for group in touched:
            yield time, group, Met(float(counts[group])) if counts[group] else None


def changes_of_events(entered: Iterable[tuple[datetime, Sequence[AlertGroup]]], lasting: timedelta) -> Iterator[Change]:
    """When executions of a group had started to match; the value is how many."""
    by_group = defaultdict[AlertGroup, list[datetime]](list)
    for time, groups in entered:
        for group in groups:
            by_group[group].append(time)
    for group, times in by_group.items():
        times.sort()
        count = 0
        for number, time in enumerate(times):
            count += 1
            yield look_at(time), group, Met(float(count))
            end = look_at(time + lasting)
            if number + 1 == len(times) or look_at(times[number + 1]) > end:
                yield end, group, None
                count = 0


class PastPercentiles:
    """The limits of workflows hour by hour: percentiles of their runs of the 7 days before each."""

    def __init__(self, rows: Iterable[Row], percentile: int, first: datetime, last: datetime) -> None:
        self._share = percentile / 100
        self._hours = list[datetime]()
        hour = first.replace(minute=0, second=0, microsecond=0)
        while hour <= last:
            self._hours.append(hour)
            hour += _HOUR
        self._runs = defaultdict[str, list[tuple[datetime, float]]](list)
        for row in rows:
            name: Any = row.get("workflow_name")
            created, seconds = to_datetime(row.get(CREATED)), Contribution.of(row).duration
            if isinstance(name, str) and created is not None and seconds is not None:
                self._runs[name].append((created, seconds))
        self._found = dict[str, Mapping[datetime, float]]()

    def of(self, row: Row, hour: datetime) -> float | None:
        """The limit of an execution within an hour; None where its workflow had too few runs."""
        name: Any = row.get("workflow_name")
        if not isinstance(name, str) or len(self._runs[name]) < PERCENTILE_RUNS:
            return None
        if name not in self._found:
            self._found[name] = dict(self._limits(sorted(self._runs[name])))
        return self._found[name].get(hour)

    def _limits(self, runs: Sequence[tuple[datetime, float]]) -> Iterator[tuple[datetime, float]]:
        sketch, count, begin, end = Sketch(), 0, 0, 0
        days = timedelta(days=PERCENTILE_DAYS)
        limit: float | None = None
        for hour in self._hours:
            before = (begin, end)
            while end < len(runs) and runs[end][0] < hour:
                sketch.add(runs[end][1])
                end += 1
            while begin < end and runs[begin][0] < hour - days:
                sketch.add(runs[begin][1], -1)
                begin += 1
            count = end - begin
            if (begin, end) != before:
                (limit,) = sketch.percentiles([self._share])
            if count >= PERCENTILE_RUNS and limit is not None:
                yield hour, limit

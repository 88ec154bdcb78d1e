"""Durations: which executions run longer than a limit, or ended having taken longer since the last look.

A limit is the rule's own, or a percentile of the workflow: of its runs of the 7 days before the present hour, so that
it is the same for an hour, and for every server.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from execution_monitor.alerts.conditions import PERCENTILE_DAYS, PERCENTILE_RUNS, Duration
from execution_monitor.alerts.evaluation.ended import ENDED, shown_seconds
from execution_monitor.alerts.evaluation.watched import Watched, at
from execution_monitor.alerts.groups import AlertGroup, groups_of
from execution_monitor.alerts.lifecycle import Finding
from execution_monitor.lru_cache import LruCache
from execution_monitor.statistics.measures import Measure
from execution_monitor.statistics.questions import Question
from execution_monitor.statistics.requests import GroupField, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.service import Statistics
from execution_monitor.statistics.sketches import usable
from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.documents import ACTIVE_STATUSES, Execution
from execution_monitor.storage.filters import AnyOf, DurationSource, Filter, OneOf, Range, all_of, equals
from execution_monitor.storage.relative_filters import Duration as HasRunFor
from execution_monitor.storage.rows import Row
from execution_monitor.storage.running_time import DURATION, IS_RUNNING, STARTED, seconds_since

# Of more that run too long, these are enough to fire.
MAX_ROWS = 10_000
# The end of an execution is stored somewhat later, by another clock.
OVERLAP = timedelta(seconds=60)
_MAX_QUESTIONS = 500
_SHOWN_WORKFLOWS = 20
_FIELDS = frozenset({"_id", "execution_id", "workflow_name", STARTED, CREATED, DURATION})
_RUNNING_STATUSES = [each.upper() for each in ACTIVE_STATUSES]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long executions may run, in seconds: all of them, or those of a workflow by its name, a percentile."""

    of_all: float | None = None
    of_workflow: Mapping[str, float] | None = None
    percentile: int | None = None

    @property
    def least(self) -> float | None:
        """The shortest of them; None where there is none."""
        return self.of_all if self.of_all is not None else min((self.of_workflow or {}).values(), default=None)

    def of(self, row: Row) -> float | None:
        """That of a stored execution; None where it has none."""
        if self.of_all is not None:
            return self.of_all
        name: Any = row.get("workflow_name")
        return (self.of_workflow or {}).get(name) if isinstance(name, str) else None


class Durations:
    """Measures durations; it remembers the percentiles of an hour."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._limits: LruCache[Limits] = LruCache(_MAX_QUESTIONS)

    async def find(self, watched: Watched, condition: Duration, since: datetime | None, now: datetime) -> list[Finding]:
        """The groups with an execution that runs for too long, or did and ended after `since`; those with most first.

        Raises:
            QueryTimeout: There is too much to read.
        """
        limits = await self._limits_of(watched, condition, now)
        if limits.least is None:
            return []
        since = now if since is None else since - OVERLAP
        rows = [*await self._running(watched, limits.least, now), *await self._ended(watched, limits.least, since, now)]
        return findings_of(watched, limits, since, (row for row in rows if is_longer(row, limits, now)))

    async def _limits_of(self, watched: Watched, condition: Duration, now: datetime) -> Limits:
        if condition.longer_than_percentile is None:
            return Limits(condition.longer_than_seconds)
        hour = now.replace(minute=0, second=0, microsecond=0)
        key = (watched.visible, watched.where, condition, hour)
        found = self._limits.get(repr(key))
        if found is None:
            found = await self._percentiles(watched, condition.longer_than_percentile, hour)
            self._limits.put(repr(key), found)
        return found

    async def _percentiles(self, watched: Watched, percentile: int, hour: datetime) -> Limits:
        created = Range(CREATED, gte=hour - timedelta(days=PERCENTILE_DAYS), lt=hour)
        by = GroupField.WORKFLOW_NAME
        request = StatisticsRequest(
            all_of(watched.where, created), totals=None, groups=(GroupsRequest(by, measures=Measure.DURATION),)
        )
        tables = await self._statistics.add_up(Question.within(watched.visible, request, hour))
        found = dict[str, float]()
        for key, breakdown in tables.by_group.get(by, {}).items():
            durations = breakdown.durations
            (limit,) = durations.percentiles([percentile / 100])
            if isinstance(key, str) and limit is not None and durations.count >= PERCENTILE_RUNS:
                found[key] = limit
        return Limits(of_workflow=found, percentile=percentile)

    async def _running(self, watched: Watched, limit: float, now: datetime) -> Sequence[Row]:
        where = all_of(
            watched.population.bind(now, DurationSource.RUNNING),
            IS_RUNNING,
            Range(STARTED, lte=now - timedelta(seconds=limit)),
        )
        return await self._read(watched, where)

    async def _ended(self, watched: Watched, limit: float, since: datetime, now: datetime) -> Sequence[Row]:
        where = all_of(
            watched.population.bind(now, DurationSource.STORED), Range(ENDED, gte=since), Range(DURATION, gt=limit)
        )
        return await self._read(watched, where)

    async def _read(self, watched: Watched, where: Filter) -> Sequence[Row]:
        fields = _FIELDS if watched.by is None else _FIELDS | watched.by.stored
        return await self._statistics.reader.read_some(Execution, where, fields, limit=MAX_ROWS)


def is_longer(row: Row, limits: Limits, now: datetime) -> bool:
    """Whether a stored execution has taken longer than its limit, or has run for longer at `now`."""
    limit = limits.of(row)
    if limit is None:
        return False
    seconds = usable(row.get(DURATION))
    started = to_datetime(row.get(STARTED))
    if seconds is None:
        return started is not None and seconds_since(started, now) > limit
    return seconds > limit


def findings_of(watched: Watched, limits: Limits, since: datetime, rows: Iterable[Row]) -> list[Finding]:
    """What is found of the groups of `rows`, which run or have run for too long."""
    by_group = defaultdict[AlertGroup, list[Row]](list)
    for row in rows:
        for group in groups_of(watched.by, row):
            by_group[group].append(row)
    ordered = sorted(by_group.items(), key=lambda each: (-len(each[1]), each[0].key))
    return [_finding(watched, limits, since, group, those) for group, those in ordered]


def _finding(watched: Watched, limits: Limits, since: datetime, group: AlertGroup, rows: Sequence[Row]) -> Finding:
    count = len(rows)
    run = "1 execution runs, or ran," if count == 1 else f"{count:,} executions run, or ran,"
    if limits.of_all is not None:
        limit = shown_seconds(limits.of_all)
    else:
        limit = f"{limits.percentile} % of the runs of {'its workflow' if count == 1 else 'their workflows'}"
    # Those that the alert goes on about, too.
    lasting = AnyOf((OneOf("status", ACTIVE_STATUSES), Range(ENDED, gte=since)))
    given_lasting = {"or": [{"status": {"in": _RUNNING_STATUSES}}, {"completedAt": {"gte": at(since)}}]}
    limited, given = _limited(limits, rows)
    newest = max(rows, key=lambda row: str(row.get(STARTED) or row.get(CREATED) or ""))
    newest_id: Any = newest.get("execution_id")
    return Finding(
        group,
        f"{run} longer than {limit}.",
        value=float(count),
        count=count,
        where=watched.about(group, limited, lasting),
        given=watched.given_about(group, given, given_lasting),
        newest_execution_id=newest_id if isinstance(newest_id, str) else None,
    )


def _limited(limits: Limits, rows: Sequence[Row]) -> tuple[Filter, dict[str, Any]]:
    """The condition of being longer than the limit, and the same as a filter of the API."""
    if limits.of_all is not None:
        return HasRunFor(gt=limits.of_all), {"durationSeconds": {"gt": limits.of_all}}
    names = dict.fromkeys(name for row in rows if isinstance(name := row.get("workflow_name"), str))
    found = [(name, (limits.of_workflow or {})[name]) for name in list(names)[:_SHOWN_WORKFLOWS]]
    given = [{"workflowName": {"eq": name}, "durationSeconds": {"gt": limit}} for name, limit in found]
    conditions = [all_of(equals("workflow_name", name), HasRunFor(gt=limit)) for name, limit in found]
    return AnyOf(tuple(conditions)), {"or": given}

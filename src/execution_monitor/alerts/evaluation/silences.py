"""Silences: which groups have had no new execution for so long, or by the time that a schedule expects one."""

import time
from datetime import datetime, timedelta

from execution_monitor.alerts.conditions import Silence
from execution_monitor.alerts.evaluation.ended import shown_seconds
from execution_monitor.alerts.evaluation.watched import Watched
from execution_monitor.alerts.groups import ALL_TOGETHER, AlertGroup, group_of, group_of_error
from execution_monitor.alerts.lifecycle import Finding
from execution_monitor.lru_cache import LruCache
from execution_monitor.statistics.group_sums import GroupSums
from execution_monitor.statistics.questions import Question
from execution_monitor.statistics.requests import GroupsRequest, StatisticsRequest
from execution_monitor.statistics.service import Statistics
from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import Range, all_of

# A group of which nothing was created for longer is known no more.
KNOWN_FOR = timedelta(days=30)
# An execution that is stamped so much before the time of a schedule, by another clock, is the one for that time.
EARLY = timedelta(seconds=60)
_KNOWN_SECONDS = 300.0
_MAX_QUESTIONS = 200
_ONE_SECOND = timedelta(seconds=1)
# Of a schedule whose times are further apart, none is looked for.
_LONGEST = timedelta(days=3_000)


class Silences:
    """Measures silences; it remembers for some minutes which groups there are."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics
        self._sums = GroupSums(statistics.reader)
        self._known: LruCache[tuple[float, frozenset[AlertGroup]]] = LruCache(_MAX_QUESTIONS)

    async def find(self, watched: Watched, condition: Silence, now: datetime) -> list[Finding]:
        """The groups in which none was created in time."""
        start = last_start(condition, now)
        if start is None:
            return []
        if watched.by is None:
            created = all_of(watched.population.bind(now), Range(CREATED, gt=start))
            found = await self._statistics.reader.read_some(Execution, created, frozenset({"_id"}), limit=1)
            silent = [] if found else [ALL_TOGETHER]
        else:
            present = await self._groups(watched, start, now)
            silent = sorted(await self._known_groups(watched, start, now) - present, key=lambda each: each.key)
        return [silence_finding(watched, condition, group) for group in silent]

    async def _known_groups(self, watched: Watched, start: datetime, now: datetime) -> frozenset[AlertGroup]:
        key = (watched.key, watched.by)
        known = self._known.get(key)
        if known is None or time.monotonic() - known[0] >= _KNOWN_SECONDS:
            groups = await self._groups(watched, min(now - KNOWN_FOR, start - KNOWN_FOR), now)
            known = (time.monotonic(), groups)
            self._known.put(key, known)
        return known[1]

    async def _groups(self, watched: Watched, since: datetime, now: datetime) -> frozenset[AlertGroup]:
        """The groups of what was created after `since`."""
        created = Range(CREATED, gt=since)
        if watched.by is None or watched.by.field is None:
            errors = await self._sums.by_error(all_of(watched.population.bind(now), created))
            return frozenset(group_of_error(each) for each in errors)
        request = StatisticsRequest(
            all_of(watched.where, created), totals=None, groups=(GroupsRequest(watched.by.field),)
        )
        tables = await self._statistics.add_up(Question.within(watched.visible, request, now))
        found = tables.by_group.get(watched.by.field, {})
        return frozenset(group_of(watched.by, key) for key, each in found.items() if each.count)


def last_start(condition: Silence, now: datetime) -> datetime | None:
    """The time after which one must have been created for the condition not to be met at `now`; None for any time.

    If the last one was created at that time or before, the next one is overdue: the later it was, the later that is.
    """
    if condition.cron is None:
        return now - timedelta(seconds=condition.every_seconds or 0)
    earlier = timedelta(minutes=1)
    while not _is_overdue(condition, now - earlier, now):
        if earlier > _LONGEST:
            return None
        earlier *= 2
    # Between these is the last time of the schedule by which one had to be there.
    overdue, recent = now - earlier, now
    while recent - overdue > _ONE_SECOND:
        middle = overdue + (recent - overdue) / 2
        if _is_overdue(condition, middle, now):
            overdue = middle
        else:
            recent = middle
    # The times of a schedule are whole minutes.
    return recent.replace(second=0, microsecond=0) - EARLY


def _is_overdue(condition: Silence, last: datetime, now: datetime) -> bool:
    due = condition.due_after(last)
    return due is not None and due <= now


def silence_finding(watched: Watched, condition: Silence, group: AlertGroup) -> Finding:
    """What is found of a group in which none was created in time."""
    if condition.cron is None:
        summary = f"None was created for {shown_seconds(condition.every_seconds or 0)}."
    else:
        summary = f'None was created by the time that "{condition.cron}" in {condition.time_zone} expects.'
    return Finding(group, summary, where=watched.about(group), given=watched.given_about(group))

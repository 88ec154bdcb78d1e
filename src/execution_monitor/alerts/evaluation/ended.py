"""Rates and sums: what the executions that ended within a window say of a rule's condition, group by group."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from execution_monitor.alerts.conditions import FAILURES, AlertMeasure, Rate, Sum
from execution_monitor.alerts.evaluation.watched import Watched, at
from execution_monitor.alerts.groups import ALL_TOGETHER, AlertGroup, GroupBy, group_of, group_of_error
from execution_monitor.alerts.lifecycle import Finding
from execution_monitor.statistics.group_sums import GroupSum, GroupSums
from execution_monitor.storage.filters import Filter, Range, all_of

ENDED = "completed_at"
_GIVEN_FAILURES = {"status": {"in": ["FAILED", "TIMED_OUT"]}}


@dataclass(frozen=True, slots=True)
class EndedWithin:
    """Measures rates and sums; every method raises `QueryTimeout` where there is too much to read."""

    sums: GroupSums

    async def rate(self, watched: Watched, condition: Rate, now: datetime) -> list[Finding]:
        """The groups of which too many match, those with most first."""
        since = now - timedelta(seconds=condition.window_seconds)
        ended = all_of(watched.population.bind(now), Range(ENDED, gte=since))
        matching = await self._by_group(all_of(ended, condition.match.bind(now)), watched.by)
        totals = dict[AlertGroup, GroupSum]()
        total = GroupSum()
        if condition.share_above is not None and matching:
            # Of an error group, all that ended: those in it are always failures.
            if watched.by in (None, GroupBy.ERROR_GROUP):
                total = await self.sums.of_ended(ended)
            else:
                totals = await self._by_group(ended, watched.by)
        return [
            rate_finding(watched, condition, group, (each.count, totals.get(group, total).count), since)
            for group, each in matching.items()
            if condition.is_met_by(each.count, max(each.count, totals.get(group, total).count))
        ]

    async def sum(self, watched: Watched, condition: Sum, now: datetime) -> list[Finding]:
        """The groups that add up to too much, the greatest first."""
        since = now - timedelta(seconds=condition.window_seconds)
        ended = all_of(watched.population.bind(now), Range(ENDED, gte=since))
        found = await self._by_group(ended, watched.by)
        findings = [
            sum_finding(watched, condition, group, (amount, each.count), since)
            for group, each in found.items()
            if (amount := _amount_of(condition.of, each)) > condition.above
        ]
        return sorted(findings, key=lambda each: -(each.value or 0))

    async def _by_group(self, where: Filter, by: GroupBy | None) -> dict[AlertGroup, GroupSum]:
        if by is None:
            found = await self.sums.of_ended(where)
            return {ALL_TOGETHER: found} if found.count else {}
        if by.field is None:
            return _named(
                {group_of_error(key): each for key, each in (await self.sums.of_ended_by_error(where)).items()}
            )
        return _named({group_of(by, key): each for key, each in (await self.sums.of_ended_by(where, by.field)).items()})


def _named(found: Mapping[AlertGroup, GroupSum]) -> dict[AlertGroup, GroupSum]:
    return dict(sorted(found.items(), key=lambda each: (-each[1].count, each[0].key)))


def _amount_of(measure: AlertMeasure, found: GroupSum) -> float:
    return found.cost if measure is AlertMeasure.COST else float(found.tokens)


def rate_finding(
    watched: Watched, condition: Rate, group: AlertGroup, counts: tuple[int, int], since: datetime
) -> Finding:
    """What is found of a group of which so many match, among so many that ended from `since` on."""
    matching, ended = counts
    has_default = condition.match == FAILURES
    what = "failed or timed out" if has_default else "matched"
    window = shown_seconds(condition.window_seconds)
    if condition.share_above is None:
        value = float(matching)
        summary = f"{_executions(matching)} that ended within {window} {what}."
    else:
        value = matching / max(ended, 1)
        summary = f"{matching:,} of {_executions(ended)} ({value:.1%}) that ended within {window} {what}."
    given = _GIVEN_FAILURES if has_default else watched.given_match
    return Finding(
        group,
        summary,
        value=value,
        count=matching,
        where=watched.about(group, condition.match, Range(ENDED, gte=since)),
        given=watched.given_about(group, given, _given_since(since)),
    )


def sum_finding(
    watched: Watched, condition: Sum, group: AlertGroup, found: tuple[float, int], since: datetime
) -> Finding:
    """What is found of a group that adds up to an amount, in so many executions that ended from `since` on."""
    amount, count = found
    window = shown_seconds(condition.window_seconds)
    what = f"{amount:,.2f} in cost" if condition.of is AlertMeasure.COST else f"{amount:,.0f} tokens"
    return Finding(
        group,
        f"{_executions(count)} that ended within {window} used {what}.",
        value=amount,
        count=count,
        where=watched.about(group, Range(ENDED, gte=since)),
        given=watched.given_about(group, _given_since(since)),
    )


def _given_since(since: datetime) -> dict[str, dict[str, str]]:
    return {"completedAt": {"gte": at(since)}}


def _executions(count: int) -> str:
    return "1 execution" if count == 1 else f"{count:,} executions"


def shown_seconds(seconds: float) -> str:
    """A length of time for people, in the largest unit of which it has whole ones."""
    for length, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= length and seconds % length == 0:
            count = int(seconds // length)
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{seconds:g} seconds"

"""A preview finds what looking every 15 seconds would have found, one time after another."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from execution_monitor.alerts.conditions import AlertMeasure, Condition, Rate, Silence, Sum
from execution_monitor.alerts.evaluation.durations import OVERLAP
from execution_monitor.alerts.evaluation.watched import Watched
from execution_monitor.alerts.groups import AlertGroup, GroupBy, groups_of
from execution_monitor.alerts.lifecycle import Finding, decide
from execution_monitor.alerts.past_changes import changes_of_durations, changes_of_ended, changes_of_silence
from execution_monitor.alerts.simulation import EVERY, Change, SimulatedAlert, simulate
from execution_monitor.storage.filters import EVERYTHING
from tests.live.factories import execution

START = datetime(2026, 7, 1, tzinfo=UTC)
NOW = START + timedelta(minutes=20)
LOOKS = [START + number * EVERY for number in range((NOW - START) // EVERY + 1)]
HOLDS = st.sampled_from([timedelta(), timedelta(seconds=20), timedelta(seconds=60)])
SECONDS = st.integers(0, 1_199)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def ended(seconds: int, status: str, workflow: str, cost: float) -> dict[str, Any]:
    tokens = int(cost)
    row = execution(completed_at=at(seconds), status=status, workflow_name=workflow)
    return {**row, "total_cost": cost, "tokens_used": tokens}


def run(begin: int, length: int, *, ends: bool) -> dict[str, Any]:
    if not ends:
        return execution(started_at=at(begin))
    ended_at = at(begin + length)
    return execution(started_at=at(begin), status="completed", completed_at=ended_at, total_duration=float(length))


WORKFLOWS, COSTS = st.sampled_from(["a", "b"]), st.sampled_from([1.0, 2.0])
ROWS = st.lists(st.builds(ended, SECONDS, st.sampled_from(["completed", "failed"]), WORKFLOWS, COSTS), max_size=25)


def looked_at(find: Callable[[datetime], list[AlertGroup]], hold: timedelta) -> list[SimulatedAlert]:
    """The alerts of whoever looks at each time, without their values."""
    found, fired, pending = list[SimulatedAlert](), dict[str, tuple[AlertGroup, datetime]](), dict[str, datetime]()
    for now in LOOKS:
        decision = decide(list(fired), pending, [Finding(group, "met") for group in find(now)], hold, now)
        for each in decision.opened:
            fired[each.group.key] = (each.group, now)
        for key in decision.resolved:
            group, since = fired.pop(key)
            found.append(SimulatedAlert(group.name, since, now, None))
        pending = dict(decision.pending)
    found += [SimulatedAlert(group.name, since, None, None) for group, since in fired.values()]
    return sorted(found, key=lambda each: (each.fired_at, each.group or ""))


def simulated(changes: list[Change], hold: timedelta) -> list[SimulatedAlert]:
    return [
        SimulatedAlert(each.group, each.fired_at, each.resolved_at, None)
        for each in simulate(changes, hold, START, NOW)
    ]


CONDITIONS = st.sampled_from(
    [
        Rate(60, count_above=1),
        Rate(90, share_above=0.5, minimum_ended=2),
        Rate(60, share_above=0.2, count_above=2, minimum_ended=1),
        Sum(AlertMeasure.COST, 75, 3.5),
        Sum(AlertMeasure.TOKENS, 60, 1),
    ]
)


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, condition=CONDITIONS, by=st.sampled_from([None, GroupBy.WORKFLOW_NAME, GroupBy.TAG]), hold=HOLDS)
def test_rates_and_sums(rows: list[dict[str, Any]], condition: Rate | Sum, by: GroupBy | None, hold: timedelta):
    def find(now: datetime) -> list[AlertGroup]:
        length = timedelta(seconds=condition.window_seconds)
        within = [row for row in rows if now - length <= row["completed_at"] <= now]
        groups = dict.fromkeys(group for row in within for group in groups_of(by, row))
        return [group for group in groups if is_met([row for row in within if group in groups_of(by, row)])]

    def is_met(those: list[dict[str, Any]]) -> bool:
        if isinstance(condition, Rate):
            failed = sum(row["status"] == "failed" for row in those)
            return failed > 0 and condition.is_met_by(failed, len(those))
        return sum(row["total_cost"] for row in those) > condition.above

    watched = Watched(EVERYTHING, EVERYTHING, condition, by)

    assert simulated(list(changes_of_ended(watched, condition, rows)), hold) == looked_at(find, hold)


@settings(max_examples=100, deadline=None)
@given(times=st.lists(SECONDS.map(at), max_size=8), every=st.sampled_from([60, 100, 300]), hold=HOLDS)
def test_silences(times: list[datetime], every: int, hold: timedelta):
    group, condition = AlertGroup("", None), Silence(every_seconds=every)
    known = [START - timedelta(seconds=30), *sorted(times)]

    def find(now: datetime) -> list[AlertGroup]:
        return [] if any(now - timedelta(seconds=every) < time <= now for time in known) else [group]

    changes = list(changes_of_silence(condition, {group: known}, START))

    assert simulated(changes, hold) == looked_at(find, hold)


RUNS = st.lists(st.tuples(st.integers(-300, 1_100), st.integers(1, 500), st.booleans()), max_size=8)


@settings(max_examples=100, deadline=None)
@given(runs=RUNS, limit=st.sampled_from([30.0, 100.0]), hold=HOLDS)
def test_durations(runs: list[tuple[int, int, bool]], limit: float, hold: timedelta):
    rows = [run(begin, length, ends=ends) for begin, length, ends in runs]

    def find(now: datetime) -> list[AlertGroup]:
        return [AlertGroup("", None)] if any(is_seen(row, now) for row in rows) else []

    def is_seen(row: dict[str, Any], now: datetime) -> bool:
        # What has ended was seen for as long as by the look before, and what that could not see yet.
        ended = row.get("completed_at")
        runs_until = now if ended is None or ended > now else ended
        is_longer = (runs_until - row["started_at"]).total_seconds() > limit
        return is_longer and (ended is None or ended >= now - EVERY - OVERLAP)

    condition: Condition = Rate(60, count_above=0)
    watched = Watched(EVERYTHING, EVERYTHING, condition)
    changes = list(changes_of_durations(watched, lambda _, __: limit, rows, NOW))

    assert simulated(changes, hold) == looked_at(find, hold)

"""A preview says which alerts a rule would have had, from what executions are now."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_monitor.alerts.conditions import AlertMeasure, Condition, Duration, Event, Rate, Silence, Sum
from execution_monitor.alerts.evaluation.watched import Watched
from execution_monitor.alerts.groups import GroupBy
from execution_monitor.alerts.preview import Preview
from execution_monitor.alerts.simulation import SimulatedAlert
from execution_monitor.errors import BadUserInput
from execution_monitor.storage.alert_documents import AlertNotification
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import EVERYTHING, Filter, all_of, equals
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.relative_filters import Within
from tests.alerts.alerting import FAILED
from tests.live.factories import execution

NOW = datetime(2026, 7, 8, 12, tzinfo=UTC)
IN_ACME = equals("tenant_id", "acme")
ZERO = timedelta()


def ago(**lengths: float) -> datetime:
    return NOW - timedelta(**lengths)


async def store(database: Database, *runs: dict[str, Any]) -> None:
    rows = [
        execution(f"run-{number}", **{"created": run.get("completed_at", NOW), **run})
        for number, run in enumerate(runs)
    ]
    await database.collection(Execution).insert_many(rows)


async def preview(  # noqa: PLR0913 - what is previewed
    database: Database,
    condition: Condition,
    *,
    by: GroupBy | None = None,
    where: Filter = EVERYTHING,
    visible: Filter = IN_ACME,
    hold: timedelta = ZERO,
    days: int = 7,
    most: int = 50_000,
) -> Sequence[SimulatedAlert]:
    reading = Preview(Reader(database, 5_000, clock=lambda: NOW), most)
    return await reading.find(Watched(visible, where, condition, by), hold, days)


def ended(status: str, at: datetime, **fields: Any) -> dict[str, Any]:
    return {"status": status, "completed_at": at, "updated": at, **fields}


async def test_rates_fire_while_too_many_of_the_window_match(database: Database):
    begin = ago(hours=5)
    await store(
        database,
        ended("failed", begin),
        ended("completed", begin + timedelta(seconds=10)),
        ended("failed", begin + timedelta(seconds=30)),
        ended("completed", begin + timedelta(seconds=95)),
        ended("failed", ago(days=8)),
        ended("failed", begin, tenant_id="globex"),
        {"status": "failed", "completed_at": None},
    )
    rate = Rate(300, share_above=0.5, minimum_ended=3)

    (alert,) = await preview(database, rate)
    held = await preview(database, rate, hold=timedelta(seconds=60))
    too_long = await preview(database, rate, hold=timedelta(seconds=90))

    # 2 of 3, until there are 2 of 4.
    assert alert == SimulatedAlert(None, begin + timedelta(seconds=30), begin + timedelta(seconds=105), 2 / 3)
    assert [each.fired_at for each in held] == [begin + timedelta(seconds=90)]
    assert too_long == []


async def test_groups_have_alerts_of_their_own(database: Database):
    begin = ago(hours=5)
    error = {"code": "E1", "message": "lost 17 rows"}
    await store(
        database,
        ended("failed", begin, workflow_name="load", error_details=error),
        ended("failed", begin + timedelta(minutes=10), workflow_name="train", error_details=error),
        ended("completed", begin, workflow_name="train"),
    )

    by_workflow = await preview(database, Rate(300, count_above=0), by=GroupBy.WORKFLOW_NAME)
    by_error = await preview(database, Rate(300, share_above=0.6, minimum_ended=1), by=GroupBy.ERROR_GROUP)

    assert [(each.group, each.fired_at) for each in by_workflow] == [
        ("load", begin),
        ("train", begin + timedelta(minutes=10)),
    ]
    # Of the two that ended at first, one.
    assert [(each.group, each.fired_at, each.value) for each in by_error] == [
        ("E1: lost … rows", begin + timedelta(minutes=10), 1.0)
    ]


async def test_sums_have_the_highest_value_that_they_reached(database: Database):
    begin = ago(hours=5)
    costs = [3.0, 4.0, 1.0]
    await store(
        database,
        *(ended("completed", begin + timedelta(minutes=n), total_cost=cost) for n, cost in enumerate(costs)),
    )

    (alert,) = await preview(database, Sum(AlertMeasure.COST, 90, 3.5))

    # 7 within the second minute, and 5 behind it.
    assert (alert.fired_at, alert.value) == (begin + timedelta(minutes=1), 7.0)
    assert alert.resolved_at == begin + timedelta(seconds=165)


async def test_silences_last_until_one_is_created(database: Database):
    times = [ago(days=9), ago(days=3), ago(days=1, hours=1), ago(minutes=30)]
    await store(database, *({"created": time} for time in times))

    alerts = await preview(database, Silence(every_seconds=2 * 86_400))
    schedule = await preview(database, Silence(cron="0 12 * * *", grace_seconds=3_600), days=2)
    nothing = await preview(database, Silence(every_seconds=3_600), where=equals("workflow_name", "none"), days=1)

    assert [(each.fired_at, each.resolved_at) for each in alerts] == [(ago(days=7), ago(days=3))]
    assert [(each.fired_at, each.resolved_at) for each in schedule] == [
        (ago(days=1, hours=23), ago(days=1, hours=1)),
        (ago(hours=23), ago(minutes=30)),
    ]
    assert nothing == [SimulatedAlert(None, ago(days=1), None, None)]


async def test_durations_last_while_one_runs_too_long(database: Database):
    await store(
        database,
        ended("completed", ago(hours=1), total_duration=900.0, started_at=ago(hours=1, minutes=15)),
        ended("completed", ago(hours=3), total_duration=500.0),
        {"status": "running", "started_at": ago(minutes=20), "created": ago(minutes=20)},
    )

    alerts = await preview(database, Duration(longer_than_seconds=600))

    assert [(each.fired_at, each.resolved_at, each.value) for each in alerts] == [
        (ago(hours=1, minutes=5) + timedelta(seconds=15), ago(hours=1) + timedelta(seconds=90), 1.0),
        (ago(minutes=10) + timedelta(seconds=15), None, 1.0),
    ]


async def test_percentiles_are_those_of_the_workflow_before_each_hour(database: Database):
    runs = [ended("completed", ago(days=2, minutes=n), total_duration=float(n)) for n in range(1, 101)]
    slow = {"total_duration": 3_600.0, "started_at": ago(hours=6)}
    await store(
        database,
        *({**run, "created": ago(days=2)} for run in runs),
        {**ended("completed", ago(hours=5), **slow), "created": ago(hours=6)},
        {**ended("completed", ago(hours=5), workflow_name="rare", **slow), "created": ago(hours=6)},
    )

    alerts = await preview(database, Duration(longer_than_percentile=95), by=GroupBy.WORKFLOW_NAME, days=1)

    # Longer than 95 s, within 1 %.
    assert [each.group for each in alerts] == ["ingest"]
    assert abs((alerts[0].fired_at - ago(hours=6)).total_seconds() - 105) <= 15


async def test_events_are_one_alert_until_none_has_matched_for_ten_minutes(database: Database):
    begin = ago(hours=5)
    await store(
        database,
        *(ended("failed", begin + timedelta(minutes=n)) for n in (0, 8, 30)),
        {"status": "paused", "created": ago(hours=2), "updated": ago(hours=1)},
    )

    failed = await preview(database, Event(FAILED))
    paused = await preview(database, Event(equals("status", "paused")), hold=timedelta(minutes=20))

    assert [(each.fired_at, each.resolved_at, each.value) for each in failed] == [
        (begin, begin + timedelta(minutes=18), 2.0),
        (begin + timedelta(minutes=30), begin + timedelta(minutes=40), 1.0),
    ]
    assert [(each.fired_at, each.resolved_at) for each in paused] == [(ago(hours=1), ago(minutes=40))]


async def test_a_preview_reads_what_the_rule_may_see_and_stores_nothing(database: Database):
    await store(
        database,
        ended("failed", ago(hours=1), user_id="ben"),
        ended("failed", ago(hours=2), created=ago(hours=30)),
    )
    own = all_of(IN_ACME, equals("user_id", "ben"))

    seen = await preview(database, Rate(300, count_above=0), visible=own)
    young = await preview(database, Rate(300, count_above=0), where=Within("created", 86_400))

    assert [each.fired_at for each in seen] == [ago(hours=1)]
    assert [each.fired_at for each in young] == [ago(hours=1)]
    assert await database.collection(AlertNotification).find_one({}) is None


@pytest.mark.parametrize(
    ("most", "words"),
    [(20, "with days: 2 there are few enough"), (5, "as many in a single day; watch fewer by the rule's filter")],
)
async def test_too_many_executions_are_refused_with_the_days_that_would_do(database: Database, most: int, words: str):
    await store(database, *(ended("failed", ago(hours=3 * number)) for number in range(40)))

    with pytest.raises(BadUserInput, match=words):
        await preview(database, Rate(300, count_above=0), most=most)


@pytest.mark.parametrize("days", [0, 32])
async def test_a_preview_is_of_1_to_31_days(database: Database, days: int):
    with pytest.raises(BadUserInput, match="days must be from 1 to 31"):
        await preview(database, Rate(300, count_above=0), days=days)

"""Conditions of alert rules: what may be given, how it is stored, and when one fires."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from execution_monitor.alerts.conditions import (
    FAILURES,
    AlertMeasure,
    Condition,
    Duration,
    Event,
    Rate,
    Silence,
    Sum,
    UnreadableCondition,
)
from execution_monitor.errors import BadUserInput
from execution_monitor.storage.filter_codec import encode_filter
from execution_monitor.storage.filters import equals

WEEK = 7 * 86_400
MATCH = equals("workflow_name", "nightly")


def row(kind: str, values: dict[str, Any], match: Any = None) -> dict[str, Any]:
    return {"kind": kind, "condition": {kind: values}, "match": match}


@pytest.mark.parametrize(
    ("stored", "condition"),
    [
        (row("event", {"match": {}}, encode_filter(MATCH)), Event(MATCH)),
        (row("rate", {"windowSeconds": 300, "shareAbove": 0.2}), Rate(300, FAILURES, 0.2)),
        (
            row("rate", {"windowSeconds": 300, "countAbove": 5, "minimumEnded": 3}, encode_filter(MATCH)),
            Rate(300, MATCH, None, 5, 3),
        ),
        (row("duration", {"longerThanSeconds": 1.5}), Duration(1.5)),
        (row("duration", {"longerThanPercentile": 99}), Duration(longer_than_percentile=99)),
        (row("silence", {"everySeconds": 600}), Silence(600)),
        (
            row("silence", {"cron": "0 6 * * *", "timeZone": "Europe/Berlin", "graceSeconds": 60}),
            Silence(cron="0 6 * * *", time_zone="Europe/Berlin", grace_seconds=60),
        ),
        (row("sum", {"of": "COST", "windowSeconds": 3_600, "above": 9}), Sum(AlertMeasure.COST, 3_600, 9)),
    ],
)
def test_a_condition_is_read_from_its_rule(stored: dict[str, Any], condition: Condition):
    assert Condition.read(stored) == condition
    assert condition.kind == stored["kind"]


@pytest.mark.parametrize(
    "stored",
    [
        {},
        {"kind": "flood", "condition": {"flood": {}}},
        {"kind": "rate", "condition": None},
        row("event", {"match": {}}),
        row("event", {"match": {}}, {"filter": "Unknown"}),
        row("rate", {"windowSeconds": "many"}),
        row("rate", {"windowSeconds": 1, "countAbove": 1}),
        row("sum", {"of": "APPLES", "windowSeconds": 60, "above": 1}),
    ],
)
def test_what_is_no_condition_is_not_evaluated(stored: dict[str, Any]):
    with pytest.raises(UnreadableCondition):
        Condition.read(stored)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Rate(59, count_above=1), "windowSeconds must be from 60 to 604,800 (7 days), not 59."),
        (lambda: Rate(WEEK + 1, count_above=1), "windowSeconds must be from 60 to 604,800 (7 days), not 604,801."),
        (lambda: Rate(60), "A rate condition needs shareAbove, countAbove or both."),
        (lambda: Rate(60, share_above=-0.1), "shareAbove must be a share from 0 to less than 1"),
        (lambda: Rate(60, share_above=1.0), "shareAbove must be a share from 0 to less than 1"),
        (lambda: Rate(60, share_above=float("nan")), "shareAbove must be a share from 0 to less than 1"),
        (lambda: Rate(60, count_above=-1), "countAbove must be from 0 to"),
        (lambda: Rate(60, count_above=1, minimum_ended=0), "minimumEnded must be from 1 to"),
        (Duration, "A duration condition needs either longerThanSeconds or longerThanPercentile."),
        (lambda: Duration(1, 95), "A duration condition needs either longerThanSeconds or longerThanPercentile."),
        (lambda: Duration(0), "longerThanSeconds must be more than 0"),
        (lambda: Duration(31 * 86_400 + 1), "longerThanSeconds must be more than 0 and at most 2,678,400 (31 days)"),
        (lambda: Duration(longer_than_percentile=50), "longerThanPercentile must be 95 or 99, not 50."),
        (Silence, "A silence condition needs either everySeconds or cron."),
        (lambda: Silence(60, "* * * * *"), "A silence condition needs either everySeconds or cron."),
        (lambda: Silence(59), "everySeconds must be from 60 to 2,678,400 (31 days), not 59."),
        (lambda: Silence(60, grace_seconds=-1), "graceSeconds must be from 0 to 604,800 (7 days), not -1."),
        (lambda: Silence(60, time_zone="../etc/passwd"), "timeZone must be an IANA name"),
        (lambda: Sum(AlertMeasure.COST, 59, 1), "windowSeconds must be from 60 to 604,800 (7 days), not 59."),
        (lambda: Sum(AlertMeasure.TOKENS, 60, -1), "above must be 0 or more, not -1."),
        (lambda: Sum(AlertMeasure.TOKENS, 60, float("inf")), "above must be 0 or more, not inf."),
    ],
)
def test_a_wrong_condition_is_refused_with_what_is_right(make: Callable[[], Condition], message: str):
    with pytest.raises(BadUserInput) as refused:
        make()

    assert refused.value.message.startswith(message)


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "every day",
        "* * * *",
        "0 0 6 * * *",  # with seconds
        "60 * * * *",
        "*/0 * * * *",
        "5-1 * * * *",
        "0 0 30 2 *",  # there is no such day
        "1#2/3 * * * *",
        "L/2 * * * *",
        "²  * * * *",
        "0 0 1 1 " + "1," * 60 + "1",
    ],
)
def test_a_wrong_schedule_is_refused(cron: str):
    with pytest.raises(BadUserInput, match="cron must be an expression of five fields"):
        Silence(cron=cron)


@pytest.mark.parametrize(
    ("condition", "matching", "ended", "is_met"),
    [
        (Rate(60, share_above=0.2), 3, 10, True),
        (Rate(60, share_above=0.2), 2, 10, False),
        (Rate(60, share_above=0.2), 9, 9, False),  # too few ended
        (Rate(60, share_above=0.2, minimum_ended=9), 9, 9, True),
        (Rate(60, share_above=0), 0, 10, False),
        (Rate(60, count_above=2), 3, 3, True),
        (Rate(60, count_above=2), 2, 30, False),
        (Rate(60, share_above=0.2, count_above=5), 6, 10, True),
        (Rate(60, share_above=0.2, count_above=5), 5, 10, False),
        (Rate(60, share_above=0.2, count_above=5), 6, 30, False),
        (Rate(60, share_above=0, minimum_ended=1), 0, 0, False),
    ],
)
def test_a_rate_fires_above_its_share_and_number(condition: Rate, matching: int, ended: int, *, is_met: bool):
    assert condition.is_met_by(matching, ended) is is_met


@pytest.mark.parametrize(
    ("condition", "last", "due"),
    [
        (Silence(600), datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 12, 10, tzinfo=UTC)),
        # Six in the morning of Berlin is four in summer and five in winter, and the grace is five minutes.
        (
            Silence(cron="0 6 * * *", time_zone="Europe/Berlin"),
            datetime(2026, 7, 1, 12, tzinfo=UTC),
            datetime(2026, 7, 2, 4, 5, tzinfo=UTC),
        ),
        (
            Silence(cron="0 6 * * *", time_zone="Europe/Berlin"),
            datetime(2026, 12, 1, 12, tzinfo=UTC),
            datetime(2026, 12, 2, 5, 5, tzinfo=UTC),
        ),
        # An hour that the change to summer time leaves out.
        (
            Silence(cron="30 2 * * *", time_zone="Europe/Berlin", grace_seconds=0),
            datetime(2026, 3, 28, 12, tzinfo=UTC),
            datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
        ),
        (
            Silence(cron="*/15 * * * *", grace_seconds=0),
            datetime(2026, 1, 1, 12, 0, 0, 1, tzinfo=UTC),
            datetime(2026, 1, 1, 12, 15, tzinfo=UTC),
        ),
    ],
)
def test_a_silence_is_due_after_its_time_or_by_its_schedule(condition: Silence, last: datetime, due: datetime):
    assert condition.due_after(last) == due

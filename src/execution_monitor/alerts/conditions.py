"""Conditions of alert rules: when a rule fires, with the bounds of what may be given.

A condition is checked when it is made. It is stored as its owner wrote it, with its `match` as a stored filter beside.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from cronsim import CronSim, CronSimError
from typing_extensions import override

from execution_monitor.errors import BadUserInput
from execution_monitor.statistics.time_buckets import time_zone
from execution_monitor.storage.alert_documents import ConditionKind
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.filter_codec import UnreadableFilter, decode_filter
from execution_monitor.storage.filters import Filter, OneOf

FAILURES = OneOf("status", (ExecutionStatus.FAILED.value, ExecutionStatus.TIMED_OUT.value))
MIN_SECONDS = 60
MAX_WINDOW_SECONDS = 7 * 86_400
# Of what is expected once a month, and of runs that take weeks.
MAX_SILENCE_SECONDS = 31 * 86_400
MAX_DURATION_SECONDS = 31 * 86_400
MAX_GRACE_SECONDS = 7 * 86_400
MAX_COUNT = 2**31 - 1
DEFAULT_MINIMUM_ENDED = 10
DEFAULT_GRACE_SECONDS = 300
PERCENTILES = (95, 99)
# What a percentile of a workflow is of, and from how many runs on it says anything.
PERCENTILE_DAYS = 7
PERCENTILE_RUNS = 100
_MAX_CRON = 100
_CRON_FIELDS = 5


class UnreadableCondition(Exception):
    """What is stored is no condition that this version knows."""


class AlertMeasure(StrEnum):
    """What is added up; the values are stored."""

    COST = "COST"
    TOKENS = "TOKENS"


class Condition(ABC):
    """When a rule fires."""

    kind: ClassVar[ConditionKind]

    @classmethod
    @abstractmethod
    def _of(cls, values: Mapping[str, Any], match: Filter | None) -> "Condition":
        """The condition with these values, by the names of the API."""

    @staticmethod
    def read(rule: Mapping[str, Any]) -> "Condition":
        """The condition of a stored `rule`, from its `kind`, `condition` and `match`.

        Raises:
            UnreadableCondition: It cannot be read, so that the rule cannot be evaluated.
        """
        try:
            kind = ConditionKind(rule["kind"])
            values = rule["condition"][kind.value]
            match = None if rule.get("match") is None else decode_filter(rule["match"])
            return _CLASSES[kind]._of(values, match)  # noqa: SLF001 - of its own subclasses
        except (UnreadableFilter, BadUserInput, KeyError, TypeError, ValueError) as error:
            raise UnreadableCondition from error


@dataclass(frozen=True, slots=True)
class Event(Condition):
    """An execution of the population starts to match."""

    match: Filter
    kind: ClassVar[ConditionKind] = ConditionKind.EVENT

    @classmethod
    @override
    def _of(cls, values: Mapping[str, Any], match: Filter | None) -> "Event":
        if match is None:
            raise BadUserInput("An event condition needs a match.")
        return cls(match)


@dataclass(frozen=True, slots=True)
class Rate(Condition):
    """Many of those that ended within the window match: in share, in number, or in both where both are given.

    Attributes:
        match: which of those that ended.
        window_seconds: how long before now they ended at most.
        share_above: fires when more than this part of them matches, provided that at least `minimum_ended` ended.
        count_above: fires when more than so many match.
        minimum_ended: fewer say nothing about a share.
    """

    window_seconds: int
    match: Filter = FAILURES
    share_above: float | None = None
    count_above: int | None = None
    minimum_ended: int = DEFAULT_MINIMUM_ENDED
    kind: ClassVar[ConditionKind] = ConditionKind.RATE

    def __post_init__(self) -> None:
        _check_within("windowSeconds", self.window_seconds, MIN_SECONDS, MAX_WINDOW_SECONDS)
        if self.share_above is None and self.count_above is None:
            raise BadUserInput("A rate condition needs shareAbove, countAbove or both.")
        # Not even all of them are more than 1.
        if self.share_above is not None and not 0 <= self.share_above < 1:
            raise BadUserInput(
                f"shareAbove must be a share from 0 to less than 1, such as 0.2 for 20 %, not {self.share_above}."
            )
        if self.count_above is not None:
            _check_within("countAbove", self.count_above, 0, MAX_COUNT)
        _check_within("minimumEnded", self.minimum_ended, 1, MAX_COUNT)

    def is_met_by(self, matching: int, ended: int) -> bool:
        """Whether it fires where `matching` of the `ended` match."""
        if self.share_above is not None and (ended < self.minimum_ended or matching <= self.share_above * ended):
            return False
        return self.count_above is None or matching > self.count_above

    @classmethod
    @override
    def _of(cls, values: Mapping[str, Any], match: Filter | None) -> "Rate":
        return cls(
            values["windowSeconds"],
            FAILURES if match is None else match,
            values.get("shareAbove"),
            values.get("countAbove"),
            values.get("minimumEnded", DEFAULT_MINIMUM_ENDED),
        )


@dataclass(frozen=True, slots=True)
class Duration(Condition):
    """One runs longer than so many seconds, or than a percentile of its workflow: one of the two is given.

    A percentile is of the workflow's runs of 7 days, of which there must be at least 100.
    """

    longer_than_seconds: float | None = None
    longer_than_percentile: int | None = None
    kind: ClassVar[ConditionKind] = ConditionKind.DURATION

    def __post_init__(self) -> None:
        if (self.longer_than_seconds is None) == (self.longer_than_percentile is None):
            raise BadUserInput("A duration condition needs either longerThanSeconds or longerThanPercentile.")
        if self.longer_than_seconds is not None and not 0 < self.longer_than_seconds <= MAX_DURATION_SECONDS:
            raise BadUserInput(
                f"longerThanSeconds must be more than 0 and at most {MAX_DURATION_SECONDS:,} (31 days), "
                f"not {self.longer_than_seconds:,}."
            )
        if self.longer_than_percentile is not None and self.longer_than_percentile not in PERCENTILES:
            raise BadUserInput(f"longerThanPercentile must be 95 or 99, not {self.longer_than_percentile}.")

    @classmethod
    @override
    def _of(cls, values: Mapping[str, Any], match: Filter | None) -> "Duration":
        return cls(values.get("longerThanSeconds"), values.get("longerThanPercentile"))


@dataclass(frozen=True, slots=True)
class Silence(Condition):
    """None was created for so long, or by the time of a schedule and its grace: one of the two is given.

    Attributes:
        every_seconds: how long after the last one.
        cron: a cron expression of five fields, whose times are those of the time zone.
        time_zone: the IANA name of a time zone.
        grace_seconds: how long after a time of the schedule one may be created.
    """

    every_seconds: int | None = None
    cron: str | None = None
    time_zone: str = "UTC"
    grace_seconds: int = DEFAULT_GRACE_SECONDS
    kind: ClassVar[ConditionKind] = ConditionKind.SILENCE

    def __post_init__(self) -> None:
        if (self.every_seconds is None) == (self.cron is None):
            raise BadUserInput("A silence condition needs either everySeconds or cron.")
        if self.every_seconds is not None:
            _check_within("everySeconds", self.every_seconds, MIN_SECONDS, MAX_SILENCE_SECONDS)
        _check_within("graceSeconds", self.grace_seconds, 0, MAX_GRACE_SECONDS)
        time_zone(self.time_zone)
        if self.cron is not None:
            _check_cron(self.cron, self.time_zone)

    def due_after(self, last: datetime) -> datetime | None:
        """When the next one must have been created, the last one at `last`, in UTC; None for never again."""
        if self.cron is None:
            return last + timedelta(seconds=self.every_seconds or 0)
        expected = _next_time(self.cron, self.time_zone, last)
        return None if expected is None else expected + timedelta(seconds=self.grace_seconds)

    @classmethod
    @override
    def _of(cls, values: Mapping[str, Any], match: Filter | None) -> "Silence":
        return cls(
            values.get("everySeconds"),
            values.get("cron"),
            values.get("timeZone", "UTC"),
            values.get("graceSeconds", DEFAULT_GRACE_SECONDS),
        )


@dataclass(frozen=True, slots=True)
class Sum(Condition):
    """What those that ended within the window add up to is more than `above`."""

    of: AlertMeasure
    window_seconds: int
    above: float
    kind: ClassVar[ConditionKind] = ConditionKind.SUM

    def __post_init__(self) -> None:
        _check_within("windowSeconds", self.window_seconds, MIN_SECONDS, MAX_WINDOW_SECONDS)
        if not 0 <= self.above < math.inf:
            raise BadUserInput(f"above must be 0 or more, not {self.above}.")

    @classmethod
    @override
    def _of(cls, values: Mapping[str, Any], match: Filter | None) -> "Sum":
        return cls(AlertMeasure(values["of"]), values["windowSeconds"], values["above"])


_CLASSES: Mapping[ConditionKind, type[Condition]] = {each.kind: each for each in (Event, Rate, Duration, Silence, Sum)}


def _check_within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        days = f" ({most // 86_400} days)" if name.endswith("Seconds") else ""
        raise BadUserInput(f"{name} must be from {least:,} to {most:,}{days}, not {value:,}.")


def _check_cron(cron: str, zone: str) -> None:
    try:
        is_wrong = len(cron) > _MAX_CRON or len(cron.split()) != _CRON_FIELDS
        # Of some expressions no time ever comes.
        is_wrong = is_wrong or _next_time(cron, zone, datetime(2024, 1, 1, tzinfo=UTC)) is None
    except (CronSimError, ValueError):
        is_wrong = True
    if is_wrong:
        raise BadUserInput(
            "cron must be an expression of five fields (minute, hour, day of the month, month, day of the week) whose "
            'time comes, such as "0 6 * * 1-5", in at most 100 characters.'
        )


def _next_time(cron: str, zone: str, after: datetime) -> datetime | None:
    found = next(CronSim(cron, after.astimezone(time_zone(zone))), None)
    return None if found is None else found.astimezone(UTC)

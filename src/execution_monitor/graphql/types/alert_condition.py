"""Conditions of alert rules, as they are given."""

from collections.abc import Mapping
from typing import Any

import strawberry
from strawberry import UNSET

from execution_monitor.alerts.conditions import (
    DEFAULT_GRACE_SECONDS,
    DEFAULT_MINIMUM_ENDED,
    FAILURES,
    AlertMeasure,
    Condition,
    Duration,
    Event,
    Rate,
    Silence,
    Sum,
)
from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.inputs.filter_json import json_of
from execution_monitor.graphql.inputs.filters import ExecutionFilter, to_filter


@strawberry.input(
    description=(
        "Fires when an execution of the population starts to match: one that is created, or changes, so that it "
        "matches. Resolves when none has for `forSeconds`, or for 10 minutes if that is longer."
    )
)
class EventConditionInput:
    """The input of an `Event`."""

    match: ExecutionFilter = strawberry.field(description="Which executions.")

    def to_condition(self) -> Condition:
        """The condition."""
        return Event(to_filter(self.match))


@strawberry.input(
    description=(
        "Fires while more of the executions that ended within the window match than a share, or than a number; where "
        "both are given, both must be exceeded."
    )
)
class RateConditionInput:
    """The input of a `Rate`."""

    match: ExecutionFilter | None = strawberry.field(
        default=UNSET, description="Which of them; those that FAILED or TIMED_OUT when absent."
    )
    window_seconds: int = strawberry.field(description="How long ago they ended at most: 60 seconds to 7 days.")
    share_above: float | None = strawberry.field(
        default=UNSET, description="A share from 0 to less than 1, such as 0.2: fires when more match."
    )
    count_above: int | None = strawberry.field(default=UNSET, description="A number: fires when more match.")
    minimum_ended: int = strawberry.field(
        default=DEFAULT_MINIMUM_ENDED, description="`shareAbove` holds only if at least so many ended."
    )

    def to_condition(self) -> Condition:
        """The condition."""
        match = FAILURES if present(self.match) is None else to_filter(present(self.match))
        share, count = present(self.share_above), present(self.count_above)
        return Rate(self.window_seconds, match, share, count, self.minimum_ended)


@strawberry.input(
    description="Fires while an execution runs longer than one of these, and when one ended that had; give one of them."
)
class DurationConditionInput:
    """The input of a `Duration`."""

    longer_than_seconds: float | None = strawberry.field(default=UNSET, description="So many seconds, up to 31 days.")
    longer_than_percentile: int | None = strawberry.field(
        default=UNSET,
        description=(
            "The percentile of its workflow's runs of 7 days: 95 or 99. A workflow of fewer than 100 has none."
        ),
    )

    def to_condition(self) -> Condition:
        """The condition."""
        return Duration(present(self.longer_than_seconds), present(self.longer_than_percentile))


@strawberry.input(
    description="Fires when no execution was created in time; give `everySeconds` or `cron`. Resolves when one is."
)
class SilenceConditionInput:
    """The input of a `Silence`."""

    every_seconds: int | None = strawberry.field(
        default=UNSET, description="How long after the last one at most: 60 seconds to 31 days."
    )
    cron: str | None = strawberry.field(
        default=UNSET,
        description="When one is expected: five fields, such as `0 6 * * 1-5` for six o'clock from Monday to Friday.",
    )
    time_zone: str = strawberry.field(
        default="UTC", description="The IANA name of the time zone of `cron`, such as Europe/Berlin."
    )
    grace_seconds: int = strawberry.field(
        default=DEFAULT_GRACE_SECONDS,
        description="How long after a time of `cron` it may still be created: up to 7 days.",
    )

    def to_condition(self) -> Condition:
        """The condition."""
        return Silence(present(self.every_seconds), present(self.cron), self.time_zone, self.grace_seconds)


@strawberry.input(
    description="Fires while the executions that ended within the window add up to more than a cost or so many tokens."
)
class SumConditionInput:
    """The input of a `Sum`."""

    of: AlertMeasure = strawberry.field(description="What is added up.")
    window_seconds: int = strawberry.field(description="How long ago they ended at most: 60 seconds to 7 days.")
    above: float = strawberry.field(description="Fires when it is more.")

    def to_condition(self) -> Condition:
        """The condition."""
        return Sum(self.of, self.window_seconds, self.above)


@strawberry.input(one_of=True, description="When a rule fires: exactly one of these.")
class AlertConditionInput:
    """One of the inputs of conditions."""

    event: EventConditionInput | None = strawberry.field(default=UNSET, description="An execution starts to match.")
    rate: RateConditionInput | None = strawberry.field(default=UNSET, description="Many of those that ended match.")
    duration: DurationConditionInput | None = strawberry.field(default=UNSET, description="One runs long.")
    silence: SilenceConditionInput | None = strawberry.field(default=UNSET, description="None is created.")
    sum: SumConditionInput | None = strawberry.field(default=UNSET, description="Many cost or take too much.")


def to_condition(given: AlertConditionInput) -> tuple[Condition, Mapping[str, Any]]:
    """The condition, and its JSON with the names of the API.

    Raises:
        BadUserInput: A value is wrong.
    """
    found = [each for each in (given.event, given.rate, given.duration, given.silence, given.sum) if present(each)]
    if len(found) != 1 or found[0] is None:
        raise BadUserInput("A condition is exactly one of event, rate, duration, silence and sum.")
    return found[0].to_condition(), json_of(given) or {}

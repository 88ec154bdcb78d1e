"""The operator inputs of filters: one for each kind of field, and what its operators mean in the filter language."""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry import UNSET

from execution_monitor.executions.executions import stored_statuses
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.inputs.numbers import BigInt
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.error_groups import MAX_GROUPS_IN_FILTER, in_one_of
from execution_monitor.storage.filters import Contains, Filter, HasTag, NoneOf, OneOf, Range, StartsWith, is_null
from execution_monitor.storage.relative_filters import Duration, HasDuration, Within
from execution_monitor.storage.times import has_time, within


def equality_conditions(field: str, operators: Any) -> Iterator[Filter]:
    """Translate `eq`, `in` and `notIn`, where `operators` has them, to conditions on the stored `field`."""
    eq: Any = operators.eq
    one_of: Any = getattr(operators, "in_", None)
    none_of: Any = getattr(operators, "not_in", None)
    if present(eq) is not None:
        yield OneOf(field, (_plain(eq),))
    if present(one_of) is not None:
        yield OneOf(field, tuple(map(_plain, one_of)))
    if present(none_of) is not None:
        yield NoneOf(field, tuple(map(_plain, none_of)))


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _given_bounds(operators: Any) -> dict[str, Any]:
    bounds = {name: getattr(operators, name) for name in ("gt", "gte", "lt", "lte")}
    return {name: value for name, value in bounds.items() if present(value) is not None}


def _bounds(field: str, operators: Any) -> Iterator[Filter]:
    if given := _given_bounds(operators):
        yield Range(field, **given)


def _null(field: str, operators: Any) -> Iterator[Filter]:
    if present(operators.is_null) is not None:
        yield is_null(field, wanted=operators.is_null)


@strawberry.input(description="Conditions on an identifier; all given conditions must hold.")
class IdFilter:
    """Exact matches of text."""

    eq: str | None = strawberry.field(default=UNSET, description="Equals this, case-sensitively.")
    in_: list[str] | None = strawberry.field(
        name="in", default=UNSET, description="Equals one of these; an empty list matches nothing."
    )
    not_in: list[str] | None = strawberry.field(
        default=UNSET, description="Equals none of these; a missing value matches."
    )
    is_null: bool | None = strawberry.field(default=UNSET, description="True: has no value. False: has a value.")

    def conditions(self, field: str) -> Iterator[Filter]:
        """Translate the operators to conditions on the stored `field`."""
        yield from equality_conditions(field, self)
        yield from _null(field, self)


@strawberry.input(description="Conditions on text; all given conditions must hold. No character is a wildcard.")
class StringFilter:
    """Exact and partial matches of text."""

    eq: str | None = strawberry.field(default=UNSET, description="Equals this, case-sensitively.")
    in_: list[str] | None = strawberry.field(
        name="in", default=UNSET, description="Equals one of these; an empty list matches nothing."
    )
    not_in: list[str] | None = strawberry.field(
        default=UNSET, description="Equals none of these; a missing value matches."
    )
    starts_with: str | None = strawberry.field(
        default=UNSET, description="Starts with this, case-sensitively; fast, since an index serves it."
    )
    contains: str | None = strawberry.field(default=UNSET, description="Contains this, in upper or lower case.")
    is_null: bool | None = strawberry.field(default=UNSET, description="True: has no value. False: has a value.")

    def conditions(self, field: str) -> Iterator[Filter]:
        """Translate the operators to conditions on the stored `field`."""
        yield from equality_conditions(field, self)
        if present(self.starts_with) is not None:
            yield StartsWith(field, str(self.starts_with))
        if present(self.contains) is not None:
            yield Contains(field, str(self.contains))
        yield from _null(field, self)


@strawberry.input(description="Conditions on a status; all given conditions must hold.")
class ExecutionStatusFilter:
    """Exact matches of a status."""

    eq: ExecutionStatus | None = strawberry.field(default=UNSET, description="Equals this status.")
    in_: list[ExecutionStatus] | None = strawberry.field(
        name="in", default=UNSET, description="Equals one of these; an empty list matches nothing."
    )
    not_in: list[ExecutionStatus] | None = strawberry.field(default=UNSET, description="Equals none of these.")

    def conditions(self, field: str) -> Iterator[Filter]:
        """Translate the operators to conditions on the stored `field`."""
        for condition in equality_conditions(field, self):
            if isinstance(condition, OneOf | NoneOf):
                yield type(condition)(field, stored_statuses(condition.values))


@strawberry.input(description="Bounds of a time; a missing value lies within none.")
class DateTimeFilter:
    """A range of time."""

    gt: datetime | None = strawberry.field(default=UNSET, description="After this.")
    gte: datetime | None = strawberry.field(default=UNSET, description="At this time or after.")
    lt: datetime | None = strawberry.field(default=UNSET, description="Before this.")
    lte: datetime | None = strawberry.field(default=UNSET, description="At this time or before.")
    within_seconds: int | None = strawberry.field(
        default=UNSET,
        description=(
            "Not longer ago than this many seconds, at least 1; times to come match, too. They are counted back from "
            "the moment at which the first page of a list was read, or from that of the change in live updates."
        ),
    )
    is_null: bool | None = strawberry.field(default=UNSET, description="True: has no value. False: has a value.")

    def conditions(self, field: str) -> Iterator[Filter]:
        """Translate the operators to conditions on the stored `field`."""
        if given := _given_bounds(self):
            yield within(field, **given)
        if self.within_seconds is not UNSET and self.within_seconds is not None:
            yield Within(field, self.within_seconds)
        if present(self.is_null) is not None:
            yield has_time(field, wanted=not self.is_null)


@strawberry.input(description="Bounds of a number; a missing value lies within none.")
class FloatFilter:
    """A range of numbers."""

    gt: float | None = strawberry.field(default=UNSET, description="Greater than this.")
    gte: float | None = strawberry.field(default=UNSET, description="This or greater.")
    lt: float | None = strawberry.field(default=UNSET, description="Less than this.")
    lte: float | None = strawberry.field(default=UNSET, description="This or less.")
    is_null: bool | None = strawberry.field(default=UNSET, description="True: has no value. False: has a value.")

    def conditions(self, field: str) -> Iterator[Filter]:
        """Translate the operators to conditions on the stored `field`."""
        yield from _bounds(field, self)
        yield from _null(field, self)


def duration_condition(stored: Filter) -> Filter:
    """The condition on an execution's duration, from one on the stored field: it counts the time that one has run."""
    match stored:
        case Range():
            return Duration(stored.gt, stored.gte, stored.lt, stored.lte)
        case OneOf():
            return HasDuration(wanted=False)
        case _:
            return HasDuration(wanted=True)


@strawberry.input(description="Conditions on an integer; a missing value meets none.")
class IntFilter:
    """A whole number or a range of them."""

    eq: int | None = strawberry.field(default=UNSET, description="Equals this.")
    gt: int | None = strawberry.field(default=UNSET, description="Greater than this.")
    gte: int | None = strawberry.field(default=UNSET, description="This or greater.")
    lt: int | None = strawberry.field(default=UNSET, description="Less than this.")
    lte: int | None = strawberry.field(default=UNSET, description="This or less.")

    def conditions(self, field: str) -> Iterator[Filter]:
        """Translate the operators to conditions on the stored `field`."""
        yield from equality_conditions(field, self)
        yield from _bounds(field, self)


@strawberry.input(description="Conditions on a whole number beyond 32 bits; a missing value meets none.")
class BigIntFilter:
    """A whole number up to 2^53 or a range of them."""

    eq: BigInt | None = strawberry.field(default=UNSET, description="Equals this.")
    gt: BigInt | None = strawberry.field(default=UNSET, description="Greater than this.")
    gte: BigInt | None = strawberry.field(default=UNSET, description="This or greater.")
    lt: BigInt | None = strawberry.field(default=UNSET, description="Less than this.")
    lte: BigInt | None = strawberry.field(default=UNSET, description="This or less.")

    def conditions(self, field: str) -> Iterator[Filter]:
        """Translate the operators to conditions on the stored `field`."""
        yield from equality_conditions(field, self)
        yield from _bounds(field, self)


@strawberry.input(description="Conditions on the group of failures; all given conditions must hold.")
class ErrorGroupFilter:
    """Groups of failures by their ids."""

    eq: strawberry.ID | None = strawberry.field(
        default=UNSET, description="The `id` of an `ErrorGroup`: it is in this group."
    )
    in_: list[strawberry.ID] | None = strawberry.field(
        name="in",
        default=UNSET,
        description=(
            f"It is in one of these groups, at most {MAX_GROUPS_IN_FILTER}, each of which counts as a condition; an "
            "empty list matches nothing."
        ),
    )

    def conditions(self, field: str) -> Iterator[Filter]:  # noqa: ARG002 - a group has conditions on several fields
        """Translate the groups to conditions."""
        if self.eq is not UNSET and self.eq is not None:
            yield in_one_of([self.eq])
        if self.in_ is not UNSET and self.in_ is not None:
            yield in_one_of([*self.in_])


@strawberry.input(description="A tag with this key and, where given, this value. Combine several with `and` and `or`.")
class TagFilter:
    """One tag."""

    key: str = strawberry.field(description="The key of the tag.")
    value: str | None = strawberry.field(default=UNSET, description="The value of the tag; any value when absent.")

    def conditions(self, field: str) -> Iterator[Filter]:  # noqa: ARG002 - tags have one field
        """Translate the tag to a condition."""
        yield HasTag(self.key, present(self.value))

"""The filter inputs of GraphQL, and their translation to the filter language of `storage`.

Which fields an input has is written in `storage.filter_fields`; each kind of field has one input with its operators.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, TypeVar

import strawberry
from strawberry import UNSET

from execution_monitor.errors import QueryTooComplex
from execution_monitor.executions.executions import stored_statuses
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.filter_fields import EXECUTION_FIELDS, FilterField, FilterKind
from execution_monitor.storage.filters import (
    EVERYTHING,
    AnyOf,
    Contains,
    Filter,
    HasTag,
    NoneOf,
    Not,
    OneOf,
    Range,
    StartsWith,
    all_of,
    is_null,
)

MAX_DEPTH = 10
MAX_CONDITIONS = 200

Input = TypeVar("Input")


def filter_fields(
    fields: Iterable[FilterField], inputs: Mapping[FilterKind, type]
) -> Callable[[type[Input]], type[Input]]:
    """Decorate a class with `fields`, each of the input type of its kind: below `strawberry.input`."""

    def decorate(cls: type[Input]) -> type[Input]:
        for each in fields:
            cls.__annotations__[each.name] = inputs[each.kind] | None
            field = strawberry.field(name=each.name, default=UNSET, description=each.description)
            setattr(cls, each.name, field)
        return cls

    return decorate


def conditions_of(given: object, fields: Iterable[FilterField]) -> Iterator[Iterator[Filter]]:
    """Translate each of `fields` that is present in the input `given`, to its conditions."""
    for each in fields:
        operators = getattr(given, each.name)
        if present(operators) is not None:
            yield operators.conditions(each.stored)


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


def _bounds(field: str, operators: Any) -> Iterator[Filter]:
    bounds = {name: getattr(operators, name) for name in ("gt", "gte", "lt", "lte")}
    given = {name: value for name, value in bounds.items() if present(value) is not None}
    if given:
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
    is_null: bool | None = strawberry.field(default=UNSET, description="True: has no value. False: has a value.")

    def conditions(self, field: str) -> Iterator[Filter]:
        """Translate the operators to conditions on the stored `field`."""
        yield from _bounds(field, self)
        yield from _null(field, self)


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


@strawberry.input(description="A tag with this key and, where given, this value. Combine several with `and` and `or`.")
class TagFilter:
    """One tag."""

    key: str = strawberry.field(description="The key of the tag.")
    value: str | None = strawberry.field(default=UNSET, description="The value of the tag; any value when absent.")

    def conditions(self, field: str) -> Iterator[Filter]:  # noqa: ARG002 - tags have one field
        """Translate the tag to a condition."""
        yield HasTag(self.key, present(self.value))


_INPUTS: Mapping[FilterKind, type] = {
    FilterKind.ID: IdFilter,
    FilterKind.TEXT: StringFilter,
    FilterKind.STATUS: ExecutionStatusFilter,
    FilterKind.TIME: DateTimeFilter,
    FilterKind.NUMBER: FloatFilter,
    FilterKind.INTEGER: IntFilter,
    FilterKind.TAG: TagFilter,
}


@strawberry.input(
    description=("Which executions to return. All given fields must match; an absent or null field matches everything.")
)
@filter_fields(EXECUTION_FIELDS, _INPUTS)
class ExecutionFilter:
    """The filter of executions, for lists and live updates alike; its other fields come from `EXECUTION_FIELDS`."""

    and_: list["ExecutionFilter"] | None = strawberry.field(
        name="and", default=UNSET, description="All of these match; an empty list matches everything."
    )
    or_: list["ExecutionFilter"] | None = strawberry.field(
        name="or", default=UNSET, description="At least one of these matches; an empty list matches nothing."
    )
    not_: "ExecutionFilter | None" = strawberry.field(name="not", default=UNSET, description="This does not match.")


# The argument of every field that finds executions.
ExecutionsFilter = Annotated[
    ExecutionFilter | None,
    strawberry.argument(description="Which executions; all that the caller may see when absent."),
]


def to_filter(given: ExecutionFilter | None) -> Filter:
    """Translate `given` to the filter language.

    Raises:
        QueryTooComplex: It is nested more than 10 deep, or has more than 200 conditions.
    """
    conditions = _Counter()
    return EVERYTHING if not given else _convert(given, 1, conditions.add)


class _Counter:
    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        self.count += 1
        if self.count > MAX_CONDITIONS:
            raise QueryTooComplex(f"A filter has at most {MAX_CONDITIONS} conditions; use `in` for alternatives.")


def _convert(given: ExecutionFilter, depth: int, count: Callable[[], None]) -> Filter:
    if depth > MAX_DEPTH:
        raise QueryTooComplex(f"A filter is nested at most {MAX_DEPTH} deep; flatten its and, or and not.")
    count()
    parts: list[Filter] = []
    for conditions in conditions_of(given, EXECUTION_FIELDS):
        count()
        parts.extend(conditions)
    if present(given.and_) is not None:
        parts.extend(_convert(each, depth + 1, count) for each in given.and_ or ())
    if present(given.or_) is not None:
        parts.append(AnyOf(tuple(_convert(each, depth + 1, count) for each in given.or_ or ())))
    if given.not_:
        parts.append(Not(_convert(given.not_, depth + 1, count)))
    return all_of(*parts)

"""The filter of executions as a GraphQL input, and its translation to the filter language of `storage`.

Its fields are the entries of `storage.filter_fields`; each has the operators of its kind.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, TypeVar

import strawberry
from strawberry import UNSET

from execution_monitor.errors import QueryTooComplex
from execution_monitor.graphql.inputs.arguments import present
from execution_monitor.graphql.inputs.operators import (
    BigIntFilter,
    DateTimeFilter,
    ErrorGroupFilter,
    ExecutionStatusFilter,
    FloatFilter,
    IdFilter,
    IntFilter,
    StringFilter,
    TagFilter,
    duration_condition,
)
from execution_monitor.storage.filter_fields import EXECUTION_FIELDS, FilterField, FilterKind
from execution_monitor.storage.filters import EVERYTHING, AnyOf, Filter, Not, all_of

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
            conditions = operators.conditions(each.stored)
            yield map(duration_condition, conditions) if each.kind is FilterKind.DURATION else conditions


_INPUTS: Mapping[FilterKind, type] = {
    FilterKind.ID: IdFilter,
    FilterKind.TEXT: StringFilter,
    FilterKind.STATUS: ExecutionStatusFilter,
    FilterKind.TIME: DateTimeFilter,
    FilterKind.NUMBER: FloatFilter,
    FilterKind.INTEGER: IntFilter,
    FilterKind.BIG_INTEGER: BigIntFilter,
    FilterKind.DURATION: FloatFilter,
    FilterKind.TAG: TagFilter,
    FilterKind.ERROR_GROUP: ErrorGroupFilter,
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
        for condition in conditions:
            parts.append(condition)
            # Each alternative of a list of error groups is a condition on several fields.
            for _ in condition.parts[1:] if isinstance(condition, AnyOf) else ():
                count()
    if present(given.and_) is not None:
        parts.extend(_convert(each, depth + 1, count) for each in given.and_ or ())
    if present(given.or_) is not None:
        parts.append(AnyOf(tuple(_convert(each, depth + 1, count) for each in given.or_ or ())))
    if given.not_:
        parts.append(Not(_convert(given.not_, depth + 1, count)))
    return all_of(*parts)

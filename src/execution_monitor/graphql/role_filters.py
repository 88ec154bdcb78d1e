"""Filters of roles: the JSON of an `ExecutionFilter` in the settings, read as the argument of a list is.

A filter of a role decides what is visible, so it is read more strictly: what a client may leave unsaid, such as null
for no condition, would here show more than was meant.
"""

from collections.abc import Iterator, Mapping
from typing import cast

import strawberry

from execution_monitor.graphql.argument_filters import read_argument_filter
from execution_monitor.graphql.inputs.filters import MAX_DEPTH
from execution_monitor.storage.filters import Filter

# Each level of a filter is up to a list and an object of JSON; operators and their lists come below.
_MAX_JSON_DEPTH = 2 * MAX_DEPTH + 3
# What they match changes by itself as time passes, and no event tells the viewers.
_RELATIVE = frozenset({"durationSeconds", "withinSeconds"})
_PARTS_OF_TEXT = frozenset({"startsWith", "contains"})


def read_role_filter(schema: strawberry.Schema, given: object) -> Filter:
    """The filter that `given`, the JSON of an `ExecutionFilter`, means.

    Raises:
        ValueError: it cannot be read, or shows other executions than it seems to; the message says what to mend.
    """
    for path, value in _values_in(given, ()):
        _require_plain(path, value)
    where = read_argument_filter(schema, given)
    if not where.to_mongo():
        raise ValueError("It matches every execution; remove visible if the role is to show all.")
    return where


def _values_in(value: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    if len(path) > _MAX_JSON_DEPTH:
        raise ValueError(f"A filter is nested at most {MAX_DEPTH} deep; flatten its and, or and not.")
    if isinstance(value, Mapping) and value:
        for name, each in cast("Mapping[str, object]", value).items():
            yield from _values_in(each, (*path, name))
    elif isinstance(value, list) and value:
        for place, each in enumerate(cast("list[object]", value)):
            yield from _values_in(each, (*path, str(place)))
    elif path:
        yield path, value


def _require_plain(path: tuple[str, ...], value: object) -> None:
    relative = next((name for name in path if name in _RELATIVE), None)
    if relative is not None:
        raise ValueError(f"{relative} depends on the time at which it is read; use fields that engines write.")
    if value in (None, {}, []) or (value == "" and path[-1] in _PARTS_OF_TEXT):
        found = "null" if value is None else "empty"
        raise ValueError(f"{'.'.join(path)} is {found}, which restricts nothing or shows nothing; write a value.")

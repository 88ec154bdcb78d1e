"""Predicates: conditions on stored documents as functions, compiled once and called for every change.

Paths are split, values put into sets and bounds converted when a predicate is made. Where a document has a text or a
date at the top, as nearly all have, the answer takes one comparison; all else is compared as MongoDB does.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from bson import Int64

from execution_monitor.storage.bson_ordering import TypeRank, comparable, equal, is_nan, rank_of

Stored = Mapping[str, Any]
# Whether a stored document meets a condition.
Predicate = Callable[[Stored], bool]
# The same at an instant, for conditions that speak of now.
PredicateAt = Callable[[Stored, datetime], bool]
# What a condition on a path compares: the value, the elements of arrays on the path, None where it is missing.
ReadValues = Callable[[Stored], Sequence[Any]]

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_EPOCH = datetime.fromtimestamp(0, UTC)


def always(_: Stored) -> bool:
    """True of every document."""
    return True


def never(_: Stored) -> bool:
    """True of no document."""
    return False


def all_hold(parts: Sequence[Predicate]) -> Predicate:
    """Whether all `parts` hold; true without parts."""
    match tuple(parts):
        case ():
            return always
        case (one,):
            return one
        case (one, two):
            return lambda document: one(document) and two(document)
        case (one, two, three):
            return lambda document: one(document) and two(document) and three(document)
        case several:

            def hold(document: Stored) -> bool:
                for part in several:  # noqa: SIM110 - a generator costs as much as the parts
                    if not part(document):
                        return False
                return True

            return hold


def any_holds(parts: Sequence[Predicate]) -> Predicate:
    """Whether one of `parts` holds; false without parts."""
    match tuple(parts):
        case ():
            return never
        case (one,):
            return one
        case (one, two):
            return lambda document: one(document) or two(document)
        case several:
            return lambda document: any(part(document) for part in several)


def negate(part: Predicate) -> Predicate:
    """Whether `part` does not hold."""
    return lambda document: not part(document)


def whenever(part: Predicate) -> PredicateAt:
    """The predicate of a condition that does not speak of now, at any instant."""
    return lambda document, _: part(document)


def is_one_of(path: str, values: Sequence[Any]) -> Predicate:
    """Whether a value at `path` equals one of `values`."""
    read = reader_of(path)
    texts = frozenset(value for value in values if type(value) is str)
    has_null = None in values

    def compare(document: Stored) -> bool:
        return any(equal(found, value) for found in read(document) for value in values)

    if "." in path:
        return compare

    def look_up(document: Stored) -> bool:
        found = document.get(path)
        if found is None:
            return has_null
        return found in texts if type(found) is str else compare(document)

    return look_up


def lies_within(path: str, bounds: Mapping[str, Any]) -> Predicate:
    """Whether values at `path` lie within `bounds`, by MongoDB's operators; never of another type than the bound's."""
    read = reader_of(path)
    prepared = [(_COMPARISONS[name], rank_of(bound), comparable(bound)) for name, bound in bounds.items()]

    def compare(document: Stored) -> bool:
        ordered = [(rank_of(value), comparable(value)) for value in read(document) if not is_nan(value)]
        return all(
            any(rank is of and compares(value, bound) for of, value in ordered) for compares, rank, bound in prepared
        )

    # Nearly all bounds are of one type, and no value at the top is of another.
    ranks = {rank for _, rank, _ in prepared}
    if "." in path or len(ranks) != 1:
        return compare
    if ranks == {TypeRank.DATE}:
        plain = [(compares, _to_datetime(bound)) for compares, _, bound in prepared]
        return _compare_plainly(path, frozenset({datetime}), plain, compare)
    if ranks == {TypeRank.NUMBER}:
        plain = [(compares, bound) for compares, _, bound in prepared]
        return _compare_plainly(path, frozenset({int, float, Int64}), plain, compare)
    return compare


def _compare_plainly(
    path: str,
    types: frozenset[type],
    bounds: Sequence[tuple[Callable[[Any, Any], bool], Any]],
    compare: Predicate,
) -> Predicate:
    """Compare a value of one of `types` at the top of the document with `bounds`; leave all others to `compare`."""
    if any(bound is None for _, bound in bounds):
        return compare
    first, bound = bounds[0]
    others = bounds[1:]

    def look_up(document: Stored) -> bool:
        found = document.get(path)
        if found is None:
            return False
        # NaN alone differs from itself, and a date without a zone cannot be compared with one that has it.
        if type(found) not in types or found != found or (type(found) is datetime and found.tzinfo is None):  # noqa: PLR0124
            return compare(document)
        return first(found, bound) and all(compares(found, other) for compares, other in others)

    return look_up


def _to_datetime(milliseconds: int) -> datetime | None:
    """A time as Python's own; None beyond its calendar."""
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None


def has_text(path: str, accepts: Callable[[str], object]) -> Predicate:
    """Whether a value at `path` is a text that `accepts` returns something true for."""
    read = reader_of(path)

    def search(document: Stored) -> bool:
        return any(isinstance(found, str) and bool(accepts(found)) for found in read(document))

    head, _, rest = path.partition(".")
    if "." in rest:
        return search

    def look_up(document: Stored) -> bool:
        found = document.get(path)
        if found is None:
            return False
        return bool(accepts(found)) if type(found) is str else search(document)

    def look_within(document: Stored) -> bool:
        inner = document.get(head)
        if inner is None:
            return False
        found = cast("Stored", inner).get(rest) if type(inner) is dict else None
        return bool(accepts(found)) if type(found) is str else search(document)

    return look_within if rest else look_up


def has_element(field: str, values: Mapping[str, str]) -> Predicate:
    """Whether one of the documents in the array `field` has all of these `values` at its top."""
    # What most elements do not have comes last: a tag's value tells more than its key.
    wanted = tuple(reversed([*values.items()]))
    is_it = all_hold([is_one_of(name, (value,)) for name, value in wanted])

    def search(document: Stored) -> bool:
        for element in as_list(document.get(field)):
            if type(element) is dict:
                found = cast("Stored", element)
                for name, value in wanted:
                    other = found.get(name)
                    if type(other) is str and other != value:
                        break
                else:
                    if is_it(found):
                        return True
            elif (inner := as_mapping(element)) is not None and is_it(inner):
                return True
        return False

    return search


def matching(pattern: str) -> Callable[[str], object]:
    """Search a text for `pattern`, which means the same in PCRE2 and in Python."""
    return re.compile(pattern).search


def reader_of(path: str) -> ReadValues:
    """Read the values that a condition on `path` compares."""
    head, _, rest = path.partition(".")
    if not rest:

        def read(document: Stored) -> Sequence[Any]:
            value = document.get(head)
            return [*as_list(value), value] if isinstance(value, list) else (value,)

        return read

    read_rest = reader_of(rest)

    def read_within(document: Stored) -> Sequence[Any]:
        value = document.get(head)
        if isinstance(value, list):
            elements = (as_mapping(element) for element in as_list(value))
            return [found for element in elements if element is not None for found in read_rest(element)]
        inner = as_mapping(value)
        return (None,) if inner is None else read_rest(inner)

    return read_within


def as_mapping(value: Any) -> Stored | None:
    """Return an embedded document; None for anything else."""
    return cast("Stored", value) if isinstance(value, Mapping) else None


def as_list(value: Any) -> list[Any]:
    """Return a stored array; an empty list for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []

"""Index ranges: the entries of an index between two positions, for MongoDB's `min` and `max`.

MongoDB goes to the ends of such a range at once, also in an index in which it once found an array; the bounds that it
makes of a query it then no longer combines. Without a filter beside the range it reads no document.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from bson import DatetimeMS, MaxKey, MinKey

from execution_monitor.storage.filters import BOUNDS, Query, join
from execution_monitor.storage.indexes import IndexKey
from execution_monitor.storage.query_planning import IndexRange, just_before
from execution_monitor.storage.raw_values import Shortened, embeddable
from execution_monitor.storage.sorting import ASCENDING, DESCENDING, Order, SortPosition

_LOWEST, _HIGHEST = MinKey(), MaxKey()
# Milliseconds since 1970 of the last date that BSON has.
_LATEST = 2**63 - 1


def range_between(  # noqa: PLR0913 - the ends of a range
    key: IndexKey,
    entries: Query,
    order: Order,
    *,
    start: SortPosition | None = None,
    last: SortPosition | None = None,
    stop: SortPosition | None = None,
) -> IndexRange | None:
    """The range of the index `key` with the `entries` that come after `start`, up to `last`; its query is empty.

    None where they are not one range. The entry at `start` may be in it, too.

    Args:
        key: The index, which has the fields of `order` behind those with one value.
        entries: Equality conditions on the first fields, and bounds on the next one.
        order: The order of the list.
        start: The position before the first entry; by default the beginning.
        last: The position of the last entry; by default the end.
        stop: The position of the entry that follows the last.
    """
    fixed = _fixed(key, entries)
    rest = [field for field in key if field not in fixed]
    along = _is_along(key, order, rest)
    bounds = _bounds_on(entries, fixed, rest)
    if along is None or bounds is None or not fixed:
        return None
    lower, upper = (_end(key, rest, bounds, upper=upper) for upper in (False, True))
    first, beyond = (start, stop) if along else (last, start)
    if first is not None:
        lower = _corner(key, rest, order, first, upper=False)
    if beyond is not None:
        upper = _corner(key, rest, order, beyond, upper=True)
    return IndexRange({}, embeddable({**fixed, **lower}), embeddable({**fixed, **upper}))


def range_within(
    key: IndexKey, entries: Query, order: Order, start: SortPosition | None, end: SortPosition | None
) -> IndexRange | None:
    """The range of the index `key` with the `entries` strictly between two positions; its query leaves these out.

    None where they are not one range, or where only the beginning of a value of a position is known.

    The branches of `Order.seek` find the same. But where MongoDB merges them, a missing value of the first of several
    fields comes before null, and not beside it.
    """
    positions = [position for position in (start, end) if position is not None]
    if any(map(has_shortened, positions)):
        return None
    entries_between = range_between(key, entries, order, start=start, last=end, stop=end)
    if entries_between is None:
        return None
    conditions = [{"_id": embeddable({"$ne": position.values[-1]})} for position in positions]
    return replace(entries_between, query=join(conditions))


def has_shortened(position: SortPosition) -> bool:
    """Whether only the beginning of one of the values of `position` is known."""
    return any(isinstance(value, Shortened) for value in position.values)


def range_from(key: IndexKey, entries: Query, order: Order, start: SortPosition | None) -> IndexRange | None:
    """As `range_between` without an end, to be read in order also where the index is multikey in a field of `order`.

    For such a field MongoDB does not rely on the index, and would sort all entries. So they are sorted by the field
    before those of the order, which has one value. Bounds in `entries` at the far end of the order do not apply.
    """
    exact = range_between(key, entries, order, start=start)
    if exact is None:
        return None
    *_, leading = fixed = _fixed(key, entries)
    if _is_along(key, order, [field for field in key if field not in fixed]):
        return replace(exact, sort={leading: ASCENDING})
    if not isinstance(fixed[leading], str):
        return exact
    # A field that is equal in both ends of a range orders nothing in it.
    others = {field: _HIGHEST if key[field] > 0 else _LOWEST for field in key if field not in fixed}
    lower = {**fixed, leading: just_before(fixed[leading]), **others}
    return replace(exact, lower=lower, sort={leading: DESCENDING})


def _fixed(key: IndexKey, entries: Query) -> Query:
    return {field: entries[field] for field in key if field in entries and not isinstance(entries[field], dict)}


def _is_along(key: IndexKey, order: Order, rest: list[str]) -> bool | None:
    """Whether `order` runs along the index; False where it runs against it, None where neither is so."""
    directions = order.to_mongo()
    if not set(rest) <= directions.keys():
        return None
    ways = {key[field] * directions[field] for field in rest}
    return ways == {1} if len(ways) == 1 else None


def _bounds_on(entries: Query, fixed: Mapping[str, Any], rest: list[str]) -> Query | None:
    """The bounds on the first field of `rest`; None where `entries` have conditions that are no range."""
    others = {field: condition for field, condition in entries.items() if field not in fixed}
    if not others:
        return {}
    bounds = cast("Query | None", others.get(rest[0]))
    return bounds if len(others) == 1 and bounds and bounds.keys() <= BOUNDS else None


def _end(key: IndexKey, rest: list[str], bounds: Query, *, upper: bool) -> Query:
    """The lower or upper end of all entries within `bounds`, in the direction of the index."""
    first, *others = rest
    above = upper == (key[first] > 0)
    including, excluding = ("$lte", "$lt") if above else ("$gte", "$gt")
    end = {first: bounds.get(including, bounds.get(excluding, _utmost(bounds, above=above)))}
    # Beside the bound itself lie the entries that are equal to it.
    beyond = upper != (excluding in bounds and including not in bounds)
    return end | {field: _HIGHEST if beyond == (key[field] > 0) else _LOWEST for field in others}


def _utmost(bounds: Query, *, above: bool) -> Any:
    """The end of all values that `bounds` leave open: as in a query, values of other types are beyond it."""
    bound = next(iter(bounds.values()), None)
    if isinstance(bound, int | float) and not isinstance(bound, bool):
        return math.inf if above else -math.inf
    if isinstance(bound, datetime | DatetimeMS):
        return DatetimeMS(_LATEST if above else -_LATEST - 1)
    return _HIGHEST if above else _LOWEST


def _corner(key: IndexKey, rest: list[str], order: Order, position: SortPosition, *, upper: bool) -> Query:
    """The bound at `position`; where only the beginning of a long value is known, beside all that begin like it."""
    values = dict(zip(order.fields, position.values, strict=True))
    corner: Query = {}
    for place, field in enumerate(rest):
        value = values[field]
        if isinstance(value, Shortened):
            corner[field] = value.highest if upper == (key[field] > 0) else value.lowest
            others = rest[place + 1 :]
            return corner | {each: _HIGHEST if upper == (key[each] > 0) else _LOWEST for each in others}
        corner[field] = value
    return corner

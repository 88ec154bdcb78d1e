"""Query planning: which index MongoDB is to use for a list (its hint), and which range of that index holds the rows.

Without a hint MongoDB weighs every index that has one of the fields, for each branch of a query, at every request: with
ours, a page after a cursor took it 1.3 ms, and 0.55 ms with a hint; a first page 0.48 and 0.45.

MongoDB merges the branches of a rooted `$or` alone, and only when each branch is one range of an index. So conditions
that mean several ranges - the bounds of a page, a list of statuses - are multiplied out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, cast

from beanie import Document
from bson import MaxKey, MinKey

from execution_monitor.storage.filters import BOUNDS, NOTHING, Query, join
from execution_monitor.storage.index_choice import Conditions
from execution_monitor.storage.indexes import Index, IndexKey, OrderPattern, usable_indexes
from execution_monitor.storage.predicates import as_list
from execution_monitor.storage.raw_values import Shortened, embeddable
from execution_monitor.storage.sorting import ASCENDING, DESCENDING, Order, SortPosition

# Eight statuses between two cursors make 32. Planning 16 took MongoDB 20 ms; from its cache of plans, 0.5 ms.
MAX_BRANCHES = 32

_LOWEST, _HIGHEST = MinKey(), MaxKey()
_LAST_BEFORE_GAP, _FIRST_AFTER_GAP, _LAST_CHARACTER = 0xD7FF, 0xE000, "\U0010ffff"


@dataclass(frozen=True, slots=True)
class FindPlan:
    """How MongoDB is to find the rows of a list: `query`, by the index with the key `hint`; None leaves it to MongoDB.

    `branch` is what the filter of the list means, where that is one range of the index; else it is None.
    """

    query: Query
    hint: IndexKey | None
    branch: Query | None


def plan_find(
    document: type[Document],
    where: Query,
    order: Order,
    bounds: Sequence[Sequence[Query]] = (),
    also: Sequence[Query] = (),
) -> FindPlan:
    """Choose the index for the rows that `where` finds, in `order`, and split the query into branches that suit it.

    Args:
        document: The document whose collection is read.
        where: What the filter of the list means.
        order: The order of the list.
        bounds: The ends of the page, each as the branches that `Order.seek` returns.
        also: Conditions on every row for which the index need not have a range.
    """
    room = MAX_BRANCHES // max(1, math.prod(map(len, bounds)))
    branches = split_by_value(where, document, order, room)
    hint = choose_index(document, branches[0], order)
    query = combine_branches([join([branch, *also]) for branch in branches], *bounds)
    return FindPlan(query, hint, None if hint is None or len(branches) > 1 else branches[0])


def combine_branches(*factors: Sequence[Query]) -> Query:
    """The query that holds when one branch of each of the `factors` does: a rooted `$or` of all combinations."""
    queries = [join(combination) for combination in product(*factors)]
    if not queries:
        return NOTHING
    return queries[0] if len(queries) == 1 else {"$or": queries}


def split_by_value(query: Query, document: type[Document], order: Order, room: int) -> list[Query]:
    """Split `query` into up to `room` branches, one per value of an `$in`, where an index orders the rows of each."""
    for field, condition in query.items():
        if not isinstance(condition, dict):
            continue
        values = as_list(cast("dict[str, Any]", condition).get("$in"))
        if 1 < len(values) <= room and _is_ordered_within(document, field, query, order):
            return [{**query, field: value} for value in values]
    return [query]


def _is_ordered_within(document: type[Document], field: str, query: Query, order: Order) -> bool:
    return any(
        list(index.key)[-len(order.fields) - 1] == field
        and index.order_behind(-len(order.fields)) == order.pattern
        and _has_all(index, query)
        for index in usable_indexes(document)
        if len(index.key) > len(order.fields)
    )


def _has_all(index: Index, query: Query) -> bool:
    """Whether the index has every document that `query` finds."""
    return index.condition is None or Conditions.of(query).imply(index.condition)


def choose_index(document: type[Document], query: Query, order: Order) -> IndexKey | None:
    """The key of the index of `document` of which one range is what `query` finds, in `order`.

    None where there is no such index: MongoDB then chooses the best one.
    """
    first, fixed = order.keys[0].field, list[str]()
    for field, condition in query.items():
        if isinstance(condition, list):
            return None
        if not isinstance(condition, dict):
            fixed.append(field)
        elif field != first or not BOUNDS.issuperset(cast("dict[str, Any]", condition)):
            return None
    found = _indexes_by_use(document).get((frozenset(fixed), order.pattern))
    return found.key if found is not None and _has_all(found, query) else None


@cache
def _indexes_by_use(document: type[Document]) -> Mapping[tuple[frozenset[str], OrderPattern], Index]:
    """The declared indexes, by the fields that are fixed and the order of the rows then."""
    return {
        (frozenset(list(index.key)[:split]), index.order_behind(split)): index
        for index in usable_indexes(document)
        for split in range(len(index.key))
    }


@dataclass(frozen=True, slots=True)
class IndexRange:
    """The entries of an index from `lower` up to but without `upper`, for which `query` holds.

    `sort` is the sort document to send where it is not that of the list.
    """

    query: Query
    lower: Mapping[str, Any]
    upper: Mapping[str, Any]
    sort: Mapping[str, int] | None = None


def range_after(
    key: IndexKey, query: Query, order: Order, position: SortPosition, *, leading: str | None = None
) -> IndexRange | None:
    """The range of the index `key` with what `query` finds strictly after `position` in `order`.

    MongoDB goes there at once, as it does to a first page; the branches of `Order.seek` take it 0.1 ms more. None
    where `query` has bounds of its own, which these would replace.

    After one array in a sort field, in whichever row, MongoDB no longer relies on the index for the order of that
    field: it reads all that follows, to sort it. So the query sorts by `leading`, the last field that stands before
    those of the order: for that one MongoDB does rely on the index, and reads it as it is.
    """
    if any(isinstance(condition, dict) for condition in query.values()):
        return None
    fixed = {field: query[field] for field in key if field in query}
    lasts = _lasts(order)
    if order.keys[0].direction != key[order.keys[0].field]:
        end = fixed | _corner(order, position)
        if leading is not None and isinstance(fixed[leading], str):
            # A field that is equal in both ends of a range orders nothing in it.
            lower = fixed | {leading: just_before(fixed[leading])} | _lasts(order.reversed())
            return IndexRange(query, lower, embeddable(end), {leading: DESCENDING})
        return IndexRange(query, fixed | lasts, embeddable(end))
    after = query
    if not isinstance(position.values[-1], Shortened):
        # The row at the position is the only one that has its `_id`.
        after = {**query, "_id": embeddable({"$ne": position.values[-1]})}
    sort = None if leading is None else {leading: ASCENDING}
    return IndexRange(after, embeddable(fixed | _corner(order, position)), fixed | lasts, sort)


def _lasts(order: Order) -> dict[str, Any]:
    """Bounds that all rows come before in `order`."""
    return {key.field: _LOWEST if key.descending else _HIGHEST for key in order.all_keys}


def _corner(order: Order, position: SortPosition) -> dict[str, Any]:
    """The bound at `position`; where only the beginning of a long value is known, beside all that begin like it."""
    corner = dict[str, Any]()
    for key, value in zip(order.all_keys, position.values, strict=True):
        if isinstance(value, Shortened):
            corner[key.field] = value.highest if key.descending else value.lowest
            return _lasts(order) | corner
        corner[key.field] = value
    return corner


def just_before(text: str) -> Any:
    """A value before `text`, with no text between them that is in use."""
    if not text:
        return None
    head, last = text[:-1], ord(text[-1])
    if last == 0:
        return head
    # There are no characters from D800 to DFFF.
    before = chr(_LAST_BEFORE_GAP if last == _FIRST_AFTER_GAP else last - 1)
    return head + before + _LAST_CHARACTER

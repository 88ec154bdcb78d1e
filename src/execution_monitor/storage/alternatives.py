"""One query as alternatives, each a range of an index that MongoDB reads in the order of the list.

It merges the branches of a rooted `$or` alone, and only when each branch is one range. So conditions that mean several
ranges - the bounds of a page, a list of statuses - are multiplied out.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any, cast

from beanie import Document

from execution_monitor.storage.documents import indexed_fields
from execution_monitor.storage.filters import NOTHING, Query, as_list, join
from execution_monitor.storage.sorting import Order

# Eight statuses between two cursors make 32. Planning 16 anew took MongoDB 20 ms; from its cache of plans, 0.5 ms.
MAX_ALTERNATIVES = 32


def one_of_each(*factors: Sequence[Query]) -> Query:
    """The query that one of each of the `factors` holds."""
    queries = [join(parts) for parts in product(*factors)]
    if not queries:
        return NOTHING
    return queries[0] if len(queries) == 1 else {"$or": queries}


def split_list(query: Query, document: type[Document], order: Order, room: int) -> list[Query]:
    """`query` as up to `room` alternatives, one a value of a list, where an index has each value's rows in order."""
    for field, condition in query.items():
        if not isinstance(condition, dict):
            continue
        values = as_list(cast("dict[str, Any]", condition).get("$in"))
        if 1 < len(values) <= room and _is_ordered_within(document, field, order):
            return [{**query, field: value} for value in values]
    return [query]


def _is_ordered_within(document: type[Document], field: str, order: Order) -> bool:
    ordered = (field, *order.fields)
    return any(fields[-len(ordered) :] == ordered for fields in indexed_fields(document))

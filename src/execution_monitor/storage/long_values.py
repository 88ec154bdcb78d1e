"""Long values of a position: its cursor holds only their beginnings, so they are looked up in the row.

Where the row is deleted, or has another value now, the position is as close as the beginning says, on the side where
rows may appear twice and none is left out.
"""

from dataclasses import replace
from typing import Any

from beanie import Document

from execution_monitor.storage.database import Database
from execution_monitor.storage.find_command import Search, find_stored_rows
from execution_monitor.storage.pagination import Listing
from execution_monitor.storage.query_planning import IndexRange
from execution_monitor.storage.raw_values import Shortened, embeddable
from execution_monitor.storage.rows import StoredRow
from execution_monitor.storage.sorting import SortPosition, equal_to

_BY_ID = {"_id": 1}
# More than one row matches only where several share the first 2,048 bytes of a long `_id`.
_AT_ONCE = 100


async def find_long_values(
    database: Database, document: type[Document], listing: Listing, position: SortPosition | None, timeout_ms: int
) -> SortPosition | None:
    """Return `position` with its long values, where its row still has them."""
    if position is None or not any(isinstance(value, Shortened) for value in position.values):
        return position
    own_id = position.values[-1]
    fields = listing.order.fields if position.is_sortable else ("_id",)
    search = Search({}, frozenset(fields), timeout_ms=timeout_ms, limit=_AT_ONCE, hint=_BY_ID)
    # Other tenants' rows never match, and their shards are not queried.
    tenant = {name: value for name, value in listing.bound.to_mongo().items() if name == "tenant_id"}
    rows = database.rows(document)
    found: StoredRow | None = None
    if isinstance(own_id, Shortened):
        lowest, highest = own_id.lowest, own_id.highest
        while found is None:
            entries = IndexRange(tenant, embeddable({"_id": lowest}), embeddable({"_id": highest}), _BY_ID)
            query = {**tenant, "_id": embeddable({"$gte": lowest, "$lt": highest})}
            read = await find_stored_rows(rows, replace(search, query=query, sort=_BY_ID, range=entries), fields)
            found = next((row for row in read if row.stored["_id"].digest == own_id.digest), None)
            if len(read) < _AT_ONCE:
                break
            lowest = read[-1].stored["_id"]
    else:
        read = await find_stored_rows(rows, replace(search, query={**tenant, "_id": equal_to(own_id)}), fields)
        found = read[0] if read else None
    if found is None:
        return position
    values = [_whole(value, found, field) for field, value in zip(fields, position.values, strict=True)]
    return replace(position, values=tuple(values))


def _whole(value: Any, row: StoredRow, field: str) -> Any:
    stored = row.stored.get(field)
    if not isinstance(value, Shortened) or stored is None or stored.digest != value.digest:
        return value
    return stored

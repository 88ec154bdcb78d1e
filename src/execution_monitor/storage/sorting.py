"""Orders of a list, and where a page goes on: keyset positions and the queries that seek behind them.

`sort <= x AND (sort < x OR _id < y)` reads through every tie (3,067 keys for 51 rows of one status). One branch for the
ties and one for the rest, each a bounded range of the index that MongoDB merges, read 52.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from execution_monitor.errors import BadUserInput
from execution_monitor.storage.bson_order import TypeRank, is_nan, rank_of, type_names_above, type_names_below
from execution_monitor.storage.filters import Query

MAX_SORT_KEYS = 3

ASCENDING, DESCENDING = 1, -1


@dataclass(frozen=True, slots=True)
class SortKey:
    """A stored field and its direction."""

    field: str
    descending: bool = False

    @property
    def direction(self) -> int:
        """1 or -1, as MongoDB spells it."""
        return DESCENDING if self.descending else ASCENDING


@dataclass(frozen=True, slots=True)
class Position:
    """A place in an order: the sort values of a row, then its `_id`."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Seek:
    """The rows behind a position, as alternatives for one `$or`.

    `near` leaves out what sorts behind every value of the position's own type: null, and types no engine should write.
    Those come last, so they are asked for only when `near` does not fill the page.
    """

    near: tuple[Query, ...]
    far: tuple[Query, ...]

    @property
    def all(self) -> tuple[Query, ...]:
        """Every row behind the position."""
        return self.near + self.far


@dataclass(frozen=True, slots=True)
class Order:
    """Up to three sort keys; `_id` breaks the ties in the direction of the last, so that one index serves both."""

    keys: tuple[SortKey, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.keys) <= MAX_SORT_KEYS:
            raise BadUserInput(f"Sort by 1 to {MAX_SORT_KEYS} keys.")
        if len({key.field for key in self.keys}) < len(self.keys):
            raise BadUserInput("Each sort field may be named once.")

    @property
    def _all_keys(self) -> tuple[SortKey, ...]:
        return (*self.keys, SortKey("_id", self.keys[-1].descending))

    @property
    def fields(self) -> tuple[str, ...]:
        """The stored fields that a position is made of."""
        return tuple(key.field for key in self._all_keys)

    def to_mongo(self) -> dict[str, int]:
        """The sort document."""
        return {key.field: key.direction for key in self._all_keys}

    def reversed(self) -> "Order":
        """The same order, backwards."""
        return Order(tuple(SortKey(key.field, not key.descending) for key in self.keys))

    def position_of(self, row: Mapping[str, Any]) -> Position:
        """Where `row` stands; a missing value stands where null does."""
        return Position(tuple(row.get(field) for field in self.fields))

    def seek(self, position: Position) -> Seek:
        """The rows strictly behind `position`."""
        near: list[Query] = []
        far: list[Query] = []
        for depth in reversed(range(len(self._all_keys))):
            ties = {key.field: value for key, value in zip(self._all_keys[:depth], position.values, strict=False)}
            key, value = self._all_keys[depth], position.values[depth]
            if key.field == "_id":
                near.append({**ties, **_ids_behind(value, key)})
                continue
            near.extend({**ties, key.field: condition} for condition in _same_type_behind(value, key))
            # Behind these come the rows of the shallower keys, so only the first key's belong to the far end.
            end = far if depth == 0 else near
            end.extend({**ties, key.field: condition} for condition in _other_types_behind(value, key))
        return Seek(tuple(near), tuple(far))

    def at(self, position: Position) -> Query:
        """The row at `position` itself."""
        return dict(zip(self.fields, position.values, strict=True))


def _ids_behind(value: Any, key: SortKey) -> Query:
    # Collections mix ids of several types. One branch for all: each further one costs MongoDB 0.2 ms of planning.
    if key.descending:
        return {"_id": {"$not": {"$gte": value}}, "$nor": [{"_id": {"$type": type_names_above(rank_of(value))}}]}
    return {"_id": {"$not": {"$lte": value}}, "$nor": [{"_id": {"$type": type_names_below(rank_of(value))}}]}


def _same_type_behind(value: Any, key: SortKey) -> list[Query]:
    rank = rank_of(value)
    if rank is TypeRank.NULL:
        return []
    if rank is not TypeRank.NUMBER:
        return [{"$lt": value}] if key.descending else [{"$gt": value}]
    # NaN is the least number: below every bound, and no operator but equality finds it.
    if is_nan(value):
        return [] if key.descending else [{"$gte": -math.inf}]
    return [{"$lt": value, "$gte": -math.inf}] if key.descending else [{"$gt": value}]


def _other_types_behind(value: Any, key: SortKey) -> list[Any]:
    rank = rank_of(value)
    if not key.descending:
        if rank is TypeRank.NULL:
            return [{"$ne": None}]
        names = type_names_above(rank)
        return [{"$type": names}] if names else []
    if rank is TypeRank.NULL:
        return []
    nulls: list[Any] = [math.nan, None] if rank is TypeRank.NUMBER and not is_nan(value) else [None]
    names = type_names_below(rank)
    return [{"$in": nulls}, *([{"$type": names}] if names else [])]

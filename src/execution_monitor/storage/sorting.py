"""Orders of a list, and where a page goes on: keyset positions and the queries that seek behind them.

`sort <= x AND (sort < x OR _id < y)` reads through every tie (3,067 keys for 51 rows of one status). One branch for the
ties and one for the rest, each a bounded range of the index that MongoDB merges, read 51.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from execution_monitor.errors import BadUserInput
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


@dataclass(frozen=True)
class Order:
    """Up to three sort keys; `_id` breaks the ties in the direction of the last, so that one index serves both."""

    keys: tuple[SortKey, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.keys) <= MAX_SORT_KEYS:
            raise BadUserInput(f"Sort by 1 to {MAX_SORT_KEYS} keys.")
        if len({key.field for key in self.keys}) < len(self.keys):
            raise BadUserInput("Each sort field may be named once.")

    @cached_property
    def _all_keys(self) -> tuple[SortKey, ...]:
        return (*self.keys, SortKey("_id", self.keys[-1].descending))

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The stored fields that a position is made of."""
        return tuple(key.field for key in self._all_keys)

    @cached_property
    def goes_one_way(self) -> bool:
        """Whether all keys have the same direction, so that one index, read from either end, has all rows in order."""
        return len({key.descending for key in self.keys}) == 1

    def to_mongo(self) -> dict[str, int]:
        """The sort document."""
        return {key.field: key.direction for key in self._all_keys}

    def reversed(self) -> "Order":
        """The same order, backwards."""
        return Order(tuple(SortKey(key.field, not key.descending) for key in self.keys))

    def position_of(self, row: Mapping[str, Any]) -> Position:
        """Where `row` stands; a missing value stands where null does."""
        return Position(tuple(row.get(field) for field in self.fields))

    def seek(self, position: Position) -> tuple[Query, ...]:
        """The rows strictly behind `position`, as alternatives; none where nothing can be behind it."""
        placed = list(zip(self._all_keys, position.values, strict=True))
        alternatives: list[Query] = []
        for depth, (key, value) in reversed(list(enumerate(placed))):
            behind = _behind(key, value)
            if behind is not None:
                alternatives.append({**{tied.field: tie for tied, tie in placed[:depth]}, **behind})
        return tuple(alternatives)

    def at(self, position: Position) -> Query:
        """The row at `position` itself."""
        return dict(zip(self.fields, position.values, strict=True))


def _behind(key: SortKey, value: Any) -> Query | None:
    """The values of `key` strictly behind `value`, whatever their type, as one range of an index."""
    if value is None:
        # Null and missing are one place in the order, but two to an expression.
        return None if key.descending else {key.field: {"$ne": None}}
    # An expression compares across types, and NaN, exactly as a sort does; `$lt` and `$gt` of a query never leave the
    # type of their bound, and the conditions that would add the other types read the whole index.
    return {"$expr": {"$lt" if key.descending else "$gt": [f"${key.field}", {"$literal": value}]}}

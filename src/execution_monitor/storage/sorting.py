"""Sort orders, positions in them, and the queries that seek after a position: keyset pagination.

`sort <= x AND (sort < x OR _id < y)` reads through every tie (3,067 keys for 51 rows of one status). One branch for the
ties and one for the rest, each a bounded range of the index that MongoDB merges, read 51.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from execution_monitor.errors import BadUserInput
from execution_monitor.storage.filters import Query
from execution_monitor.storage.indexes import OrderPattern, pattern_of
from execution_monitor.storage.raw_values import RawValue, Shortened, embeddable
from execution_monitor.storage.rows import Row, StoredRow, are_faithful

MAX_SORT_KEYS = 3

ASCENDING, DESCENDING = 1, -1

# Fields with few values, which the time of creation orders further: one index then serves lists by them, and lists of
# one value from the newest to the oldest.
_ORDERED_FURTHER = {"workflow_name": "created", "status": "created"}


@dataclass(frozen=True, slots=True)
class SortKey:
    """A stored field and its direction."""

    field: str
    descending: bool = False

    @property
    def direction(self) -> int:
        """1 or -1, as in MongoDB's sort documents."""
        return DESCENDING if self.descending else ASCENDING


@dataclass(frozen=True, slots=True)
class SortPosition:
    """A position in an order: the sort values of a row, then its `_id`; of an unsortable row the `_id` alone.

    A value that Python has no faithful form of is a `RawValue`, and one that is too long for a cursor `Shortened`.
    """

    values: tuple[Any, ...]
    is_sortable: bool = field(default=True, kw_only=True)


@dataclass(frozen=True)
class Order:
    """Up to three sort keys; `_id` breaks the ties in the direction of the last, so that one index serves both.

    By name or status alone, executions with the same one follow each other by the time they were created: the newest
    first where the order ascends, so that such an order is that of two keys.
    """

    keys: tuple[SortKey, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.keys) <= MAX_SORT_KEYS:
            raise BadUserInput(f"Sort by 1 to {MAX_SORT_KEYS} keys.")
        if len({key.field for key in self.keys}) < len(self.keys):
            raise BadUserInput("Each sort field may be named once.")
        further = _ORDERED_FURTHER.get(self.keys[0].field)
        if further is not None and len(self.keys) == 1:
            object.__setattr__(self, "keys", (*self.keys, SortKey(further, not self.keys[0].descending)))

    @cached_property
    def all_keys(self) -> tuple[SortKey, ...]:
        """The keys, and that of the `_id`."""
        return (*self.keys, SortKey("_id", self.keys[-1].descending))

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The stored fields whose values make a position."""
        return tuple(key.field for key in self.all_keys)

    @cached_property
    def pattern(self) -> OrderPattern:
        """The fields and how their directions differ: an index with this pattern, read from either end, is in order."""
        return pattern_of(list(self.to_mongo().items()))

    def to_mongo(self) -> dict[str, int]:
        """The sort document."""
        return {key.field: key.direction for key in self.all_keys}

    def reversed(self) -> "Order":
        """The reverse order."""
        return Order(tuple(SortKey(key.field, not key.descending) for key in self.keys))

    def position_of(self, row: Row) -> SortPosition:
        """The position of `row`; a missing value counts as null."""
        if not isinstance(row, StoredRow):
            return SortPosition(tuple(row.get(field) for field in self.fields))
        if not row.is_sortable:
            return self.by_id.position_of(row)
        return SortPosition(tuple(map(row.value_of, self.fields)))

    def are_faithful(self, rows: Sequence[Row]) -> bool:
        """Whether the values of `rows` in Python's form give the same positions as the stored ones."""
        return are_faithful(rows, self.fields)

    def seek(self, position: SortPosition) -> tuple[Query, ...]:
        """The rows strictly after `position`, as the branches of an `$or`; no branch where no row can come after it."""
        return _seek(self.all_keys, position.values)

    def at(self, position: SortPosition) -> Query:
        """The row at `position` itself."""
        return _at(self.fields, position.values)

    @cached_property
    def by_id(self) -> "ById":
        """The order of the rows that cannot be sorted, which come after all others."""
        return ById(self.keys[-1].descending)


@dataclass(frozen=True, slots=True)
class ById:
    """Rows by their `_id` alone."""

    descending: bool

    @property
    def fields(self) -> tuple[str, ...]:
        """The stored field whose value makes a position."""
        return ("_id",)

    def to_mongo(self) -> dict[str, int]:
        """The sort document."""
        return {"_id": DESCENDING if self.descending else ASCENDING}

    def reversed(self) -> "ById":
        """The reverse order."""
        return ById(not self.descending)

    def position_of(self, row: StoredRow) -> SortPosition:
        """The position of `row`."""
        return SortPosition((row.value_of("_id"),), is_sortable=False)

    def seek(self, position: SortPosition) -> tuple[Query, ...]:
        """The rows strictly after `position`."""
        return _seek((SortKey("_id", self.descending),), position.values)

    def at(self, position: SortPosition) -> Query:
        """The row at `position` itself."""
        return _at(self.fields, position.values)


def _seek(keys: Sequence[SortKey], values: Sequence[Any]) -> tuple[Query, ...]:
    placed = list(zip(keys, values, strict=True))
    # The ties of a long value come after its bound, too.
    first_long = next((index for index, value in enumerate(values) if isinstance(value, Shortened)), len(values))
    branches: list[Query] = []
    for depth, (key, value) in reversed(list(enumerate(placed[: first_long + 1]))):
        after = _after(key, value)
        if after is not None:
            branches.append({**{tied.field: equal_to(tie) for tied, tie in placed[:depth]}, **after})
    return tuple(branches)


def _at(fields: Sequence[str], values: Sequence[Any]) -> Query:
    return dict(zip(fields, map(equal_to, values), strict=True))


def equal_to(value: Any) -> Any:
    """The condition that a field has `value`, which is never taken for an operator or a pattern."""
    if isinstance(value, Shortened):
        value = value.lowest
    return embeddable({"$eq": value}) if isinstance(value, RawValue) else value


def _after(key: SortKey, value: Any) -> Query | None:
    """The values of `key` strictly after `value`, whatever their type, as one range of an index."""
    if value is None and key.field != "_id":
        # Null and missing are equal in the order, but not in an expression. What sorts before them is unsortable.
        return None if key.descending else {key.field: {"$ne": None}}
    # An expression compares across types, and NaN, exactly as a sort does; `$lt` and `$gt` of a query never leave the
    # type of their bound, and the conditions that would add the other types read the whole index.
    if isinstance(value, Shortened):
        value = value.highest if key.descending else value.lowest
    literal = embeddable({"$literal": value})
    return {"$expr": {"$lt" if key.descending else "$gt": [f"${key.field}", literal]}}

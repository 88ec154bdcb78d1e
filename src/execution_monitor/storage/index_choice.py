"""Index choice: the index that a query is hinted to use where none has exactly the rows of a list in its order.

Without a hint MongoDB tries every index that begins with the tenant, with real reads, and forgets the winner when its
time limit ends the trial: at 2,000,000 executions of one tenant that took 22.5 s, and 2.8 s for the same plan with a
hint. An index is entered by a *prefix* of its fields, for which the query has values, and perhaps by a range of the
next one. What it does not cover is *residual*: each document that is read is tested for it.

A partial index lacks documents, and a hint to it loses them without a word: it is used only for queries that find none
of those.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import takewhile
from typing import Any, cast

from beanie import Document

from execution_monitor.storage.filters import BOUNDS, Query
from execution_monitor.storage.indexes import Index, IndexKey, pattern_of, usable_indexes
from execution_monitor.storage.predicates import as_list, as_mapping
from execution_monitor.storage.sorting import Order

# A list of so many values is split into branches on every page. A longer one MongoDB would merge on a first page alone:
# behind a cursor it sorts all that is left.
_MOST_SPLIT = 8


@dataclass(frozen=True)
class Conditions:
    """What a query demands of each stored field.

    Attributes:
        equal: fields with one value.
        one_of: fields with one of several values.
        bounds: fields with a range.
        elements: arrays with an element whose fields have these values.
        residual: how many conditions are none of these.
    """

    equal: Mapping[str, Any]
    one_of: Mapping[str, Sequence[Any]]
    bounds: Mapping[str, Query]
    residual: int = field(kw_only=True)
    elements: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]], kw_only=True)

    @classmethod
    def of(cls, query: Query) -> "Conditions":
        """The conditions of `query`; of several on one field, all but the first are residual."""
        equal, one_of, bounds, residual = dict[str, Any](), dict[str, Sequence[Any]](), dict[str, Query](), 0
        elements = dict[str, Mapping[str, Any]]()
        for name, condition in _conjunction(query):
            if name.startswith("$") or name in equal or name in one_of or name in bounds or name in elements:
                residual += 1
            elif not isinstance(condition, dict):
                equal[name] = condition
            else:
                operators = cast("dict[str, Any]", condition)
                if operators.keys() == {"$in"}:
                    one_of[name] = as_list(operators["$in"])
                elif (
                    operators.keys() <= BOUNDS
                    or operators.keys() == {"$not"}
                    or str(operators.get("$regex", "")).startswith("^")
                ):
                    # Text that begins with something is a range, too, and what lies outside of one is two.
                    bounds[name] = operators
                elif operators.keys() == {"$elemMatch"}:
                    elements[name] = operators["$elemMatch"]
                else:
                    residual += 1
        return cls(equal, one_of, bounds, elements=elements, residual=residual)

    @property
    def count(self) -> int:
        """How many conditions there are."""
        return len(self.equal) + len(self.one_of) + len(self.bounds) + len(self.elements) + self.residual

    @cached_property
    def fixed(self) -> frozenset[str]:
        """The paths for which there are values."""
        return frozenset(self._in_elements).union(self.equal, self.one_of)

    @cached_property
    def _in_elements(self) -> Mapping[str, str]:
        """The arrays that have the elements, by each path in an element."""
        return {f"{name}.{inner}": name for name, element in self.elements.items() for inner in element}

    def on(self, fields: Sequence[str]) -> Query:
        """The query of the conditions on `fields` alone."""
        lists = {name: {"$in": list(values)} for name, values in self.one_of.items()}
        conditions: Query = {**self.equal, **lists, **self.bounds}
        entered = {self._in_elements[name] for name in fields if name in self._in_elements}
        matches = {name: {"$elemMatch": dict(self.elements[name])} for name in self.elements if name in entered}
        return {name: condition for name, condition in conditions.items() if name in fields} | matches

    def imply(self, condition: Mapping[str, Any]) -> bool:
        """Whether all that the query finds meets the `condition` of a partial index."""
        return all(self._implies(name, as_mapping(demanded) or {}) for name, demanded in condition.items())

    def _implies(self, name: str, demanded: Mapping[str, Any]) -> bool:
        values = [self.equal[name]] if name in self.equal else self.one_of.get(name, ())
        if "$in" in demanded:
            return bool(values) and all(value in demanded["$in"] for value in values)
        # It exists: null also finds documents without it.
        return name in self.bounds or name in self.elements or (bool(values) and None not in values)


def _conjunction(query: Query) -> Iterator[tuple[str, Any]]:
    for name, condition in query.items():
        if name == "$and":
            for each in as_list(condition):
                yield from _conjunction(each)
        else:
            yield name, condition


@dataclass(frozen=True, slots=True)
class IndexUse:
    """How an index serves a query.

    Attributes:
        key: the index.
        entries: the query that the entries which are read meet: of a prefix of its fields, and a range of the next.
        is_ordered: whether the entries are in the order of the list.
    """

    key: IndexKey
    entries: Query
    is_ordered: bool

    def begins_with(self, order: Order) -> bool:
        """Whether the index has `order` behind fields with one value each."""
        fixed = {field for field, condition in self.entries.items() if not isinstance(condition, dict)}
        rest = [(field, direction) for field, direction in self.key.items() if field not in fixed]
        return bool(rest) and pattern_of(rest) == order.pattern

    def is_wider_than(self, other: "IndexUse") -> bool:
        """Whether all that `other` reads is read, and mostly more."""
        return self.entries.keys() < other.entries.keys()


def index_uses(document: type[Document], query: Query, order: Order) -> list[IndexUse]:
    """The ways in which the declared indexes of `document` serve `query` in `order`, the narrowest first.

    Of those that read the same entries there is one: in the order of the list if there is such, or in that of its first
    field, by which the list can be searched in slices.
    """
    conditions = Conditions.of(query)
    splits = "$and" not in query
    found = (_use(index, conditions, order, splits=splits) for index in _complete(document, conditions))
    uses = [use for use in found if use is not None]
    first = Order(order.keys[:1])
    uses.sort(key=lambda use: (len(use.entries), use.is_ordered, use.begins_with(first)), reverse=True)
    return list({frozenset(use.entries): use for use in reversed(uses)}.values())[::-1]


def covering_index(document: type[Document], query: Query) -> IndexKey | None:
    """The key of an index whose entries alone say which documents `query` finds; None if there is none."""
    conditions = Conditions.of(query)
    if conditions.elements:
        # Several entries of one document may match.
        return None
    return next((key for key, covered in _narrowest_first(document, conditions) if covered == conditions.count), None)


def narrowest_index(document: type[Document], query: Query) -> IndexKey | None:
    """The key of the index with the longest prefix for `query`, or of the first declared of several."""
    return next((key for key, _ in _narrowest_first(document, Conditions.of(query))), None)


def _narrowest_first(document: type[Document], conditions: Conditions) -> Sequence[tuple[IndexKey, int]]:
    return _entered_by(_complete(document, conditions), conditions.fixed, frozenset(conditions.bounds))


def _complete(document: type[Document], conditions: Conditions) -> tuple[Index, ...]:
    """The indexes that have all documents which meet `conditions`."""
    return tuple(
        index for index in usable_indexes(document) if index.condition is None or conditions.imply(index.condition)
    )


# Every read of an execution by its id needs it, and there are few shapes of queries.
@lru_cache(maxsize=1_024)
def _entered_by(
    indexes: tuple[Index, ...], fixed: frozenset[str], bounded: frozenset[str]
) -> Sequence[tuple[IndexKey, int]]:
    """Those of `indexes` that can be entered, and how many fields each has for it, the one with most first."""
    found = list[tuple[IndexKey, int]]()
    for index in indexes:
        fields = list(index.key)
        prefix = next((place for place, name in enumerate(fields) if name not in fixed), len(fields))
        is_ranged = prefix < len(fields) and fields[prefix] in bounded
        if prefix:
            found.append((index.key, prefix + is_ranged))
    return sorted(found, key=lambda entered: entered[1], reverse=True)


def _use(index: Index, conditions: Conditions, order: Order, *, splits: bool) -> IndexUse | None:
    fields = list(index.key)
    prefix = list(takewhile(conditions.fixed.__contains__, fields))
    if not prefix:
        return None
    rest = fields[len(prefix) :]
    is_ranged = bool(rest) and rest[0] in conditions.bounds
    entered = [*prefix, *(rest[:1] if is_ranged else ())]
    return IndexUse(
        key=index.key,
        entries=conditions.on(entered),
        is_ordered=_are_single(prefix, conditions, splits=splits) and _has_order(index, len(prefix), conditions, order),
    )


def _are_single(prefix: Sequence[str], conditions: Conditions, *, splits: bool) -> bool:
    """Whether the fields of `prefix` have one value in each branch of the query, the first list of which is split."""
    lists = [name for name in prefix if name in conditions.one_of]
    is_first = lists == list(conditions.one_of)[:1]
    return not lists or (splits and is_first and len(conditions.one_of[lists[0]]) <= _MOST_SPLIT)


def _has_order(index: Index, prefix: int, conditions: Conditions, order: Order) -> bool:
    """Whether the entries of one prefix are in `order`, read from one end or the other."""
    # A field with one value orders nothing.
    free = [(name, direction) for name, direction in order.to_mongo().items() if name not in conditions.equal]
    return bool(free) and index.order_behind(prefix) == pattern_of(free)

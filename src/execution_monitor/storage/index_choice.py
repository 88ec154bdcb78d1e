"""Index choice: the index that a query is hinted to use where none has exactly the rows of a list in its order.

Without a hint MongoDB tries every index that begins with the tenant, with real reads, and forgets the winner when its
time limit ends the trial: at 2,000,000 executions of one tenant that took 22.5 s, and 2.8 s for the same plan with a
hint. An index is entered by a *prefix* of its fields, for which the query has values, and perhaps by a range of the
next one. What it does not cover is *residual*: each document that is read is tested for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from beanie import Document

from execution_monitor.storage.filters import Query, as_list
from execution_monitor.storage.indexes import IndexKey, indexed_fields
from execution_monitor.storage.sorting import Order

# MongoDB merges up to 200 ranges of an index in the order of a list (internalQueryMaxScansToExplode).
_MAX_RANGES = 200
_BOUNDS = frozenset({"$gt", "$gte", "$lt", "$lte"})


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a query demands of each stored field.

    Attributes:
        equal: fields with one value.
        one_of: fields with one of several values.
        bounds: fields with a range.
        residual: how many conditions are none of these.
    """

    equal: Mapping[str, Any]
    one_of: Mapping[str, Sequence[Any]]
    bounds: Mapping[str, Query]
    residual: int

    @classmethod
    def of(cls, query: Query) -> "Conditions":
        """The conditions of `query`; of several on one field, all but the first are residual."""
        equal, one_of, bounds, residual = dict[str, Any](), dict[str, Sequence[Any]](), dict[str, Query](), 0
        for name, condition in _conjunction(query):
            if name.startswith("$") or name in equal or name in one_of or name in bounds:
                residual += 1
            elif not isinstance(condition, dict):
                equal[name] = condition
            else:
                operators = cast("dict[str, Any]", condition)
                if operators.keys() == {"$in"}:
                    one_of[name] = as_list(operators["$in"])
                elif (
                    operators.keys() <= _BOUNDS
                    or operators.keys() == {"$not"}
                    or str(operators.get("$regex", "")).startswith("^")
                ):
                    # Text that begins with something is a range, too, and what lies outside of one is two.
                    bounds[name] = operators
                else:
                    residual += 1
        return cls(equal, one_of, bounds, residual)

    @property
    def count(self) -> int:
        """How many conditions there are."""
        return len(self.equal) + len(self.one_of) + len(self.bounds) + self.residual

    def on(self, fields: Sequence[str]) -> Query:
        """The query of the conditions on `fields` alone."""
        lists = {name: {"$in": list(values)} for name, values in self.one_of.items()}
        conditions: Query = {**self.equal, **lists, **self.bounds}
        return {name: condition for name, condition in conditions.items() if name in fields}


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

    def is_wider_than(self, other: "IndexUse") -> bool:
        """Whether all that `other` reads is read, and mostly more."""
        return self.entries.keys() < other.entries.keys()


def index_uses(document: type[Document], query: Query, order: Order) -> list[IndexUse]:
    """The ways in which the declared indexes of `document` serve `query` in `order`, the narrowest first.

    Of those that read the same entries there is one, in the order of the list if there is such.
    """
    conditions = Conditions.of(query)
    uses = [use for fields in indexed_fields(document) if (use := _use(fields, conditions, order)) is not None]
    uses.sort(key=lambda use: (len(use.entries), use.is_ordered), reverse=True)
    return list({frozenset(use.entries): use for use in reversed(uses)}.values())[::-1]


def covering_index(document: type[Document], query: Query) -> IndexKey | None:
    """The key of an index whose entries alone say which documents `query` finds; None if there is none."""
    conditions = Conditions.of(query)
    return next((key for key, covered in _narrowest_first(document, conditions) if covered == conditions.count), None)


def narrowest_index(document: type[Document], query: Query) -> IndexKey | None:
    """The key of the index with the longest prefix for `query`, or of the first declared of several."""
    return next((key for key, _ in _narrowest_first(document, Conditions.of(query))), None)


def _narrowest_first(document: type[Document], conditions: Conditions) -> Sequence[tuple[IndexKey, int]]:
    fixed = frozenset(conditions.equal).union(conditions.one_of)
    return _entered_by(document, fixed, frozenset(conditions.bounds))


# Every read of an execution by its id needs it, and there are few shapes of queries.
@lru_cache(maxsize=1_024)
def _entered_by(
    document: type[Document], fixed: frozenset[str], bounded: frozenset[str]
) -> Sequence[tuple[IndexKey, int]]:
    """The indexes that can be entered, and how many conditions each covers, the one that covers most first."""
    found = list[tuple[IndexKey, int]]()
    for fields in indexed_fields(document):
        prefix = next((place for place, name in enumerate(fields) if name not in fixed), len(fields))
        is_ranged = prefix < len(fields) and fields[prefix] in bounded
        if prefix:
            found.append((dict.fromkeys(fields, 1), prefix + is_ranged))
    return sorted(found, key=lambda entered: entered[1], reverse=True)


def _use(fields: Sequence[str], conditions: Conditions, order: Order) -> IndexUse | None:
    prefix, ranges = list[str](), 1
    for name in fields:
        if name in conditions.one_of:
            ranges *= len(conditions.one_of[name])
        elif name not in conditions.equal:
            break
        prefix.append(name)
    if not prefix:
        return None
    rest = fields[len(prefix) :]
    is_ranged = bool(rest) and rest[0] in conditions.bounds
    entered = [*prefix, *(rest[:1] if is_ranged else ())]
    return IndexUse(
        key=dict.fromkeys(fields, 1),
        entries=conditions.on(entered),
        is_ordered=ranges <= _MAX_RANGES and _has_order(rest, conditions, order),
    )


def _has_order(rest: Sequence[str], conditions: Conditions, order: Order) -> bool:
    """Whether the entries of one prefix are in `order`, read from one end or the other."""
    # A field with one value orders nothing.
    free = [name for name in order.fields if name not in conditions.equal]
    return order.goes_one_way and free == list(rest)

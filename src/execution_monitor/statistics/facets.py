"""Facets: for one field, the values that executions have under a filter, and how many have each.

The filter of a facet is that of the list without its own conditions on the field, so that it shows what else there
is. It counts the newest matches up to the limit of counts. One value that cannot be read in time is better than a
page that fails, so a facet never runs long: in place of all it then counts the newest executions alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import DatabaseUnavailable, QueryTimeout, ResponseTooLarge
from execution_monitor.executions.executions import NEWEST_FIRST, Executions
from execution_monitor.executions.visibility import visible_to
from execution_monitor.statistics.requests import GroupField
from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.documents import Execution, ExecutionStatus
from execution_monitor.storage.facts import FACTS_KEY, ODD, ODD_FACTS_KEY, PLAIN
from execution_monitor.storage.filters import AllOf, AnyOf, Filter, Not, OneOf, Range, all_of, equals
from execution_monitor.storage.index_choice import IndexUse, index_uses
from execution_monitor.storage.indexes import IndexKey
from execution_monitor.storage.query_planning import choose_index
from execution_monitor.storage.reader import Reader

MAX_VALUES = 100

# Of the time limit of a query, for each of the two attempts: a page waits for its facets.
_SHARE = 10
# Those that the second attempt looks at: so many documents are read in 50 ms.
_NEWEST = 5_000
# More than there are.
_ALL = 2**53
# Reads all executions of a tenant in the order of a list, as `facts` does, but has nothing else.
_BY_TIME: IndexKey = {"tenant_id": 1, "created": 1, "_id": 1}

_Pipeline = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class FacetValue:
    """How many executions have a value; None stands for those without one.

    Not exact where counting ended at the limit of counts or at the time limit.
    """

    value: str | None
    count: int
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Facets:
    """The facets of lists of `executions`. They count only what their caller may see."""

    executions: Executions

    async def read(
        self, caller: Caller, where: Filter, by: GroupField, now: datetime | None = None
    ) -> list[FacetValue]:
        """The most frequent values of a field, most frequent first, at most 100; equally frequent ones in their order.

        Args:
            caller: who asks.
            where: the filter of the list.
            by: the field; of tags it is their keys.
            now: the instant that `where` may speak of; the present one where it is None.

        Raises:
            Forbidden: The caller lacks the scope `executions:read`.
            DatabaseUnavailable: MongoDB does not reply.
        """
        reader = self.executions.reader
        found = self.executions.visible(caller, without(where, by)).bind(now or reader.clock())
        limit = self.executions.count_limit
        quick = replace(reader, timeout_ms=max(1, reader.timeout_ms // _SHARE))
        try:
            return await _read_all(quick, caller, found, by, limit)
        except (QueryTimeout, ResponseTooLarge, DatabaseUnavailable):
            # A busy MongoDB stops a long query so late that it is taken for one that does not reply.
            pass
        try:
            return await _read_newest(quick, caller, found, by, limit)
        except (QueryTimeout, ResponseTooLarge):
            return []


def without(where: Filter, by: GroupField) -> Filter:
    """`where` without the conditions of its conjunction on the field alone; those within `or` and `not` stay."""
    return all_of(
        *(part for part in _parts_of(where) if isinstance(part, AnyOf | Not) or set(part.fields()) != {by.value})
    )


async def _read_all(reader: Reader, caller: Caller, found: Filter, by: GroupField, limit: int) -> list[FacetValue]:
    query = found.to_mongo()
    exact = choose_index(Execution, query, NEWEST_FIRST)
    if exact is not None and exact != _BY_TIME:
        # It has what is counted and nothing else, in its order.
        return await _group(reader, found, by, limit, _newest_first(limit + 1), exact)
    uses = index_uses(Execution, query, NEWEST_FIRST)
    narrowest = uses[0]
    if narrowest.entries.keys() != {"tenant_id"} and await _has_few(reader, caller, narrowest, limit):
        return await _group(reader, found, by, limit, _newest_first(limit + 1), narrowest.key)
    # All documents of a user are fewer than the index entries of a tenant.
    is_of_tenant = "user_id" not in narrowest.entries
    if is_of_tenant and {*found.fields(), by.value} <= FACTS_KEY.keys() and not await _has_odd(reader, found):
        # The rest of the conditions must not become bounds of the index: it would seek anew for nearly each entry.
        newest: _Pipeline = [{"$match": PLAIN}, {"$sort": {"created": -1}}, {"$limit": _ALL}, {"$match": query}]
        among = all_of(equals("tenant_id", caller.tenant), *_created(found))
        return await _group(reader, among, by, limit, [*newest, {"$limit": limit + 1}], FACTS_KEY)
    ordered = next((use.key for use in uses if use.is_ordered), _BY_TIME)
    return await _group(reader, found, by, limit, _newest_first(limit + 1), ordered)


async def _read_newest(reader: Reader, caller: Caller, found: Filter, by: GroupField, limit: int) -> list[FacetValue]:
    """The values among the newest executions that the caller may see, whether they match or not."""
    # Whose they are; what else is visible is tested with the filter.
    seen = [part for part in _parts_of(visible_to(caller)) if isinstance(part, OneOf) and len(part.values) == 1]
    among = all_of(*seen, *_created(found))
    key = choose_index(Execution, among.to_mongo(), NEWEST_FIRST)
    newest: _Pipeline = [*_newest_first(_NEWEST), {"$match": found.to_mongo()}, {"$limit": limit + 1}]
    values = await _group(reader, among, by, limit, newest, key)
    return [replace(each, is_exact=False) for each in values]


async def _has_few(reader: Reader, caller: Caller, use: IndexUse, limit: int) -> bool:
    """Whether an index has so few entries for a filter that all of their documents can be read."""
    counted: _Pipeline = [{"$match": use.entries}, {"$limit": limit + 1}, {"$count": "entries"}]
    rows = await reader.aggregate(Execution, counted, equals("tenant_id", caller.tenant), hint=use.key)
    return not rows or rows[0]["entries"] <= limit


def _created(found: Filter) -> list[Filter]:
    return [part for part in _parts_of(found) if isinstance(part, Range) and part.field == CREATED]


async def _has_odd(reader: Reader, found: Filter) -> bool:
    """Whether an execution matches that the index of facts does not have."""
    first: _Pipeline = [{"$match": ODD}, {"$limit": 1}, {"$project": {"_id": 1}}]
    return bool(await reader.aggregate(Execution, first, found, hint=ODD_FACTS_KEY))


def _newest_first(limit: int) -> _Pipeline:
    return [{"$sort": NEWEST_FIRST.to_mongo()}, {"$limit": limit}]


async def _group(  # noqa: PLR0913, PLR0917 - what one query is made of
    reader: Reader, found: Filter, by: GroupField, limit: int, newest: _Pipeline, hint: IndexKey | None
) -> list[FacetValue]:
    """Count the values of up to one more execution than `limit`, which shows whether there are more."""
    pipeline = [*newest, *_counted(by, limit)]
    rows = await reader.aggregate(Execution, pipeline, found, hint=hint)
    return [FacetValue(row["_id"], row["count"], row["total"] <= limit) for row in rows]


def _counted(by: GroupField, limit: int) -> _Pipeline:
    """The stages that count values; of one execution more than `limit`, the last one, they take its own out again."""
    every = {"documents": ["unbounded", "unbounded"]}
    is_last = {"$and": [{"$gt": ["$total", limit]}, {"$eq": ["$place", 1]}]}
    return [
        {"$group": {"_id": _value_of(by), "count": {"$sum": 1}, "last": {"$last": "$created"}}},
        {
            "$setWindowFields": {
                # The group that has the oldest of all is first.
                "sortBy": {"last": 1},
                "output": {"total": {"$sum": "$count", "window": every}, "place": {"$documentNumber": {}}},
            }
        },
        {"$set": {"count": {"$subtract": ["$count", {"$cond": [is_last, 1, 0]}]}}},
        *(_EACH_TAG if by is GroupField.TAG else ()),
        {"$match": {"count": {"$gt": 0}}},
        {"$sort": {"count": -1, "_id": 1}},
        {"$limit": MAX_VALUES},
    ]


def _value_of(by: GroupField) -> Mapping[str, Any]:
    """What `keys_of` finds in Python; of tags all keys of an execution together."""
    path = f"${by.value}"
    return _VALUES.get(by) or {"$cond": [{"$eq": [{"$type": path}, "string"]}, path, None]}


_STATUSES = [status.value for status in ExecutionStatus]
_IS_TAG: Mapping[str, Any] = {"$and": [{"$eq": [{"$type": f"$$tag.{name}"}, "string"]} for name in ("key", "value")]}
_TAGS: Mapping[str, Any] = {
    "$filter": {"input": {"$cond": [{"$isArray": "$tags"}, "$tags", []]}, "as": "tag", "cond": _IS_TAG}
}
_VALUES: Mapping[GroupField, Mapping[str, Any]] = {
    # As `status_of` shows them.
    GroupField.STATUS: {"$cond": [{"$in": ["$status", _STATUSES]}, "$status", ExecutionStatus.PENDING.value]},
    # All keys of an execution, each once: executions are counted, not tags.
    GroupField.TAG: {"$setUnion": [{"$map": {"input": _TAGS, "as": "tag", "in": "$$tag.key"}}, []]},
}
_EACH_TAG: _Pipeline = [
    {"$unwind": {"path": "$_id", "preserveNullAndEmptyArrays": True}},
    {"$group": {"_id": {"$ifNull": ["$_id", None]}, "count": {"$sum": "$count"}, "total": {"$first": "$total"}}},
]


def _parts_of(where: Filter) -> tuple[Filter, ...]:
    return where.parts if isinstance(where, AllOf) else (where,)

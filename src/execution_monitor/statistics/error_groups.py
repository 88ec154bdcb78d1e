"""Error groups: what fails most, and since when: executions counted by code, type and message pattern of their error.

MongoDB groups executions by their messages as they are; their patterns are found here, between other requests. Counted
are the newest executions with an error, up to a bound, so that time and memory have one as well.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import nsmallest
from typing import Any

from bson import Timestamp
from pymongo.errors import OperationFailure

from execution_monitor.auth.caller import Caller
from execution_monitor.executions.executions import NEWEST_FIRST, Executions
from execution_monitor.statistics.time_buckets import TimeBucket
from execution_monitor.statistics.time_range import CREATED, time_range_of
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.error_groups import CODE, ERROR, MESSAGE, TYPE, ErrorGroup
from execution_monitor.storage.error_patterns import EXAMINED
from execution_monitor.storage.filters import MAX_TEXT_LENGTH, AllOf, AnyOf, Filter, Not, OneOf, Range, all_of
from execution_monitor.storage.find_command import BAD_VALUE
from execution_monitor.storage.index_choice import index_uses
from execution_monitor.storage.indexes import IndexKey
from execution_monitor.storage.reader import translated_errors
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.snapshots import Snapshot
from execution_monitor.turns import Turns

MAX_COUNTED = 50_000
MAX_WORKFLOW_NAMES = 10
LOOK_BACK = timedelta(days=7)

_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_MINUTE = 60_000
# All time zones in use are whole quarters of an hour from UTC.
_GRAINS = (15 * _MINUTE, _MINUTE)

_Pipeline = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ErrorGroupsRequest:
    """Which executions to group, and what to tell of each group.

    Attributes:
        matching: the filter with its range of `created`, bound to an instant.
        now: that instant.
        first: so many groups, most frequent first.
        at: the cluster time to read at; None for the present.
        buckets: count each group in these as well.
        looks_back: whether to tell which groups are new.
    """

    matching: Filter
    now: datetime
    first: int = 10
    at: Timestamp | None = None
    buckets: Sequence[TimeBucket] = ()
    looks_back: bool = True


@dataclass(slots=True)
class CountedErrorGroup:
    """The executions of a group.

    Attributes:
        group: what their errors have in common.
        count: how many there are.
        first_seen: when the oldest of them was created.
        last_seen: when the newest was.
        newest_id: the `execution_id` of the newest.
        is_new: whether there was none like them in the 7 days before the range; None where that was not requested.
        workflows: how many are of each workflow.
        counts: by the place of a bucket.
    """

    group: ErrorGroup
    count: int = 0
    first_seen: datetime = _LATEST
    last_seen: datetime = _EARLIEST
    newest_id: str | None = None
    is_new: bool | None = None
    workflows: Counter[str] = field(default_factory=Counter[str])
    counts: Counter[int] = field(default_factory=Counter[int])

    @property
    def workflow_names(self) -> list[str]:
        """The names of the workflows, most frequent first, at most 10."""
        ordered = sorted(self.workflows.items(), key=lambda each: (-each[1], each[0]))
        return [name for name, _ in ordered[:MAX_WORKFLOW_NAMES]]

    def series(self, buckets: Sequence[TimeBucket]) -> list[int]:
        """How many there are in each bucket of the request."""
        return [self.counts[place] for place in range(len(buckets))]


@dataclass(frozen=True, slots=True)
class ErrorGroups:
    """The error groups of `executions`. They count only what their caller may see."""

    executions: Executions

    async def find(self, caller: Caller, request: ErrorGroupsRequest) -> list[CountedErrorGroup]:
        """The most frequent groups, equally frequent ones with the newest first.

        Raises:
            Forbidden: The caller lacks the scope `executions:read`.
            QueryTimeout: There is too much to read.
        """
        where = self.executions.visible(caller, request.matching).bind(request.now)
        starts = [(bucket.start - _EPOCH) // _MILLISECOND for bucket in request.buckets]
        grain = _grain_of(starts)
        found = dict[ErrorGroup, CountedErrorGroup]()
        async for group, row in self._read(request, where, _counted_by_message(grain if starts else None)):
            counted = found.setdefault(group, CountedErrorGroup(group))
            _add(counted, row)
            if starts:
                # The last bucket holds what is later, as that of the series does.
                place = max(0, bisect_right(starts, int(row["_id"]["grain"]) * grain) - 1)
                counted.counts[place] += row["count"]
        groups = nsmallest(request.first, found.values(), key=_place_of)
        if request.looks_back and groups:
            known = await self._known_before(caller, request, groups)
            for each in groups:
                each.is_new = each.group not in known
        return groups

    async def _known_before(
        self, caller: Caller, request: ErrorGroupsRequest, groups: Sequence[CountedErrorGroup]
    ) -> set[ErrorGroup]:
        """The groups in the 7 days before the range, among those that have a code and type of `groups`."""
        start = time_range_of(request.matching, request.now).start
        earlier = all_of(
            _without_range(request.matching),
            Range(CREATED, gte=start - LOOK_BACK, lt=start),
            OneOf(CODE, tuple({each.group.code for each in groups})),
            OneOf(TYPE, tuple({each.group.type for each in groups})),
        )
        where = self.executions.visible(caller, earlier).bind(request.now)
        return {group async for group, _ in self._read(request, where, _MESSAGES)}

    async def _read(
        self, request: ErrorGroupsRequest, where: Filter, grouped: _Pipeline
    ) -> AsyncGenerator[tuple[ErrorGroup, BsonDocument]]:
        """The rows of `grouped` that are in a group, with it."""
        hint = _index_for(where)
        with translated_errors(Execution, where):
            try:
                async for found in self._read_by(hint, request, where, grouped):
                    yield found
            except OperationFailure as error:
                # The index is missing.
                if hint is None or error.code != BAD_VALUE:
                    raise
                async for found in self._read_by(None, request, where, grouped):
                    yield found

    async def _read_by(
        self, hint: IndexKey | None, request: ErrorGroupsRequest, where: Filter, grouped: _Pipeline
    ) -> AsyncGenerator[tuple[ErrorGroup, BsonDocument]]:
        reader, query = self.executions.reader, where.to_mongo()
        pipeline = [{"$match": _HAS_ERROR}, {"$sort": NEWEST_FIRST.to_mongo()}, {"$limit": MAX_COUNTED}, *grouped]
        async with Snapshot.opened(reader.database.rows(Execution), reader.timeout_ms, request.at) as snapshot:
            turns = Turns()
            async for row in snapshot.aggregate(query, pipeline, hint):
                key = row["_id"]
                group = ErrorGroup.of_error(key.get("code"), key.get("type"), key.get("message"))
                if group is not None:
                    yield group, row
                await turns.give_way()


def _add(counted: CountedErrorGroup, row: BsonDocument) -> None:
    counted.count += row["count"]
    first, last = to_datetime(row["first"]), to_datetime(row["last"])
    if first is not None and last is not None:
        counted.first_seen = min(counted.first_seen, first)
        if last > counted.last_seen:
            newest = row.get("newest")
            counted.last_seen, counted.newest_id = last, newest if isinstance(newest, str) else None
    workflow = row["_id"].get("workflow")
    if workflow is not None:
        counted.workflows[workflow] += row["count"]


def _index_for(where: Filter) -> IndexKey | None:
    """The narrowest index that has the executions in the order of time."""
    uses = index_uses(Execution, where.to_mongo(), NEWEST_FIRST)
    return next((use.key for use in uses if use.is_ordered), None)


def _place_of(counted: CountedErrorGroup) -> tuple[int, timedelta, tuple[str, ...]]:
    group = counted.group
    return -counted.count, _LATEST - counted.last_seen, (group.code or "", group.type or "", group.pattern or "")


def _grain_of(starts: Sequence[int]) -> int:
    """The milliseconds of the longest grain that buckets with these starts consist of."""
    return next(grain for grain in _GRAINS if grain == _MINUTE or not any(start % grain for start in starts))


def _without_range(where: Filter) -> Filter:
    """`where` without the conditions of its conjunction on the time of creation; those within `or` and `not` stay."""
    parts = where.parts if isinstance(where, AllOf) else (where,)
    return all_of(*(part for part in parts if isinstance(part, AnyOf | Not) or set(part.fields()) != {CREATED}))


# As `ErrorGroup.of` says, with a time of creation that is one.
_HAS_ERROR: Mapping[str, Any] = {
    "$nor": [{path: {"$type": "array"}} for path in (ERROR, CODE, TYPE, MESSAGE, CREATED)],
    "$or": [{path: {"$type": "string"}} for path in (CODE, TYPE, MESSAGE)],
}


def _text(path: str, longest: int) -> dict[str, Any]:
    """The beginning of a text; of anything else its own value, which is in no group."""
    is_text = {"$eq": [{"$type": f"${path}"}, "string"]}
    return {"$cond": [is_text, {"$substrCP": [f"${path}", 0, longest]}, {"$ifNull": [f"${path}", None]}]}


# The expressions for what the group of an execution is made of.
ERROR_KEY: Mapping[str, Any] = {
    # One more than may be: those are in no group.
    "code": _text(CODE, MAX_TEXT_LENGTH + 1),
    "type": _text(TYPE, MAX_TEXT_LENGTH + 1),
    "message": _text(MESSAGE, EXAMINED),
}
_MESSAGES: _Pipeline = [{"$group": {"_id": ERROR_KEY}}]


def _counted_by_message(grain: int | None) -> _Pipeline:
    """Counts by message and workflow; with a `grain`, by the so manieth one since 1970 as well."""
    workflow = {"$cond": [{"$eq": [{"$type": "$workflow_name"}, "string"]}, "$workflow_name", None]}
    moment = {} if grain is None else {"grain": {"$floor": {"$divide": [{"$toLong": f"${CREATED}"}, grain]}}}
    return [
        {
            "$group": {
                "_id": {**ERROR_KEY, "workflow": workflow, **moment},
                "count": {"$sum": 1},
                # The newest comes first.
                "newest": {"$first": "$execution_id"},
                "last": {"$first": f"${CREATED}"},
                "first": {"$last": f"${CREATED}"},
            }
        }
    ]

"""Pipelines: the stages by which MongoDB sends what is added up of executions, and finds the first of many groups.

`Question.add` says what one document means. Each document becomes a small one with its status, the place of its
bucket, its groups and its values; `folding` adds these up, which takes less time in all than MongoDB's `$group` with
an expression for each bin and each sum. Where only numbers of executions are wanted, MongoDB counts equal ones.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bson import DatetimeMS

from execution_monitor.statistics.measures import LARGEST_OF, Measure
from execution_monitor.statistics.questions import Question
from execution_monitor.statistics.requests import GroupField, GroupKey, GroupOrder
from execution_monitor.statistics.sketches import bin_expression, micros_expression, usable_expression
from execution_monitor.storage.documents import TERMINAL_STATUSES, ExecutionStatus
from execution_monitor.storage.rows import BsonDocument

Stage = Mapping[str, Any]

# The fields of small documents; those of groups have the names of `name_of`. Counted ones are the `_id` of a row.
STATUS, PLACE, TIMES = "s", "b", "n"
VALUES = {Measure.DURATION: "d", Measure.COST: "c", Measure.TOKENS: "t"}
_GROUP_NAMES = {by: f"k{place}" for place, by in enumerate(GroupField)}
_PATHS = {Measure.DURATION: "$total_duration", Measure.COST: "$total_cost", Measure.TOKENS: "$tokens_used"}
_TERMINAL = sorted(TERMINAL_STATUSES)
_FAILURES = [ExecutionStatus.FAILED.value, ExecutionStatus.TIMED_OUT.value]
_TEXT_TYPES = ["string", "symbol"]
_FIRST_DATE = DatetimeMS(-(2**63))
_P95 = 0.95
_EMPTY: Sequence[Any] = []


def name_of(by: GroupField) -> str:
    """The field of small documents for the groups by one field: a key, or a list of tags."""
    return _GROUP_NAMES[by]


def small_documents(question: Question, *, limit: int | None = None, dated: bool | None = None) -> list[Stage]:
    """The stages that make small documents: of all, or only of those whose time of creation is one date, or is not.

    Where numbers of executions alone are wanted, equal ones are counted, `limit` documents at most.
    """
    project: dict[str, Any] = {STATUS: _below("$status", {})}
    if question.buckets or dated is not None:
        project[PLACE] = _place(question)
    # In MongoDB's order NaN comes before all numbers, and nothing else that is long before the end of them.
    project |= {
        VALUES[each]: _below(_PATHS[each], LARGEST_OF[each], "$lte") for each in _PATHS if each in question.measured
    }
    for by in question.grouped:
        if by is not GroupField.STATUS:
            project[name_of(by)] = tags_expression() if by is GroupField.TAG else _below(f"${by.value}", {})
    stages: list[Stage] = [{"$project": {"_id": 0, **project}}]
    if dated is not None:
        stages.append({"$match": {PLACE: {"$ne": None} if dated else None}})
    if question.measured:
        return stages
    if limit is not None:
        stages.append({"$limit": limit})
    return [*stages, {"$group": {"_id": {name: f"${name}" for name in project}, TIMES: {"$sum": 1}}}]


def first_keys(by: GroupField, order: GroupOrder, first: int, without: Sequence[GroupKey]) -> list[Stage]:
    """The stages that find the first groups by one field but those `without`, of any number: a row for each key."""
    key = f"${name_of(by)}"
    project: dict[str, Any] = {
        "_id": 0,
        "s": "$status",
        name_of(by): tags_expression() if by is GroupField.TAG else key_expression(by),
    }
    total, lists = dict[str, Any](n={"$sum": 1}), dict[str, Any]()
    if order is GroupOrder.COST:
        project["c"], total["c"] = micros_expression(usable_expression(_PATHS[Measure.COST])), {"$sum": "$c"}
    if order is GroupOrder.P95:
        # A list has no nulls.
        project["d"] = {"$ifNull": [bin_expression(usable_expression(_PATHS[Measure.DURATION])), "$$REMOVE"]}
        lists["d"] = {"$push": "$d"}
    completed = {"$cond": [{"$eq": ["$_id.s", ExecutionStatus.COMPLETED.value]}, "$n", 0]}
    failed = {"$cond": [{"$in": ["$_id.s", _FAILURES]}, "$n", 0]}
    sums = {"n": {"$sum": "$n"}, "c": {"$sum": "$c"}, "completed": {"$sum": completed}, "failed": {"$sum": failed}}
    parts = {"parts": {"$push": {"s": "$_id.s", "d": "$d"}}} if lists else {}
    return [
        {"$project": project},
        *([{"$unwind": key}] if by is GroupField.TAG else []),
        *([{"$match": {name_of(by): {"$nin": [_stored(each) for each in without]}}}] if without else []),
        {"$group": {"_id": {"v": key, "s": "$s"}, **total, **lists}},
        {"$group": {"_id": "$_id.v", **sums, **parts}},
        {"$set": {"rank": _rank(order), "none": {"$eq": ["$_id", None]}}},
        # The order of `first_groups`.
        {"$sort": {"rank": -1, "n": -1, "none": 1, "_id": 1}},
        {"$limit": first},
        {"$project": {"_id": 0, "v": "$_id"}},
    ]


def key_in(row: BsonDocument) -> GroupKey:
    """The key in a row of `first_keys`."""
    value: Any = row["v"]
    return value if value is None or isinstance(value, str) else tag_of(value)


def tag_of(stored: Mapping[str, str]) -> GroupKey:
    """The key of the group of a tag."""
    return stored["key"], stored["value"]


def _stored(key: GroupKey) -> Any:
    return {"key": key[0], "value": key[1]} if isinstance(key, tuple) else key


def _rank(order: GroupOrder) -> Any:
    match order:
        case GroupOrder.COUNT:
            return "$n"
        case GroupOrder.FAILURES:
            return "$failed"
        case GroupOrder.FAILURE_RATE:
            ended = {"$add": ["$completed", "$failed"]}
            rate = {"$subtract": [1, {"$divide": ["$completed", ended]}]}
            return {"$cond": [{"$gt": [ended, 0]}, rate, -1]}
        case GroupOrder.P95:
            return _p95()
        case GroupOrder.COST:
            return "$c"


def _p95() -> Stage:
    """The bin of the value that 95 % of the durations reach; null, which is lowest, where there are none."""
    of_ended = {"$cond": [{"$in": ["$$this.s", _TERMINAL]}, "$$this.d", _EMPTY]}
    joined = {"$reduce": {"input": "$parts", "initialValue": _EMPTY, "in": {"$concatArrays": ["$$value", of_ended]}}}
    place = {"$toInt": {"$floor": {"$multiply": [_P95, {"$subtract": [{"$size": "$$bins"}, 1]}]}}}
    ordered = {"bins": {"$sortArray": {"input": joined, "sortBy": 1}}}
    return {"$let": {"vars": ordered, "in": {"$ifNull": [{"$arrayElemAt": ["$$bins", place]}, None]}}}


def _below(path: str, bound: Any, operator: str = "$lt") -> Stage:
    """A value as it is, null where it is not below `bound`; below objects are no types but texts and numbers."""
    return {"$cond": [{operator: [path, bound]}, path, None]}


def key_expression(by: GroupField) -> Stage:
    """The expression for the key of a group: the text at a path, or null."""
    path = f"${by.value}"
    return {"$cond": [{"$in": [{"$type": path}, _TEXT_TYPES]}, path, None]}


def tags_expression() -> Stage:
    """The expression for the different tags of a document; a list of null where it has none."""
    texts = [{"$in": [{"$type": f"$$this.{name}"}, _TEXT_TYPES]} for name in ("key", "value")]
    stored = {"$cond": [{"$isArray": "$tags"}, "$tags", _EMPTY]}
    valid = {"$filter": {"input": stored, "as": "this", "cond": {"$and": texts}}}
    pairs = {"$map": {"input": valid, "as": "this", "in": {"key": "$$this.key", "value": "$$this.value"}}}
    return {
        "$let": {
            "vars": {"tags": {"$setUnion": [pairs, _EMPTY]}},
            "in": {"$cond": [{"$eq": ["$$tags", _EMPTY]}, [None], "$$tags"]},
        }
    }


def _place(question: Question) -> Any:
    """The place of the bucket, as `Question.bucket_of`; null for an array of dates."""
    starts = [bucket.start for bucket in question.buckets]

    def between(low: int, high: int) -> Any:
        if high - low <= 1:
            return low
        middle = (low + high) // 2
        return {"$cond": [{"$lt": ["$created", starts[middle]]}, between(low, middle), between(middle, high)]}

    # In MongoDB's order arrays are less than all dates.
    return {"$cond": [{"$lt": ["$created", _FIRST_DATE]}, None, between(0, len(starts))]}

"""Pipelines: the stages by which MongoDB adds up executions, and what the rows that they make add to tables.

`Question.add` says what one document means; these stages mean the same. Each document becomes a small one with its
status, its bucket, its groups and the bins of its values. A *branch* then groups these, one for the totals and the
series, and one for each field to group by; several branches share one pass by `$facet`. A row of a branch has the
executions of one key and status, with lists of bins: a list of 8 million numbers is the most that MongoDB sends at
once, so the documents of one pass are limited.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bson import DatetimeMS

from execution_monitor.statistics.measures import COUNT_ALONE, Breakdown, Measure, status_of
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import GroupField, GroupKey, GroupOrder
from execution_monitor.statistics.sketches import bin_expression, micros_expression, usable_expression
from execution_monitor.storage.documents import TERMINAL_STATUSES, ExecutionStatus
from execution_monitor.storage.rows import BsonDocument

Stage = Mapping[str, Any]

_STATUSES = [status.value for status in ExecutionStatus]
_TERMINAL = sorted(TERMINAL_STATUSES)
_FAILURES = [ExecutionStatus.FAILED.value, ExecutionStatus.TIMED_OUT.value]
_TEXT_TYPES = ["string", "symbol"]
_FIRST_DATE = DatetimeMS(-(2**63))
_P95 = 0.95
_EMPTY: Sequence[Any] = []
# The fields of the small documents, and of the rows: of each measure a list of bins, a sum, or both.
_BINS = {Measure.DURATION: "d", Measure.COST: "c"}
_SUMS = {Measure.DURATION: "dm", Measure.COST: "cm", Measure.TOKENS: "t"}
_PATHS = {Measure.DURATION: "$total_duration", Measure.COST: "$total_cost", Measure.TOKENS: "$tokens_used"}
_MEASURES = tuple(_PATHS)


@dataclass(frozen=True, slots=True)
class Branch:
    """One way to group the documents of a pass.

    Attributes:
        by: the field; None for the totals and the series.
        measures: what is measured of each group.
        keys: groups that alone are wanted; None for all.
        first: so many groups, the first in `order`; None for all.
        without: groups that are none of the first.
    """

    by: GroupField | None
    measures: Measure
    keys: Sequence[GroupKey] | None = None
    first: int | None = None
    order: GroupOrder = GroupOrder.COUNT
    without: Sequence[GroupKey] = ()


def overview(question: Question) -> Branch:
    """The branch of the totals, the series, and the groups by status."""
    request = question.request
    by_status = question.grouped.get(GroupField.STATUS, COUNT_ALONE)
    return Branch(None, (request.totals or COUNT_ALONE) | (request.series or COUNT_ALONE) | by_status)


def small_documents(question: Question, branches: Sequence[Branch], *, dated: bool | None = None) -> list[Stage]:
    """The stages that make small documents: of all, or only of those whose time of creation is one date, or is not."""
    project: dict[str, Any] = {"_id": 0, "s": _status()}
    if question.buckets or dated is not None:
        project["b"] = _place(question)
    for measure in _MEASURES:
        if any(measure in branch.measures for branch in branches):
            value = usable_expression(_PATHS[measure])
            if measure is Measure.TOKENS:
                project[_SUMS[measure]] = {"$toLong": {"$round": [value, 0]}}
                continue
            # A list has no nulls.
            project[_BINS[measure]] = {"$ifNull": [bin_expression(value), "$$REMOVE"]}
            project[_SUMS[measure]] = micros_expression(value)
    for by in {branch.by for branch in branches if branch.by is not None}:
        project[_name(by)] = _tags() if by is GroupField.TAG else _text(f"${by.value}")
    if dated is None:
        return [{"$project": project}]
    return [{"$project": project}, {"$match": {"b": {"$ne": None} if dated else None}}]


def grouped(branches: Sequence[Branch]) -> list[Stage]:
    """The stages that group small documents in one pass; their rows say which branch they are of."""
    if len(branches) == 1:
        return _stages_of(branches[0], 0)
    names = [f"k{place}" for place in range(len(branches))]
    facets = {name: _stages_of(branch, place) for place, (name, branch) in enumerate(zip(names, branches, strict=True))}
    return [
        {"$facet": facets},
        # One row after another: all in one document would soon be too large.
        {"$project": {"rows": {"$concatArrays": [f"${name}" for name in names]}}},
        {"$unwind": "$rows"},
        {"$replaceRoot": {"newRoot": "$rows"}},
    ]


def keys_alone(branch: Branch) -> list[Stage]:
    """The stages that find which groups are the first, without what is measured of them: for any number of groups."""
    needed = {GroupOrder.P95: Measure.DURATION, GroupOrder.COST: Measure.COST}.get(branch.order, COUNT_ALONE)
    bins = branch.order is GroupOrder.P95
    return [
        *_selected(branch),
        _group({"v": f"${_name(branch.by)}", "s": "$s"}, needed, bins=bins),
        *_first(branch, needed, bins=bins),
        {"$project": {"_id": 0, "v": "$_id"}},
    ]


def _stages_of(branch: Branch, place: int) -> list[Stage]:
    fields = {name: 1 for measure in _MEASURES if measure in branch.measures for name in _names_of(measure)}
    tail = {"$project": {"_id": 0, "k": {"$literal": place}, "v": "$_id.v", "b": "$_id.b", "s": "$_id.s", "n": 1}}
    tail["$project"] |= fields
    if branch.by is None:
        return [_group({"s": "$s", "b": "$b"}, branch.measures), tail]
    stages = [*_selected(branch), _group({"v": f"${_name(branch.by)}", "s": "$s"}, branch.measures)]
    if branch.first is None:
        return [*stages, tail]
    return [
        *stages,
        *_first(branch, branch.measures),
        {"$unwind": "$parts"},
        {"$set": {"parts.k": {"$literal": place}, "parts.v": "$_id"}},
        {"$replaceRoot": {"newRoot": "$parts"}},
    ]


def _selected(branch: Branch) -> list[Stage]:
    name = _name(branch.by)
    unwound: list[Stage] = [{"$unwind": f"${name}"}] if branch.by is GroupField.TAG else []
    if branch.keys is not None:
        return [*unwound, {"$match": {name: {"$in": [_stored(key) for key in branch.keys]}}}]
    if branch.without:
        return [*unwound, {"$match": {name: {"$nin": [_stored(key) for key in branch.without]}}}]
    return unwound


def _group(key: Mapping[str, Any], measures: Measure, *, bins: bool = True) -> Stage:
    sums = {_SUMS[each]: {"$sum": f"${_SUMS[each]}"} for each in _MEASURES if each in measures}
    lists = {_BINS[each]: {"$push": f"${_BINS[each]}"} for each in _BINS if each in measures} if bins else {}
    return {"$group": {"_id": key, "n": {"$sum": 1}, **sums, **lists}}


def _first(branch: Branch, measures: Measure, *, bins: bool = True) -> list[Stage]:
    """The stages that leave the first groups, each with its `parts`, one a status: in the order of `first_groups`."""
    names = [name for each in _MEASURES if each in measures for name in _names_of(each) if bins or name not in "dc"]
    part = {"s": "$_id.s", "n": "$n", **{name: f"${name}" for name in names}}
    completed = {"$cond": [{"$eq": ["$_id.s", ExecutionStatus.COMPLETED.value]}, "$n", 0]}
    failed = {"$cond": [{"$in": ["$_id.s", _FAILURES]}, "$n", 0]}
    sums = {"n": {"$sum": "$n"}, "completed": {"$sum": completed}, "failed": {"$sum": failed}, "cm": {"$sum": "$cm"}}
    return [
        {"$group": {"_id": "$_id.v", "parts": {"$push": part}, **sums}},
        {"$set": {"rank": _rank(branch.order), "none": {"$eq": ["$_id", None]}}},
        {"$sort": {"rank": -1, "n": -1, "none": 1, "_id": 1}},
        {"$limit": branch.first},
    ]


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
            return "$cm"


def _p95() -> Stage:
    """The bin of the value that 95 % of the durations reach; null, which is lowest, where there are none."""
    of_ended = {"$cond": [{"$in": ["$$this.s", _TERMINAL]}, "$$this.d", _EMPTY]}
    joined = {"$reduce": {"input": "$parts", "initialValue": _EMPTY, "in": {"$concatArrays": ["$$value", of_ended]}}}
    place = {"$toInt": {"$floor": {"$multiply": [_P95, {"$subtract": [{"$size": "$$bins"}, 1]}]}}}
    ordered = {"bins": {"$sortArray": {"input": joined, "sortBy": 1}}}
    return {"$let": {"vars": ordered, "in": {"$ifNull": [{"$arrayElemAt": ["$$bins", place]}, None]}}}


def _names_of(measure: Measure) -> list[str]:
    return [_SUMS[measure], *([_BINS[measure]] if measure in _BINS else [])]


def _name(by: GroupField | None) -> str:
    return "" if by is None else f"by_{by.name.lower()}"


def _status() -> Stage:
    return {"$cond": [{"$in": ["$status", _STATUSES]}, "$status", ExecutionStatus.PENDING.value]}


def _text(path: str) -> Stage:
    return {"$cond": [{"$in": [{"$type": path}, _TEXT_TYPES]}, path, None]}


def _tags() -> Stage:
    """The different tags of a document; a list of null where it has none."""
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


def _stored(key: GroupKey) -> Any:
    return {"key": key[0], "value": key[1]} if isinstance(key, tuple) else key


def _key_of(value: Any) -> GroupKey:
    return (value["key"], value["value"]) if isinstance(value, Mapping) else value  # pyright: ignore[reportUnknownVariableType]


def keys_of_rows(rows: Iterable[BsonDocument]) -> list[GroupKey]:
    """The keys in the rows of `keys_alone`."""
    return [_key_of(row["v"]) for row in rows]


@dataclass(slots=True)
class Folding:
    """Adds the rows of one pass to tables, `weight` times each.

    Attributes:
        found: how many executions were added, each once.
    """

    question: Question
    tables: StatisticsTables
    branches: Sequence[Branch]
    weight: int = 1
    found: int = 0
    _totals: dict[ExecutionStatus, BsonDocument] = field(default_factory=dict[ExecutionStatus, BsonDocument])
    _owners: dict[tuple[GroupField, GroupKey], int] = field(default_factory=dict[tuple[GroupField, GroupKey], int])

    def add(self, row: BsonDocument) -> int:
        """Add one row; return how many executions it has."""
        place: int = row["k"]
        by, status = self.branches[place].by, status_of(row["s"])
        if by is None:
            self._add_overview(row, status)
            self.found += row["n"]
        else:
            key = _key_of(row.get("v"))
            # A group may be among the first by several orders.
            if self._owners.setdefault((by, key), place) == place:
                self._add(self.tables.of_group(by, key), status, row)
        return row["n"]

    def _add_overview(self, row: BsonDocument, status: ExecutionStatus) -> None:
        place, known = row.get("b"), self._totals.get(status)
        if self.question.buckets and place is not None:
            self._add(self.tables.of_bucket(place), status, row)
        if known is None:
            self._totals[status] = row
            return
        for name in {"n", *_SUMS.values(), *_BINS.values()} & row.keys():
            known[name] += row[name]

    def finish(self) -> None:
        """Add the totals, once all rows were added."""
        for status, row in self._totals.items():
            if self.question.request.totals is not None:
                self._add(self.tables.totals, status, row)
            if GroupField.STATUS in self.question.grouped:
                self._add(self.tables.of_group(GroupField.STATUS, status.value), status, row)

    def _add(self, breakdown: Breakdown, status: ExecutionStatus, row: BsonDocument) -> None:
        measures, weight = breakdown.of_status(status), self.weight
        measures.count += row["n"] * weight
        if "d" in row and status in TERMINAL_STATUSES:
            measures.durations.add_bins(_counted(row["d"], weight), row["dm"] * weight)
        if "c" in row:
            measures.costs.add_bins(_counted(row["c"], weight), row["cm"] * weight)
        measures.tokens += int(row.get("t", 0)) * weight


def _counted(bins: Sequence[int], weight: int) -> Mapping[int, int]:
    counts = Counter(bins)
    return counts if weight == 1 else {number: count * weight for number, count in counts.items()}

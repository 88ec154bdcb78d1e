"""Plans: which rows answer a question, and what is left of its range of time to read from executions themselves.

Rows tell executions apart by tenant, owner, workflow, status, error code and time of creation. A question is answered
from them if its conditions, those of its caller's roles included, and its groups are about these alone.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from bson import DatetimeMS

from execution_monitor.statistics.measures import COUNT_ALONE, Measure
from execution_monitor.statistics.questions import Question
from execution_monitor.statistics.requests import GroupField
from execution_monitor.statistics.rollups.families import (
    DIMENSIONS,
    OWNER,
    QUARTER_MS,
    STATUS,
    Cells,
    Family,
    cells_of,
    merged,
    milliseconds_of,
)
from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.filters import (
    AllOf,
    AnyOf,
    Contains,
    Filter,
    NoneOf,
    Not,
    OneOf,
    Range,
    StartsWith,
    all_of,
)

_TENANT = "tenant_id"
_GROUPS = frozenset({GroupField.WORKFLOW_NAME, GroupField.USER_ID, GroupField.ERROR_CODE, GroupField.STATUS})
# The rows of each are read for themselves.
_MOST_OWNERS = 20


@dataclass(frozen=True, slots=True)
class View:
    """Rows of one family, and what they are added to.

    Attributes:
        cells: which of its rows; those of a series by bucket.
        measures: what is read of them beside the number of executions.
        has_totals: whether they are added up altogether.
        has_series: whether they are added up by bucket.
        groups: by which fields they are grouped.
    """

    family: Family
    cells: Sequence[Cells]
    measures: Measure
    has_totals: bool = False
    has_series: bool = False
    groups: tuple[GroupField, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How a question is answered from rows.

    Attributes:
        tenant: whose rows.
        where: the conditions on rows.
        owners: whose rows alone match; None where anyone's may.
        start: the first quarter that rows answer.
        end: the quarter behind the last; None where the range has no end.
        edges: the parts of the range before and behind, which executions themselves answer.
        views: which rows are read.
    """

    tenant: str
    where: Filter
    owners: tuple[str, ...] | None
    start: int
    end: int | None
    edges: Sequence[Range]
    views: Sequence[View]


def plan_of(question: Question) -> Plan | None:
    """How `question` is answered from rows; None where they cannot."""
    conditions = _Conditions.of(question.where)
    if conditions is None or not question.grouped.keys() <= _GROUPS or not _has_whole_quarters(question):
        return None
    first, last = conditions.first_ms, conditions.end_ms
    start = -(-first // QUARTER_MS)
    end = None if last is None else last // QUARTER_MS
    if end is not None and end <= start:
        return None
    views = _views(question, conditions, start, end)
    if views is None:
        return None
    edges = [Range(CREATED, gte=DatetimeMS(first), lt=DatetimeMS(start * QUARTER_MS))] if first % QUARTER_MS else []
    if end is not None and last is not None and last % QUARTER_MS:
        edges.append(Range(CREATED, gte=DatetimeMS(end * QUARTER_MS), lt=DatetimeMS(last)))
    return Plan(conditions.tenant, conditions.where, conditions.owners, start, end, edges, views)


def without_created(where: Filter) -> Filter:
    """`where` without its conditions on the time of creation, all of which are those of its range."""
    return all_of(*(part for part in _parts_of(where) if not _is_of_created(part)))


@dataclass(frozen=True, slots=True)
class _Conditions:
    """The conditions of a question: on the tenant, on the time of creation in milliseconds, and others on rows."""

    tenant: str
    where: Filter
    owners: tuple[str, ...] | None
    first_ms: int
    end_ms: int | None

    @classmethod
    def of(cls, where: Filter) -> "_Conditions | None":
        """What `where` says; None where rows do not tell it."""
        tenants, others = list[str](), list[Filter]()
        starts, ends = list[int](), list[int]()
        owners: tuple[str, ...] | None = None
        for part in _parts_of(where):
            if _is_of_created(part):
                for start, end in _bounds_of(part):
                    starts.extend(() if start is None else (start,))
                    ends.extend(() if end is None else (end,))
            elif isinstance(part, OneOf) and part.field == _TENANT and len(part.values) == 1:
                tenants.extend(each for each in part.values if isinstance(each, str))
            elif not _is_of_rows(part):
                return None
            else:
                others.append(part)
                if owners is None and isinstance(part, OneOf) and part.field == OWNER:
                    owners = _owners_of(part)
        if len(tenants) != 1 or not starts:
            return None
        return cls(tenants[0], all_of(*others), owners, max(starts), min(ends) if ends else None)


def _parts_of(where: Filter) -> Sequence[Filter]:
    return where.parts if isinstance(where, AllOf) else (where,)


def _is_of_created(part: Filter) -> bool:
    return isinstance(part, Range) and part.field == CREATED


def _is_of_rows(where: Filter) -> bool:
    """Whether a condition holds for a row exactly if it holds for all executions in it."""
    match where:
        case AllOf() | AnyOf():
            return all(map(_is_of_rows, where.parts))
        case Not():
            return _is_of_rows(where.part)
        case OneOf() | NoneOf() | Range() | StartsWith() | Contains():
            return where.field in DIMENSIONS
        case _:
            return False


def _owners_of(part: OneOf) -> tuple[str, ...] | None:
    owners = tuple(dict.fromkeys(each for each in part.values if isinstance(each, str)))
    return owners if len(owners) == len(part.values) <= _MOST_OWNERS else None


def _bounds_of(part: Filter) -> Iterator[tuple[int | None, int | None]]:
    """The first millisecond of a range of times and the one behind its last; bounds of other types let nothing in."""
    for name, bound in part.to_mongo().get(CREATED, {}).items():
        milliseconds = milliseconds_of(bound)
        if milliseconds is None:
            yield 0, 0
        elif name in ("$gt", "$gte"):
            yield milliseconds + (name == "$gt"), None
        else:
            yield None, milliseconds + (name == "$lte")


def _has_whole_quarters(question: Question) -> bool:
    """Whether each bucket but the first begins with a quarter of UTC: all do in time zones of today."""
    starts = [milliseconds_of(bucket.start) for bucket in question.buckets[1:]]
    return all(each is not None and each % QUARTER_MS == 0 for each in starts)


def _views(question: Question, conditions: _Conditions, start: int, end: int | None) -> list[View] | None:
    request, found = question.request, dict[tuple[Family, bool], View]()
    wanted = list[tuple[set[str], View]]()
    fields = {STATUS, *conditions.where.fields()}
    any_ = Family.STATUSES
    if request.series is not None:
        totals = request.totals
        measures = request.series | (COUNT_ALONE if totals is None else totals)
        wanted.append((fields, View(any_, (), measures, has_totals=totals is not None, has_series=True)))
    elif request.totals is not None:
        wanted.append((fields, View(any_, (), request.totals, has_totals=True)))
    for by, measures in question.grouped.items():
        wanted.append(({*fields, by.value}, View(any_, (), measures, groups=(by,))))
    for needed, view in wanted:
        family = _family_with(needed, conditions.owners)
        if family is None:
            return None
        key = (family, view.has_series)
        # What needs the same rows reads them once; a series needs them by bucket.
        known = found.get(key) or (found.get((family, True)) if not view.has_series else None)
        if known is None:
            cells = tuple(_cells(question, family, start, end, by_bucket=view.has_series))
            found[key] = View(family, cells, view.measures, view.has_totals, view.has_series, view.groups)
        else:
            found[known.family, known.has_series] = View(
                known.family,
                known.cells,
                known.measures | view.measures,
                known.has_totals or view.has_totals,
                known.has_series,
                (*known.groups, *view.groups),
            )
    return list(found.values())


def _family_with(needed: set[str], owners: Sequence[str] | None) -> Family | None:
    """The family with the fewest rows that tells the `needed` fields apart."""
    for family in Family:
        if family.by_owner is (owners is not None) and needed <= set(family.fields):
            return family
    return None


def _cells(question: Question, family: Family, start: int, end: int | None, *, by_bucket: bool) -> list[Cells]:
    if not by_bucket:
        return merged(cells_of(start, end, family.spans))
    inner = [_quarter(bucket.start) for bucket in question.buckets[1:]]
    edges = [start, *(each for each in inner if each > start and (end is None or each < end)), end]
    found = list[Cells]()
    for first, behind in pairwise(edges):
        if first is not None:
            bucket = bisect_right(inner, first)
            found.extend(replace(each, bucket=bucket) for each in cells_of(first, behind, family.spans))
    return merged(found)


def _quarter(moment: datetime) -> int:
    return (milliseconds_of(moment) or 0) // QUARTER_MS

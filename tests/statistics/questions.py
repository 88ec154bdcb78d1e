"""Random questions, and their answers in plain Python."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from execution_monitor.auth.caller import Caller, Grant, Scope
from execution_monitor.errors import BadUserInput
from execution_monitor.statistics.measures import EVERY_MEASURE, Breakdown, Measure
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import GroupField, GroupOrder, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.time_buckets import Interval
from execution_monitor.storage.filters import EVERYTHING, Contains, Filter, HasTag, Not, Range, all_of, equals
from execution_monitor.storage.relative_filters import Duration
from tests.storage.strategies import NEW_YEAR, filters

OPERATOR = Caller("olga", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}))
ADA = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ}))
# Sees what costs something of everyone, and all of her own.
GRACE = Caller(
    "grace",
    "acme",
    frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}),
    grants=(
        Grant(Scope.EXECUTIONS_READ, EVERYTHING),
        Grant(Scope.EXECUTIONS_READ_TENANT, Range("total_cost", gt=0)),
    ),
)
NOW = NEW_YEAR + timedelta(milliseconds=3)
EVERY_GROUP = tuple(GroupsRequest(by, measures=EVERY_MEASURE, first=100) for by in GroupField)

_measures = st.sampled_from([Measure(0), *Measure, EVERY_MEASURE])
_groups = st.lists(
    st.builds(
        GroupsRequest,
        st.sampled_from(GroupField),
        st.sampled_from(GroupOrder),
        st.sampled_from([1, 2, 100]),
        _measures,
    ),
    max_size=5,
    unique=True,
).map(tuple)
# Those of a clock that is set forward and back, of an hour before and after them, and of the last month.
_BERLIN = [datetime(2026, 3, 29, 0, 30, tzinfo=UTC), datetime(2025, 10, 26, 0, 30, tzinfo=UTC)]
_RECENT = [NEW_YEAR - timedelta(hours=hours) for hours in (0, 1, 5, 23, 24, 25, 70, 400, 700)]
_LATE = [NEW_YEAR + timedelta(milliseconds=n) for n in range(5)]
creations = st.sampled_from(
    [*(time + timedelta(hours=hour) for time in _BERLIN for hour in range(3)), *_RECENT, *_LATE]
)

_FAR = [datetime(1, 1, 1, tzinfo=UTC), datetime(1899, 12, 31, 23, 59, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)]
_starts = st.sampled_from([*_FAR, *(NEW_YEAR - timedelta(days=days) for days in (1, 2, 70, 300)), *_LATE[:2]])
_spans = st.sampled_from([timedelta(milliseconds=2), timedelta(hours=30), timedelta(days=9), timedelta(days=300)])


def _ranged(where: Filter, start: datetime | None, span: timedelta | None) -> Filter:
    if start is None:
        return where
    return all_of(where, Range("created", gte=start, lt=None if span is None else start + span))


# What a dashboard asks for, and a third of the time anything else.
_plain = st.sampled_from(
    [
        EVERYTHING,
        equals("status", "failed"),
        Not(equals("status", "completed")),
        Contains("workflow_name", "a"),
        Range("total_cost", gt=0),
        Duration(gte=0.0),
        HasTag("team"),
    ]
)
_ranges = st.none() | st.none() | _starts, st.none() | st.none() | _spans
wheres: SearchStrategy[Filter] = st.builds(_ranged, _plain | _plain | filters, *_ranges)
requests: SearchStrategy[StatisticsRequest] = st.builds(
    StatisticsRequest,
    wheres,
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"]),
    st.none() | st.none() | st.sampled_from(Interval),
    st.none() | _measures,
    st.none() | _measures,
    _groups,
)
callers: SearchStrategy[Caller] = st.sampled_from([OPERATOR, OPERATOR, OPERATOR, ADA, GRACE])


def question_of(caller: Caller, request: StatisticsRequest) -> Question | None:
    """The question; None where it is refused for its many buckets."""
    try:
        return Question.of(caller, request, NOW)
    except BadUserInput:
        return None


def in_python(question: Question, documents: Iterable[Mapping[str, Any]]) -> StatisticsTables:
    """What those of `documents` that match add up to."""
    tables, matches = StatisticsTables(), question.where.predicate()
    for document in documents:
        if matches(document):
            question.add(tables, document)
    return tables


def selected(breakdown: Breakdown, measures: Measure) -> dict[str, tuple[Any, ...]]:
    """What a breakdown says of `measures`, as plain values, without statuses that have no execution."""
    return {
        status.value: (
            each.count,
            (each.durations.bins, each.durations.micros) if Measure.DURATION in measures else None,
            (each.costs.bins, each.costs.micros) if Measure.COST in measures else None,
            each.tokens if Measure.TOKENS in measures else None,
        )
        for status, each in breakdown.items()
        if each.count
    }


def shown(question: Question, tables: StatisticsTables) -> dict[str, Any]:
    """What the tables answer, as plain values."""
    request = question.request
    totals, series = request.totals, request.series
    return {
        "totals": {} if totals is None else selected(tables.totals, totals),
        "series": [] if series is None else [selected(each.breakdown, series) for each in question.series(tables)],
        **{
            f"{each.by.name} {each.order.name} {each.first} {each.measures}": [
                (group.key, selected(group.breakdown, each.measures)) for group in found
            ]
            for each, found in question.groups(tables).items()
        },
    }

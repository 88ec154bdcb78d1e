"""Row changes: what executions that come and go add to the rows of a tenant and subtract from them."""

from collections.abc import Iterator

from bson import DatetimeMS, Int64
from pymongo import InsertOne, UpdateOne

from execution_monitor.statistics.measures import Contribution, Measures
from execution_monitor.statistics.rollups.families import (
    CODE,
    DIMENSIONS,
    QUARTER_MS,
    Family,
    Span,
    first_quarter,
    milliseconds_of,
    quarter_of,
)
from execution_monitor.statistics.rollups.keys import OTHER, Values, row_key, tenant_prefix
from execution_monitor.statistics.rollups.whole_numbers import as_decimal
from execution_monitor.statistics.sketches import Sketch, bin_of, micros_of
from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.facts import FACTS_KEY, is_plain
from execution_monitor.storage.predicates import as_mapping
from execution_monitor.storage.rows import BsonDocument, Row

# The stored fields that rows are made of.
FIELDS = frozenset(field.partition(".")[0] for field in FACTS_KEY)

_Place = tuple[Family, Span, int, Values]
_NOWHEN = range(0)


class RowChanges:
    """What changes in the rows of one generation of a tenant.

    Attributes:
        executions: how many more executions there are in the rows.
    """

    def __init__(self, tenant: str, generation: int) -> None:
        self.executions = 0
        self._tenant = tenant
        self._prefix = tenant_prefix(tenant, generation)
        self._changes: dict[_Place, Measures] = {}

    def add(self, document: Row, times: int = 1) -> None:
        """Add a plain document that has a time of creation; with `times` of -1 take it out again."""
        milliseconds = milliseconds_of(document.get(CREATED))
        if milliseconds is None:
            raise ValueError("A document without a time of creation is in no row.")
        self.executions += times
        quarter = quarter_of(milliseconds)
        values = values_of(document)
        contribution = Contribution.of(document)
        duration, cost = (_of_sketch(each, times) for each in (contribution.duration, contribution.cost))
        tokens = contribution.tokens * times
        for family in Family:
            own = tuple(values[field] for field in family.fields)
            for span in family.spans:
                place = (family, span, first_quarter(quarter, span), own)
                measures = self._changes.get(place)
                if measures is None:
                    measures = self._changes[place] = Measures()
                measures.count += times
                measures.tokens += tokens
                _merge(measures.durations, duration)
                _merge(measures.costs, cost)

    def operations(self, mark: int, new: range = _NOWHEN) -> Iterator[UpdateOne | InsertOne[BsonDocument]]:
        """The updates of rows: of those that change, and of those that say with `mark` that something of a day has.

        Args:
            mark: of the write.
            new: milliseconds since 1970 of which no row is there: those of spans within them are inserted, which takes
                MongoDB less than an update that may insert.
        """
        for place, measures in self._changes.items():
            is_mark = place[:2] == (Family.STATUSES, Span.DAY)
            increments = _increments(measures)
            if is_mark:
                # A row without `n` would never be cleared.
                increments = {"n": 0, **increments}
            if increments:
                yield self._operation(place, increments, mark if is_mark else None, new)

    def _operation(
        self, place: _Place, increments: BsonDocument, mark: int | None, new: range
    ) -> UpdateOne | InsertOne[BsonDocument]:
        family, span, first, values = place
        named = dict(zip(family.fields, values, strict=True))
        key = row_key(self._prefix, family, span, first, values)
        start = first * QUARTER_MS
        fields: BsonDocument = {"start": DatetimeMS(start), "quarters": span.value}
        fields.update({field: value for field, value in named.items() if value is not None})
        marked = {} if mark is None else {"mark": Int64(mark)}
        own: BsonDocument = {"_id": key, "tenant_id": self._tenant}
        if new.start <= start and start + span.value * QUARTER_MS <= new.stop:
            return InsertOne(_nested({**own, **fields, **increments, **marked}))
        update: BsonDocument = {"$inc": increments, "$setOnInsert": fields, **({"$set": marked} if marked else {})}
        return UpdateOne(own, update, upsert=True)


def _nested(paths: BsonDocument) -> BsonDocument:
    """The document that has these values at these paths, of one or two names."""
    found: BsonDocument = {}
    for path, value in paths.items():
        name, _, inner = path.partition(".")
        if inner:
            found.setdefault(name, {})[inner] = value
        else:
            found[name] = value
    return found


def same_in_rows(before: Row | None, after: Row | None) -> bool:
    """Whether rows tell nothing of a change: as a sign of life, or one of a field that is not added up."""
    if before is None or after is None:
        return False
    # True equals 1, and is no number to add up.
    pairs = ((before.get(name), after.get(name)) for name in FIELDS)
    return all(type(one) is type(other) and one == other for one, other in pairs)


def is_in_rows(document: Row) -> bool:
    """Whether an execution is in rows at all; one without a time of creation lies in no range of time."""
    return is_plain(document) and milliseconds_of(document.get(CREATED)) is not None


def values_of(document: Row) -> dict[str, str | bool | None]:
    """The values of a plain document, by the path of their field; `OTHER` for what is no text, such as a code 404."""
    error = as_mapping(document.get("error_details")) or {}
    stored = {field: error.get("code") if field == CODE else document.get(field) for field in DIMENSIONS}
    return {field: value if value is None or type(value) is str else OTHER for field, value in stored.items()}


_OfSketch = tuple[int, int, int] | None  # the bin, how many more values, and their sum


def _of_sketch(value: float | None, times: int) -> _OfSketch:
    return None if value is None else (bin_of(value), times, micros_of(value) * times)


def _merge(sketch: Sketch, change: _OfSketch) -> None:
    if change is not None:
        number, times, micros = change
        sketch.bins[number] = sketch.bins.get(number, 0) + times
        sketch.micros += micros


def _increments(measures: Measures) -> BsonDocument:
    found: BsonDocument = {}
    if measures.count:
        found["n"] = measures.count
    if measures.tokens:
        found["tokens"] = measures.tokens
    for name, sketch in (("duration", measures.durations), ("cost", measures.costs)):
        if sketch.micros:
            found[name] = as_decimal(sketch.micros)
        for number, count in sketch.bins.items():
            if count:
                found[f"{name}s.{number}"] = count
    return found

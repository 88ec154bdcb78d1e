"""A reference of lists and filters, evaluated naively in memory: written from MongoDB's manual, not from the code."""

import math
import operator
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from bson import DatetimeMS, Decimal128, ObjectId, Timestamp

from execution_monitor.storage.error_groups import HasErrorPattern, HasOneError
from execution_monitor.storage.error_patterns import expression_of
from execution_monitor.storage.filters import (
    AllOf,
    AnyOf,
    Contains,
    Filter,
    HasTag,
    NoneOf,
    Not,
    OneOf,
    Range,
    StartsWith,
)
from execution_monitor.storage.relative_filters import Duration, HasDuration, Within
from execution_monitor.storage.sorting import Order, SortKey
from execution_monitor.storage.times import HasNoTime

Document = Mapping[str, Any]

# The instant at which relative filters and durations are judged: some that run then have run for 1 s.
NOW = datetime(2026, 1, 1, 0, 0, 1, 2_000, tzinfo=UTC)
_EPOCH = datetime.fromtimestamp(0, UTC)


def sort_key_of(value: Any) -> tuple[Any, ...]:  # noqa: PLR0911 - one for each type, in MongoDB's order
    """The sort key of a scalar in MongoDB's order of all types."""
    if value is None:
        return (0,)
    if isinstance(value, int | float | Decimal128) and not isinstance(value, bool):
        number = value.to_decimal() if isinstance(value, Decimal128) else value
        # NaN comes before all other numbers and equals itself.
        return (1, 0) if math.isnan(number) else (1, 1, number)
    if isinstance(value, str):
        return (2, value.encode())
    if isinstance(value, bytes | UUID):
        raw = value.bytes if isinstance(value, UUID) else value
        return (3, len(raw), 4 if isinstance(value, UUID) else 0, raw)
    if isinstance(value, ObjectId):
        return (4, value.binary)
    if isinstance(value, bool):
        return (5, value)
    if isinstance(value, datetime | DatetimeMS):
        return (6, milliseconds(value))
    assert isinstance(value, Timestamp)
    return (7, value.time, value.inc)


def milliseconds(time: datetime | DatetimeMS) -> Decimal:
    """Milliseconds since 1970, to the microsecond."""
    if isinstance(time, DatetimeMS):
        return Decimal(int(time))
    passed = time - _EPOCH
    return Decimal(passed.days * 86_400_000 + passed.seconds * 1_000) + Decimal(passed.microseconds) / 1_000


def in_order(documents: Iterable[Document], order: Order) -> list[Document]:
    """The documents, sorted by `order`; of durations that are equal at `NOW`, the stored one is the shorter."""
    first, *rest = order.keys
    if first.field != "total_duration":
        return _in_stored_order(documents, order)
    active, ended = list[Document](), list[Document]()
    for row in documents:
        (active if is_running(row) else ended).append(row)
    starts = Order((SortKey("started_at", not first.descending), *(key for key in rest if key.field != "started_at")))
    both = [_in_stored_order(ended, order), _in_stored_order(active, starts)]
    rows = [row for part in (reversed(both) if first.descending else both) for row in part]
    return sorted(rows, key=lambda row: sort_key_of(_duration_of(row)), reverse=first.descending)


def is_running(document: Document) -> bool:
    """Whether an execution has started and not ended, and has no duration yet."""
    has_end = document.get("total_duration") is not None or document.get("completed_at") is not None
    started = isinstance(document.get("started_at"), datetime | DatetimeMS)
    return document.get("status") in ("pending", "running", "paused") and started and not has_end


def _duration_of(document: Document) -> Any:
    if not is_running(document):
        return document.get("total_duration")
    return float((milliseconds(NOW) - milliseconds(document["started_at"])) / 1_000)


def _in_stored_order(documents: Iterable[Document], order: Order) -> list[Document]:
    rows = sorted(documents, key=lambda row: sort_key_of(row["_id"]), reverse=order.keys[-1].descending)
    for key in reversed(order.keys):
        rows.sort(key=lambda row, field=key.field: sort_key_of(row.get(field)), reverse=key.descending)
    return rows


def holds(where: Filter, document: Document) -> bool:  # noqa: C901, PLR0911 - one for each kind of filter
    """Whether a document, which has no arrays but tags, matches the filter."""
    match where:
        case AllOf(filters):
            return all(holds(each, document) for each in filters)
        case AnyOf(filters):
            return any(holds(each, document) for each in filters)
        case Not(negated):
            return not holds(negated, document)
        case OneOf(field, values):
            return sort_key_of(_look_up(document, field)) in map(sort_key_of, values)
        case NoneOf(field, values):
            return sort_key_of(_look_up(document, field)) not in map(sort_key_of, values)
        case Range():
            return _lies_within(where, _look_up(document, where.field))
        case StartsWith(field, text):
            found = _look_up(document, field)
            return isinstance(found, str) and found.startswith(text)
        case Contains(field, text):
            found = _look_up(document, field)
            return isinstance(found, str) and contains(found, text)
        case HasNoTime(field):
            return not _lies_within(Range(field, gte=datetime(2, 1, 1, tzinfo=UTC)), _look_up(document, field))
        case HasTag(key, value):
            return any(tag.get("key") == key and value in (None, tag.get("value")) for tag in document.get("tags", ()))
        case _:
            return _holds_now(where, document)


def _holds_now(where: Filter, document: Document) -> bool:
    match where:
        case HasErrorPattern(field, pattern):
            found = _look_up(document, field)
            return isinstance(found, str) and re.search(expression_of(pattern), found) is not None
        case HasOneError():
            return True
        case Duration(gt, gte, lt, lte):
            duration = max(0.0, _duration_of(document)) if is_running(document) else document.get("total_duration")
            return _lies_within(Range("", gt, gte, lt, lte), duration)
        case HasDuration(wanted):
            return (_duration_of(document) is not None) is wanted
        case Within(field, seconds):
            return _lies_within(Range("", gte=NOW - timedelta(seconds=seconds)), _look_up(document, field))
        case _:
            raise NotImplementedError(where)


def _look_up(document: Document, path: str) -> Any:
    value: Any = document
    for name in path.split("."):
        value = cast("Document", value).get(name) if isinstance(value, Mapping) else None
    return value


def _lies_within(where: Range, value: Any) -> bool:
    at = sort_key_of(value)
    bounds = {name: getattr(where, name) for name in _COMPARISONS}
    return all(
        bound is None
        or (at != (1, 0) and at[0] == sort_key_of(bound)[0] and _COMPARISONS[name](at, sort_key_of(bound)))
        for name, bound in bounds.items()
    )


_COMPARISONS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def contains(text: str, wanted: str) -> bool:
    """Whether `text` has the letters of `wanted` one after another, each in any case, composed or decomposed."""
    letters = _letters_of(unicodedata.normalize("NFC", wanted))
    return any(_begins_with(text[start:], letters) for start in range(len(text) + 1))


def _letters_of(wanted: str) -> list[str]:
    """The letters of `wanted`, with two s as one."""
    found: list[str] = []
    while wanted:
        length = 2 if len(wanted) > 1 and wanted[:2].casefold() == "ss" else 1
        found.append(wanted[:length])
        wanted = wanted[length:]
    return found


def _begins_with(text: str, letters: list[str]) -> bool:
    if not letters:
        return True
    lengths = range(1, 5)
    return any(
        _is_same_letter(text[:length], letters[0]) and _begins_with(text[length:], letters[1:]) for length in lengths
    )


def _is_same_letter(found: str, sought: str) -> bool:
    composed = unicodedata.normalize("NFC", found)
    is_normal = found in (composed, unicodedata.normalize("NFD", found))
    return is_normal and sought.casefold() in (found.casefold(), composed.casefold())

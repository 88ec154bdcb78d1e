"""Coercion: convert stored values, whatever an engine wrote, to the types of the API, without ever failing."""

import base64
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from bson import DatetimeMS

from execution_monitor.storage.bson_ordering import to_float

# GraphQL's Int has 32 bits (specification, section 3.5.1).
_MAX_INT = 2**31 - 1
# Up to here a double, which is what JSON numbers become in JavaScript, holds every whole number (RFC 8259, section 6).
MAX_BIG_INT = 2**53

_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MILLISECOND = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST_MILLISECOND = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND

# A date before it is the zero time of Go or .NET, which stands for none.
FIRST_TIME = datetime(2, 1, 1, tzinfo=UTC)


def to_text(value: Any) -> str | None:
    """Return text as it is, any other value as its text, null as None."""
    # BSON's code is text with a scope.
    return value if value is None or type(value) is str else str(value)


def to_int(value: Any, default: int = 0) -> int:
    """Return a number as an integer of 32 bits, bounded by the largest one; anything else is `default`."""
    return _to_bounded(value, default, _MAX_INT)


def to_big_int(value: Any, default: int = 0) -> int:
    """Return a number as an integer from -2^53 to 2^53, bounded by these; anything else is `default`."""
    return _to_bounded(value, default, MAX_BIG_INT)


def _to_bounded(value: Any, default: int, largest: int) -> int:
    number = value if isinstance(value, int) and not isinstance(value, bool) else to_float(value)
    return default if number is None else max(-largest, min(largest, int(number)))


def to_datetime(value: Any) -> datetime | None:
    """Return a date in UTC, bounded by Python's calendar; anything else is None."""
    if isinstance(value, DatetimeMS):
        return _EPOCH + max(_FIRST_MILLISECOND, min(_LAST_MILLISECOND, int(value))) * _MILLISECOND
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def to_time(value: Any) -> datetime | None:
    """Return when something happened, as `to_datetime`; None for a date in the year 1, which stands for none."""
    date = to_datetime(value)
    return None if date is None or date < FIRST_TIME else date


def to_json(value: Any) -> Any:
    """Return a BSON value as JSON: ids, dates and decimals become text, bytes base64, NaN and infinity null."""
    if isinstance(value, Mapping):
        return {str(key): to_json(each) for key, each in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, list):
        return [to_json(each) for each in cast("list[Any]", value)]
    return _scalar_to_json(value)


def _scalar_to_json(value: Any) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | DatetimeMS):
        date = to_datetime(value)
        return None if date is None else date.isoformat(timespec="milliseconds")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value)

"""Values that BSON can hold, in place of those that it cannot; nothing of a request fails for one value."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bson import Decimal128

NUL_SHOWN = "\N{SYMBOL FOR NULL}"
_GREATEST = 2**63 - 1
_LEAST = -(2**63)


def storable_text(text: str) -> str:
    r"""`text`, with halves of surrogate pairs as `\ud83d`: UTF-8 has no code for them."""
    if text.isascii():
        return text
    return text.encode(errors="backslashreplace").decode()


def storable_count(number: int) -> int:
    """`number` within 64 bits."""
    return number if _LEAST <= number <= _GREATEST else min(max(number, _LEAST), _GREATEST)


def storable_measure(number: float) -> float | None:
    """`number`, or None where it is none that can be summed and sorted."""
    return number if math.isfinite(number) else None


def storable_integer(number: int) -> int | str:
    """`number`, or its digits where it takes more than 64 bits."""
    if _LEAST <= number <= _GREATEST:
        return number
    try:
        return str(number)
    except ValueError:
        # Python writes out a few thousand digits at most.
        return hex(number)


def storable_time(time: datetime) -> datetime:
    """`time` in UTC and whole milliseconds, as MongoDB returns it; without a time zone it is in UTC."""
    if time.tzinfo is UTC and time.microsecond % 1_000 == 0:
        return time
    try:
        moment = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        moment = time.replace(tzinfo=UTC)
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)


def storable_other(value: Any) -> Any:
    """A value that is no text, number, object or list."""
    if isinstance(value, datetime):
        return storable_time(value)
    if isinstance(value, Decimal):
        try:
            return Decimal128(value)
        except ArithmeticError:  # more digits than fit
            return str(value)
    return value if isinstance(value, Decimal128 | bytes) else storable_text(str(value))

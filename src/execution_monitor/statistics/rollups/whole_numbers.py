"""Whole numbers beyond 64 bits as MongoDB stores and adds them: decimals of 128 bits with the exponent 0.

Some 90,000 of the largest durations exceed 64 bits, and an `$inc` that overflows would fail each time it is tried.
The classes of `bson` go by way of texts, which takes ten times as long.
"""

import struct

from bson import Decimal128

_WORDS = struct.Struct("<QQ")
_BIAS = 6176
_EXPONENT_SHIFT = 49
_LOW = (1 << 64) - 1
_HIGH = (1 << _EXPONENT_SHIFT) - 1
_SIGN = 1 << 63


def as_decimal(number: int) -> Decimal128:
    """A number of at most 33 digits as a decimal."""
    size = abs(number)
    high = (size >> 64) | (_BIAS << _EXPONENT_SHIFT) | (_SIGN if number < 0 else 0)
    return Decimal128.from_bid(_WORDS.pack(size & _LOW, high))


def as_number(decimal: Decimal128) -> int:
    """The number that `as_decimal`, and sums of such, are made of."""
    low, high = _WORDS.unpack(decimal.bid)
    size = low | ((high & _HIGH) << 64)
    return -size if high & _SIGN else size

"""Sketches of values, from which percentiles are read within 1 %: counts by bin, as in DDSketch, and an exact sum.

Bins are plain counters, so sketches can be added and subtracted in any order, also as they are stored. The library
`ddsketch` has sketches that only add; and MongoDB must find the same bins by an expression.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bson import Decimal128, Int64

_ACCURACY = 0.01
_GAMMA = (1 + _ACCURACY) / (1 - _ACCURACY)
_LN_GAMMA = math.log(_GAMMA)
# The number of the bin of a value is so much more than its power of gamma, or the same below zero: the order of the
# numbers is that of the values, and values that are nearly zero have the number 0.
_SHIFT = 2_000
_NEARLY_ZERO = 1e-9
# In seconds 3 years. Larger values, which no engine means, have no part in any sum: the sum of 90,000 of the largest
# fits into 64 bits, as micro-units.
LARGEST = 1e8
# The same of whole numbers, which have no millionths.
LARGEST_WHOLE = 1e12
# A sum is kept in whole millionths: whole numbers can be subtracted again without a rest.
MICRO = 1_000_000


def usable(value: Any, largest: float = LARGEST) -> float | None:
    """A stored value as a number to add up; None for what is no number, not finite or greater than `largest`."""
    if type(value) is float or type(value) is int:  # nearly all
        number = float(value)
    elif isinstance(value, Decimal128):
        decimal = value.to_decimal()
        # Compared as it is, all its digits: as a double, what is a little more than the largest may be the largest.
        number = float(decimal) if decimal.is_finite() and -largest <= decimal <= largest else math.nan
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    else:
        return None
    return number if abs(number) <= largest else None


def bin_of(value: float) -> int:
    """The number of the bin of a usable value."""
    size = abs(value)
    if size < _NEARLY_ZERO:
        return 0
    number = math.ceil(math.log(size) / _LN_GAMMA) + _SHIFT
    return number if value > 0 else -number


def value_of(number: int) -> float:
    """The value in the middle of a bin, at most 1 % from each value in it."""
    if number == 0:
        return 0.0
    middle = 2 * _GAMMA ** (abs(number) - _SHIFT) / (_GAMMA + 1)
    return middle if number > 0 else -middle


def micros_of(value: float) -> int:
    """A usable value in whole millionths, rounded half to even as MongoDB does."""
    return round(value * MICRO)


def usable_expression(path: str) -> dict[str, Any]:
    """The aggregation expression for `usable` of a field path such as "$total_cost"; null for None."""
    # In MongoDB's order NaN comes before all numbers, and no value of another type lies between two numbers.
    is_usable = {"$and": [{"$gte": [path, -LARGEST]}, {"$lte": [path, LARGEST]}]}
    return {"$cond": [is_usable, {"$toDouble": path}, None]}


def bin_expression(value: Any) -> dict[str, Any]:
    """The aggregation expression for `bin_of`; `value` is one for a usable value or null, which stays null."""
    number = {"$add": [{"$ceil": {"$divide": [{"$ln": {"$abs": "$$value"}}, _LN_GAMMA]}}, _SHIFT]}
    below = {"$cond": [{"$gt": ["$$value", -_NEARLY_ZERO]}, 0, {"$multiply": [-1, number]}]}
    above = {"$cond": [{"$gte": ["$$value", _NEARLY_ZERO]}, number, below]}
    return {"$let": {"vars": {"value": value}, "in": {"$cond": [{"$eq": ["$$value", None]}, None, {"$toInt": above}]}}}


def micros_expression(value: Any) -> dict[str, Any]:
    """The aggregation expression for `micros_of`; null stays null, which `$sum` leaves out."""
    return {"$toLong": {"$round": [{"$multiply": [value, MICRO]}, 0]}}


@dataclass(slots=True)
class Sketch:
    """Values by bin, and their sum in millionths.

    The bins may be those of another sketch, until one of them changes: they are changed by the methods alone.
    """

    bins: dict[int, int] = field(default_factory=dict[int, int])
    micros: int = 0
    _is_shared: bool = field(default=False, init=False, repr=False, compare=False)

    @property
    def count(self) -> int:
        """How many values there are."""
        return sum(self.bins.values())

    @property
    def total(self) -> float:
        """The sum of the values."""
        return self.micros / MICRO

    @property
    def mean(self) -> float | None:
        """The exact mean; None without values."""
        return self.total / count if (count := self.count) else None

    @property
    def maximum(self) -> float | None:
        """The largest value, within 1 %; None without values."""
        return value_of(max(self.bins)) if self.bins else None

    def percentiles(self, shares: Iterable[float]) -> list[float | None]:
        """For each share of 0 to 1, in ascending order, the value that it lies at, within 1 %; None without values.

        Of n values in order, counted from 0, that is the one at `floor(share * (n - 1))`.
        """
        count, found, passed = self.count, list[float | None](), 0
        if not count:
            return [None for _ in shares]
        ordered = iter(sorted(self.bins.items()))
        number, passed = next(ordered)
        for share in shares:
            place = math.floor(share * (count - 1))
            while passed <= place:
                number, more = next(ordered)
                passed += more
            found.append(value_of(number))
        return found

    def add(self, value: float, times: int = 1) -> None:
        """Add a usable value so many times; a negative number of times takes it out again."""
        self.add_bins({bin_of(value): times}, micros_of(value) * times)

    def add_bins(self, bins: Mapping[int, int], micros: int | Int64) -> None:
        """Add values by bin, with their sum in millionths; negative counts take values out again."""
        self.micros += int(micros)
        if not self.bins:
            # Whole sketches are mostly added to empty ones.
            self.bins = {number: count for number, count in bins.items() if count}
            self._is_shared = False
            return
        if self._is_shared:
            self.bins, self._is_shared = self.bins.copy(), False
        own = self.bins
        found = own.get
        for number, count in bins.items():
            if left := found(number, 0) + count:
                own[number] = left
            else:
                own.pop(number, None)

    def merge(self, other: "Sketch", times: int = 1) -> None:
        """Add all values of `other`; with `times` of -1 take them out again."""
        if times != 1:
            self.add_bins({number: count * times for number, count in other.bins.items()}, other.micros * times)
        elif self.bins:
            self.add_bins(other.bins, other.micros)
        else:
            # An answer has a hundred thousand bins, most of which are of one source alone.
            self.bins = other.bins
            self._is_shared = other._is_shared = True  # noqa: SLF001 - of this class
            self.micros += other.micros

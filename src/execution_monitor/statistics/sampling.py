"""Sampling: estimate what executions add up to from short slices of time, drawn at random from all of the range.

The range is divided into 50 strata, and each stratum into cells; of each stratum two cells are read whole, drawn at
random. So bursts and quiet nights have their share, and the two of a stratum show how far chance may lead: the standard
error of the count is that of stratified sampling without replacement. A first sample has strata of the same length; the
next ones have strata of about as many executions, as far as the one before shows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from execution_monitor.storage.bson_ordering import milliseconds_of

# Two cells of each: 100 short queries.
STRATA = 50
_DRAWN = 2
_EPOCH = datetime.fromtimestamp(0, UTC)


# By degrees of freedom, 97.5 % of Student's distribution, divided by that of the normal one.
_STUDENT = (
    (30, 1.04),
    (20, 1.06),
    (12, 1.11),
    (8, 1.18),
    (6, 1.25),
    (5, 1.31),
    (4, 1.42),
    (3, 1.62),
    (2, 2.20),
    (1, 6.48),
)
# Of a stratum by the one before, this much is of the same length as others: nothing was found in it by chance, perhaps.
_EVEN = 0.2


def even_strata(start: datetime, end: datetime) -> Sequence[float]:
    """The edges of strata of the same length between two times, in milliseconds since 1970."""
    first, last = milliseconds_of(start), milliseconds_of(end)
    return [first + (last - first) * number / STRATA for number in range(STRATA + 1)]


@dataclass(frozen=True, slots=True)
class Sample:
    """Two cells of each stratum.

    Attributes:
        strata: their edges, in milliseconds since 1970.
        cells: how many a stratum has; even, so that an execution stands for a whole number of them.
        drawn: the numbers of the cells that are read, counted over all strata, in order.
    """

    strata: Sequence[float]
    cells: int
    drawn: Sequence[int]

    @classmethod
    def of(cls, strata: Sequence[float], share: float, random: Random) -> "Sample":
        """A sample of about that `share` of each stratum, drawn by `random`."""
        cells = _DRAWN * max(1, round(1 / share))
        drawn = [stratum * cells + cell for stratum in range(STRATA) for cell in sorted(random.sample(range(cells), 2))]
        return cls(strata, cells, drawn)

    @property
    def weight(self) -> int:
        """For how many executions each one of the sample stands."""
        return self.cells // _DRAWN

    @property
    def spans(self) -> Sequence[tuple[datetime, datetime]]:
        """The cells that are read, from the start of each, included, to its end, excluded."""
        return [(self._edge(number), self._edge(number + 1)) for number in self.drawn]

    def _edge(self, number: int) -> datetime:
        stratum, cell = divmod(number, self.cells)
        start = self.strata[stratum]
        length = 0 if cell == 0 else self.strata[stratum + 1] - start
        return _EPOCH + timedelta(milliseconds=math.floor(start + length * cell / self.cells))

    def refined(self, counts: Sequence[int]) -> Sequence[float]:
        """The edges of strata with about as many executions each, by the `counts` of the `spans`."""
        first, last, total = self.strata[0], self.strata[-1], sum(counts)
        if not total:
            return self.strata
        shares = [(one + other) / total for one, other in zip(counts[::2], counts[1::2], strict=True)]
        edges, passed, stratum = [first], 0.0, 0
        lengths = [end - start for start, end in pairwise(self.strata)]
        weights = [
            (1 - _EVEN) * share + _EVEN * (length / (last - first) + 1 / STRATA) / 2
            for share, length in zip(shares, lengths, strict=True)
        ]
        for number in range(1, STRATA):
            wanted = number / STRATA
            while stratum < STRATA - 1 and passed + weights[stratum] < wanted:
                passed += weights[stratum]
                stratum += 1
            within = min(1.0, (wanted - passed) / weights[stratum])
            edges.append(self.strata[stratum] + lengths[stratum] * within)
        return [*edges, last]

    def relative_error(self, counts: Sequence[int], others: int = 0) -> float:
        """The relative standard error of the count of all executions.

        Args:
            counts: How many each of the `spans` has.
            others: How many were counted beside the sample.
        """
        found = sum(counts)
        if not found + others:
            # There may be some, but their number is unknown.
            return 1.0
        squares = _squares(counts)
        variance = self.cells * (self.cells - _DRAWN) * sum(squares) / 4 * _widening(squares) ** 2
        # Two cells may be alike by chance: the error is no less than if each execution were drawn for itself.
        least = self.weight * (self.weight - 1) * found
        return math.sqrt(max(variance, least)) / (self.weight * found + others)


def _squares(counts: Sequence[int]) -> list[float]:
    """The squared differences within each stratum, or half of those to the nearest cells of its neighbours.

    Where executions begin within a stratum, its two cells may both be of the time before.
    """
    steps = [(one - other) ** 2 for one, other in pairwise(counts)]
    within, between = steps[::2], [0, *steps[1::2], 0]
    return [max(own, (before + after) / 4) for own, before, after in zip(within, between, between[1:], strict=False)]


def _widening(squares: Sequence[float]) -> float:
    """How much wider than of a normal distribution the interval is that holds the truth in 95 of 100 cases.

    Where nearly all of the variance is that of a few strata, it is known from a few pairs alone: it has few degrees of
    freedom (Satterthwaite; the square of each square is 3 times too large), for which Student's distribution is wider.
    """
    if not any(squares):
        return 1.0
    freedom = max(1.0, 3 * sum(squares) ** 2 / sum(square**2 for square in squares) - 2)
    return next(wide for least, wide in _STUDENT if freedom >= least)

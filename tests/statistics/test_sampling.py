"""Samples: how often the true count lies within two standard errors, and what an execution of one stands for."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import mean, stdev

import pytest

from execution_monitor.statistics.sampling import STRATA, Sample, even_strata

_START = datetime(2026, 1, 1, tzinfo=UTC)
_SPAN = timedelta(days=30)
_END = _START + _SPAN
_COUNT = 20_000


def _evenly(random: Random) -> float:
    return random.random()


def _by_day(random: Random) -> float:
    """Ten times as many in eight hours of each day."""
    hour = random.randrange(8) + 9 if random.random() < 0.83 else random.randrange(24)
    return (random.randrange(30) + (hour + random.random()) / 24) / 30


def _in_bursts(random: Random) -> float:
    """Half of them in the first minutes of an hour."""
    hour = random.randrange(720)
    return (hour + (random.random() / 10 if random.random() < 0.5 else random.random())) / 720


def _ever_more(random: Random) -> float:
    """A seventh of them in the last fiftieth of the time, and more and more towards its end."""
    return 1 - random.random() ** 2


def _since_yesterday(random: Random) -> float:
    """Nearly all in the last day, of which each hour has a burst."""
    return random.random() if random.random() < 0.05 else 29 / 30 + _in_bursts(random) / 30


def creations(kind: Callable[[Random], float]) -> list[datetime]:
    random = Random(5)  # noqa: S311 - the same in every run
    return sorted(_START + _SPAN * kind(random) for _ in range(_COUNT))


def counts_of(sample: Sample, times: Sequence[datetime]) -> list[int]:
    return [bisect_left(times, end) - bisect_left(times, start) for start, end in sample.spans]


@pytest.mark.parametrize("share", [1 / 20, 1 / 4])
@pytest.mark.parametrize("kind", [_evenly, _by_day, _in_bursts, _ever_more, _since_yesterday])
def test_the_true_count_lies_within_two_standard_errors(kind: Callable[[Random], float], share: float) -> None:
    times, random, within = creations(kind), Random(7), 0  # noqa: S311 - the same in every run
    estimates, errors = list[float](), list[float]()
    rounds = 120
    for _ in range(rounds):
        strata = even_strata(_START, _END)
        for _ in range(3):
            first = Sample.of(strata, share / 4, random)
            strata = first.refined(counts_of(first, times))
        sample = Sample.of(strata, share, random)
        counts = counts_of(sample, times)
        estimate = sample.weight * sum(counts)
        error = sample.relative_error(counts)
        within += abs(estimate - _COUNT) <= 2 * error * estimate
        estimates.append(estimate / _COUNT)
        errors.append(error)

    assert within / rounds >= 0.9
    # It is no excuse either.
    assert mean(errors) < 2 * stdev(estimates)
    assert abs(mean(estimates) - 1) < 0.02


def test_two_different_cells_of_each_stratum_are_read() -> None:
    sample = Sample.of(even_strata(_START, _END), 1 / 100, Random(1))  # noqa: S311

    strata = [(start - _START) // (_SPAN / STRATA) for start, _ in sample.spans]
    assert strata == [stratum for stratum in range(STRATA) for _ in range(2)]
    assert len(set(sample.spans)) == 2 * STRATA
    assert sample.weight == 100


@pytest.mark.parametrize("span", [timedelta(milliseconds=1), timedelta(milliseconds=499), timedelta(days=30)])
@pytest.mark.parametrize("place", [0, 1, 60, 99])
def test_a_sample_of_everything_reads_each_instant_once_and_has_no_error(span: timedelta, place: int) -> None:
    strata = even_strata(_START, _START + span)
    counts = [1_000 * (number == place) for number in range(2 * STRATA)]

    sample = Sample.of(Sample.of(strata, 1 / 7, Random(1)).refined(counts), 1.0, Random(1))  # noqa: S311

    edges = [edge for pair in sample.spans for edge in pair]
    assert (edges[0], edges[-1]) == (_START, _START + span)
    assert edges[1:-1:2] == edges[2::2]
    assert edges == sorted(edges)
    assert (sample.weight, sample.relative_error([3, 9] * STRATA)) == (1, 0.0)


def test_what_was_counted_beside_the_sample_lessens_the_error() -> None:
    sample = Sample.of(even_strata(_START, _END), 1 / 10, Random(1))  # noqa: S311
    counts = [3, 9] * STRATA

    assert 0 < sample.relative_error(counts, others=6_000) < sample.relative_error(counts)


def test_a_sample_without_executions_says_nothing_of_their_number() -> None:
    sample = Sample.of(even_strata(_START, _END), 1 / 10, Random(1))  # noqa: S311

    assert sample.relative_error([0] * 2 * STRATA) == 1.0
    assert sample.refined([0] * 2 * STRATA) == even_strata(_START, _END)

"""Sketches: percentiles within 1 %, sums without a rest, and what was added can be taken out again."""

import math

import pytest
from bson import Decimal128, Int64
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.statistics.sketches import LARGEST, Sketch, bin_of, usable, value_of
from tests.storage.strategies import bounded

_SHARES = (0.0, 0.5, 0.9, 0.95, 0.99, 1.0)
_values = st.floats(-LARGEST, LARGEST) | st.floats(0, 100) | st.sampled_from([0.0, -0.0, 1e-9, 1.0, -1.0, LARGEST])


def sketch_of(values: list[float]) -> Sketch:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@bounded(max_examples=600)
@given(st.lists(_values, min_size=1, max_size=50))
def test_percentiles_mean_and_maximum_are_those_of_the_values(values: list[float]) -> None:
    sketch, ordered = sketch_of(values), sorted(values)

    exact = [ordered[math.floor(share * (len(values) - 1))] for share in _SHARES]
    assert sketch.percentiles(_SHARES) == pytest.approx(exact, rel=0.01, abs=1e-9)
    assert sketch.maximum == pytest.approx(max(values), rel=0.01, abs=1e-9)
    assert sketch.mean == pytest.approx(math.fsum(values) / len(values), rel=1e-9, abs=1e-6)


@bounded(max_examples=300)
@given(st.lists(_values, max_size=20), st.lists(_values, max_size=20))
def test_what_was_added_can_be_taken_out_again(kept: list[float], removed: list[float]) -> None:
    sketch = sketch_of([*removed, *kept])

    for value in removed:
        sketch.add(value, -1)

    assert sketch == sketch_of(kept)


@bounded(max_examples=300)
@given(_values, _values)
def test_bins_have_the_order_of_their_values(one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert bin_of(low) <= bin_of(high)
    assert value_of(bin_of(low)) <= value_of(bin_of(high))


def test_a_sketch_without_values_has_no_percentiles() -> None:
    sketch = Sketch()

    assert (sketch.percentiles(_SHARES), sketch.mean, sketch.maximum) == ([None] * 6, None, None)
    assert (sketch.count, sketch.total) == (0, 0.0)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (3, 3.0),
        (Int64(3), 3.0),
        (Decimal128("2.5"), 2.5),
        (-LARGEST, -LARGEST),
        *((value, None) for value in (None, True, "3", [3], math.nan, math.inf, LARGEST + 1, 2**62)),
        *((Decimal128(text), None) for text in ("NaN", "-Infinity", "9E999", "100000000.00000000000000000001")),
    ],
)
def test_what_is_no_number_or_too_large_is_not_added_up(stored: object, expected: float | None) -> None:
    assert usable(stored) == expected


_BINS = st.dictionaries(st.integers(0, 5), st.integers(1, 3), min_size=1)


@given(bins=_BINS, more=_BINS, is_first=st.booleans(), times=st.sampled_from([1, -1]))
def test_a_sketch_that_was_merged_into_another_changes_no_more_with_it(
    *, bins: dict[int, int], more: dict[int, int], is_first: bool, times: int
):
    one, other, whole = Sketch(dict(bins), 5), Sketch(), Sketch()
    other.merge(one)
    whole.merge(one)
    changed, kept = (one, other) if is_first else (other, one)

    changed.add_bins({number: count * times for number, count in more.items()}, 1)

    assert kept == whole == Sketch(bins, 5)
    expected = {number: bins.get(number, 0) + more.get(number, 0) * times for number in bins.keys() | more.keys()}
    assert changed == Sketch({number: count for number, count in expected.items() if count}, 6)


@given(_BINS, _BINS)
def test_a_sketch_that_is_taken_out_again_leaves_nothing(bins: dict[int, int], more: dict[int, int]):
    both = Sketch()
    for each in (bins, more):
        both.merge(Sketch(each, 7))

    both.merge(Sketch(more, 7), -1)

    assert both == Sketch(bins, 7)

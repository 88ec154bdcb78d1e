"""Cells add up to exactly the quarters that they are chosen for, and are the fewest."""

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from execution_monitor.statistics.rollups.families import Cells, Family, Span, cells_of, cells_within, days_of, merged

SPANS = st.sampled_from([family.spans for family in Family])
QUARTERS = st.integers(min_value=-500, max_value=500)


def counted(cells: list[Cells]) -> dict[int, int]:
    """How often each quarter counts; what has no end ends with the quarter 1,000."""
    found = Counter[int]()
    for each in cells:
        for quarter in range(each.first, 1_000 if each.end is None else each.end):
            found[quarter] += each.sign
    return {quarter: times for quarter, times in found.items() if times}


@given(QUARTERS, st.none() | QUARTERS, SPANS)
@example(4, 96, Family.CODES.spans)
@example(97, 100, Family.CODES.spans)
def test_cells_add_up_to_their_quarters(first: int, end: int | None, spans: tuple[Span, ...]):
    expected = dict.fromkeys(range(first, 1_000 if end is None else end), 1)

    assert counted(cells_of(first, end, spans)) == counted(merged(cells_of(first, end, spans))) == expected


@given(QUARTERS, QUARTERS, SPANS)
def test_cells_are_those_of_their_span(first: int, end: int, spans: tuple[Span, ...]):
    for each in merged(cells_of(first, end, spans)):
        assert each.span in spans
        assert each.end is not None
        assert each.first % each.span.value == each.end % each.span.value == 0


def test_a_day_without_its_first_hour_is_one_row_less_four():
    assert merged(cells_of(4, 96, Family.CODES.spans)) == [Cells(Span.DAY, 0, 96), Cells(Span.QUARTER, 0, 4, sign=-1)]


@given(QUARTERS, st.none() | QUARTERS, SPANS, st.sets(st.integers(-6, 6).map(lambda day: day * 96)))
def test_cells_within_days_are_those_of_the_days(first: int, end: int | None, spans: tuple[Span, ...], days: set[int]):
    cells, ordered = merged(cells_of(first, end, spans)), sorted(days)
    within = {quarter for quarter in counted(cells) if quarter - quarter % 96 in days}

    assert counted(cells_within(cells, ordered)).keys() == within
    assert {quarter - quarter % 96 for quarter in within} <= days_of(cells, ordered) <= days

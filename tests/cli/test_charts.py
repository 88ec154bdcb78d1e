"""Charts of text: lengths and heights follow the values, and what is not nothing is seen."""

import pytest

from execution_monitor.cli.charts import bar, fitted, sparkline


@pytest.mark.parametrize(
    ("value", "drawn", "in_ascii"),
    [
        pytest.param(8, "████", "####", id="the greatest"),
        pytest.param(4, "██", "##", id="half of it"),
        pytest.param(3, "█▌", "##", id="a part of a character"),
        pytest.param(0.001, "▏", "#", id="nearly nothing"),
        pytest.param(0, "", "", id="nothing"),
    ],
)
def test_a_bar_is_as_long_as_its_value(value: float, drawn: str, in_ascii: str):
    assert (bar(value, 8, 4), bar(value, 8, 4, is_ascii=True)) == (drawn, in_ascii)


def test_a_bar_of_nothing_among_nothing_is_empty():
    assert bar(0, 0, 4) == ""


def test_a_sparkline_has_a_height_for_each_value_and_a_space_for_none():
    assert sparkline([0, 1, 50, 100], 100) == " ▁▄█"
    assert sparkline([0, 1, 50, 100], 100, is_ascii=True) == " .=@"
    assert sparkline([0, 0], 0) == "  "


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        pytest.param(5, [1, 2, 3, 4, 5], id="room for all"),
        pytest.param(4, [3, 7, 5], id="two together, where one is too wide"),
        pytest.param(1, [15], id="all together"),
        pytest.param(0, [15], id="no room"),
    ],
)
def test_neighbours_are_added_up_where_the_terminal_is_narrow(width: int, expected: list[float]):
    assert fitted([1, 2, 3, 4, 5], width) == expected


def test_no_values_fit():
    assert fitted([], 10) == []

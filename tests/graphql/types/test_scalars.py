"""BigInt: whole numbers beyond 32 bits, as far as every JSON number is exact."""

from typing import Any

import pytest
from bson import Int64

from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.types.scalars import format_big_int, parse_big_int


@pytest.mark.parametrize("value", [0, -1, 5_000_000_000, 2**53, -(2**53), 5e9])
def test_a_whole_number_is_a_big_int(value: float) -> None:
    parsed = parse_big_int(value)

    assert (parsed, type(parsed)) == (value, int)


@pytest.mark.parametrize(
    "value", [2**53 + 1, -(2**53) - 1, 10**30, 1e300, 1.5, float("nan"), float("inf"), "5", True, None, [1]]
)
def test_anything_else_is_refused_with_an_example(value: Any) -> None:
    with pytest.raises(BadUserInput, match="from -2\\^53 to 2\\^53, sent as a number, such as 5000000000"):
        parse_big_int(value)


@pytest.mark.parametrize("value", [0, Int64(14_162_275_774), 2**53])
def test_a_big_int_is_returned_as_a_plain_number(value: int) -> None:
    assert (format_big_int(value), type(format_big_int(value))) == (value, int)


@pytest.mark.parametrize("value", [2**53 + 1, 1.0, "5", True, None])
def test_what_is_no_big_int_is_not_returned(value: Any) -> None:
    with pytest.raises(ValueError, match="whole number"):
        format_big_int(value)

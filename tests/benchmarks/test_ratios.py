import pytest

from tests.benchmarks.list_query import LONG, SHORT
from tests.benchmarks.ratios import Round, list_ratios, median_of, noise_of, summarize


def a_round(requests_per_second: float) -> Round:
    return Round(requests_per_second, p50=1.0, p99=2.0, cpu=0.5)


def test_a_round_has_milliseconds_and_requests_a_second() -> None:
    latencies = [number / 1_000 for number in range(1, 102)]

    figures = summarize(latencies, seconds=2, cpu_seconds=0.101)

    assert figures == Round(requests_per_second=50.5, p50=51.0, p99=100.0, cpu=1.0)


def test_a_round_of_one_response_is_refused() -> None:
    with pytest.raises(ValueError, match="let it run longer"):
        summarize([0.001], seconds=2, cpu_seconds=0.1)


def test_one_slow_round_does_not_move_the_median() -> None:
    assert median_of([a_round(100), a_round(7), a_round(102)]).requests_per_second == 100


def test_noise_is_the_range_of_rounds_over_their_median() -> None:
    assert noise_of([a_round(95), a_round(100), a_round(105)]) == pytest.approx(0.1)


def test_ratios_are_ours_over_theirs_at_the_size_of_the_goal() -> None:
    medians = {
        ("ours", SHORT): a_round(80),
        ("ours", LONG): a_round(30),
        ("floor", SHORT): a_round(100),
        ("floor", LONG): a_round(60),
        ("stock_strawberry", SHORT): a_round(8),
    }

    assert list_ratios(medians) == {
        "list_first20_vs_floor": 0.8,
        "list_first100_vs_floor": 0.5,
        "list_vs_stock_strawberry": 10.0,
    }


def test_a_server_that_was_not_measured_has_no_ratio() -> None:
    assert list_ratios({("ours", SHORT): a_round(80), ("floor", SHORT): a_round(100)}) == {"list_first20_vs_floor": 0.8}

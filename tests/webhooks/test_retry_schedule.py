"""The schedule of retries."""

import pytest

from execution_monitor.webhooks.retry_schedule import DELAYS, MAX_ATTEMPTS, MAX_RETRY_AFTER, seconds_until_retry


def exactly(_: float, __: float) -> float:
    return 1.0


def least(low: float, _: float) -> float:
    return low


def most(_: float, high: float) -> float:
    return high


def test_retries_follow_after_5_seconds_to_10_hours():
    planned = [seconds_until_retry(attempts, spread=exactly) for attempts in range(1, MAX_ATTEMPTS)]

    assert planned == [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]


@pytest.mark.parametrize("attempts", [1, 4, 7])
def test_each_is_spread_by_a_fifth(attempts: int):
    shortest, longest = seconds_until_retry(attempts, spread=least), seconds_until_retry(attempts, spread=most)

    assert (shortest, longest) == pytest.approx((DELAYS[attempts - 1] * 0.8, DELAYS[attempts - 1] * 1.2))


def test_after_the_eighth_attempt_there_is_no_other():
    assert MAX_ATTEMPTS == 8
    assert seconds_until_retry(8) is None
    assert seconds_until_retry(8, retry_after=1.0) is None
    assert seconds_until_retry(9) is None


def test_a_receiver_may_ask_for_more_time_and_not_for_less():
    assert seconds_until_retry(1, retry_after=600.0, spread=most) == 600.0
    assert seconds_until_retry(2, retry_after=1.0, spread=most) == 360.0


def test_a_receiver_is_left_alone_for_a_day_at_most():
    assert seconds_until_retry(1, retry_after=10 * MAX_RETRY_AFTER, spread=most) == MAX_RETRY_AFTER == 86_400

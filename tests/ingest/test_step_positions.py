from datetime import UTC, datetime, timedelta

from execution_monitor.ingest.step_positions import position_of_start

START = datetime(2026, 11, 28, 12, tzinfo=UTC)
A_ROUND = timedelta(milliseconds=2**30)


def test_a_later_start_has_a_greater_position_of_32_bits():
    earlier, later = position_of_start(START), position_of_start(START + timedelta(milliseconds=1))

    assert 0 <= earlier < position_of_start(START + timedelta(milliseconds=1), goes_first=True) < later < 2**31


def test_positions_begin_again_after_all_numbers_of_32_bits():
    assert position_of_start(START + A_ROUND) == position_of_start(START)
    assert max(position_of_start(START + fraction * A_ROUND / 10) for fraction in range(10)) < 2**31

import pytest

from execution_monitor.live.batch_size import BatchSize

LINES = [
    pytest.param(0.0, 100e6, 1_000, 500, id="a fast line takes as many events as there may be"),
    pytest.param(0.3, 100e6, 1_000, 500, id="a line that only delays, too"),
    pytest.param(0.0, 100e6, 16_000_000, 1, id="of the largest events one at a time is requested"),
    pytest.param(0.3, 100e6, 50_000, 10, id="of large events so many as come to half a megabyte"),
]


def read(batch: BatchSize, latency: float, rate: float, size: int) -> tuple[int, float]:
    """How many events of `size` bytes the next reply has, and the seconds that it takes."""
    events = max(1, min(batch.events, 16_000_000 // size))
    seconds = latency + events * size / rate
    batch.learn(events, events * size, seconds)
    return events, seconds


@pytest.mark.parametrize(("latency", "rate", "size", "expected"), LINES)
def test_a_backlog_is_read_in_replies_that_fit_the_line(latency: float, rate: float, size: int, expected: int):
    batch = BatchSize()
    for _ in range(50):
        read(batch, latency, rate, size)

    assert batch.events == pytest.approx(expected, rel=0.1, abs=0)


@pytest.mark.parametrize("latency", [0.0, 0.2])
def test_replies_over_a_thin_line_take_less_than_a_second_beyond_its_delay(latency: float):
    batch = BatchSize()
    taken = [read(batch, latency, 1e6, 1_000) for _ in range(200)]

    assert max(seconds for _, seconds in taken[3:]) < latency + 1
    assert sum(events for events, _ in taken[3:]) / sum(seconds for _, seconds in taken[3:]) > 400


def test_a_line_that_begins_to_delay_is_not_taken_for_a_thin_one():
    batch = BatchSize()
    for _ in range(20):
        read(batch, 0.001, 100e6, 1_000)
    taken = [read(batch, 0.6, 100e6, 1_000) for _ in range(20)]

    assert sum(events for events, _ in taken) / sum(seconds for _, seconds in taken) > 600


def test_a_reply_that_is_not_full_changes_nothing():
    batch = BatchSize(events=400)
    batch.learn(3, 3_000, 0.2)

    assert batch.events == 400


def test_small_batches_grow_again_once_a_reply_has_room_left():
    batch = BatchSize(events=1)
    batch.learn(1, 16_000_000, 2.0)
    for _ in range(3):
        batch.learn(1, 1_000, 0.001)

    assert batch.events > 5

from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.monitoring.live.ring import Ring
from tests.monitoring.live.making import change, execution, place


def a_change(number: int, size: int):
    return change(number, None, execution(), size=size)


@given(st.lists(st.integers(min_value=1, max_value=60), max_size=80), st.integers(min_value=0, max_value=90))
def test_the_ring_keeps_the_newest_that_fit_and_knows_where_they_begin(sizes: list[int], asked: int):
    ring, limit = Ring(100), 100
    ring.begin(place(0))
    changes = [a_change(number, size) for number, size in enumerate(sizes, start=1)]

    for each in changes:
        ring.add(each)

    kept = len(changes)
    while sum(each.size for each in changes[len(changes) - kept :]) > limit:
        kept -= 1
    first_kept = len(changes) - kept
    assert len(ring) == kept
    assert ring.size == sum(each.size for each in changes[first_kept:]) <= limit
    assert ring.covers(place(asked)) is (asked >= first_kept)
    if ring.covers(place(asked)):
        assert ring.since(place(asked), 1000) == changes[asked:]
        assert ring.since(place(asked), 2) == changes[asked : asked + 2]


def test_a_ring_that_has_not_begun_covers_nothing():
    assert not Ring(100).covers(place(5))


def test_a_ring_that_begins_anew_knows_nothing_of_what_was():
    ring = Ring(100)
    ring.begin(place(0))
    ring.add(a_change(1, 10))

    ring.begin(place(2))

    assert not ring.covers(place(1))
    assert ring.covers(place(2))
    assert (len(ring), ring.size, ring.age) == (0, 0, 0.0)


def test_an_event_larger_than_the_ring_leaves_it_empty():
    ring = Ring(100)
    ring.begin(place(0))

    ring.add(a_change(1, 101))

    assert len(ring) == 0
    assert not ring.covers(place(0))
    assert ring.covers(place(1))


def test_the_ring_moves_on_without_events():
    ring = Ring(100)
    ring.begin(place(3))

    ring.advance(place(9))
    ring.advance(place(7))

    assert ring.newest == place(9)
    assert ring.horizon == place(3)

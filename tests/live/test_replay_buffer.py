from dataclasses import asdict

import bson
from bson import Timestamp
from bson.raw_bson import RawBSONDocument
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.live.changes import RAW, Assembler, Change
from execution_monitor.live.replay_buffer import MAX_DECODED, ReplayBuffer
from tests.live.making import NOW, change, execution, place


def a_change(number: int, size: int):
    return change(number, None, execution(), size=size)


@given(st.lists(st.integers(min_value=1, max_value=60), max_size=80), st.integers(min_value=0, max_value=90))
def test_the_ring_keeps_the_newest_that_fit_and_knows_where_they_begin(sizes: list[int], asked: int):
    ring, limit = ReplayBuffer(100), 100
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
        assert [kept.read() for kept in ring.since(place(asked), 1000)] == changes[asked:]
        assert [kept.read() for kept in ring.since(place(asked), 2)] == changes[asked : asked + 2]


def test_a_ring_that_has_not_begun_covers_nothing():
    assert not ReplayBuffer(100).covers(place(5))


def test_a_ring_that_begins_anew_knows_nothing_of_what_was():
    ring = ReplayBuffer(100)
    ring.begin(place(0))
    ring.add(a_change(1, 10))

    ring.begin(place(2))

    assert not ring.covers(place(1))
    assert ring.covers(place(2))
    assert (len(ring), ring.size, ring.age) == (0, 0, 0.0)


def test_an_event_larger_than_the_ring_leaves_it_empty():
    ring = ReplayBuffer(100)
    ring.begin(place(0))

    ring.add(a_change(1, 101))

    assert len(ring) == 0
    assert not ring.covers(place(0))
    assert ring.covers(place(1))


def test_the_ring_moves_on_without_events():
    ring = ReplayBuffer(100)
    ring.begin(place(3))

    ring.advance(place(9))
    ring.advance(place(7))

    assert ring.newest == place(9)
    assert ring.horizon == place(3)


def read_from_stream(number: int) -> Change:
    event = {
        "_id": {"_data": place(number)},
        "operationType": "insert",
        "clusterTime": Timestamp(1_800_000_000, number),
        "wallTime": NOW,
        "ns": {"db": "live", "coll": "workflow_executions"},
        "fullDocument": execution(f"run-{number}"),
    }
    found = Assembler().add(RawBSONDocument(bson.encode(event), RAW))
    assert isinstance(found, Change)
    return found


def test_only_the_newest_are_kept_decoded_and_the_others_are_read_again_as_they_were():
    ring, old = ReplayBuffer(1_000_000_000), 3
    ring.begin(place(0))
    changes = [read_from_stream(number) for number in range(1, MAX_DECODED + old + 1)]

    for each in changes:
        ring.add(each)

    found = [kept.read() for kept in ring.since(place(0), len(changes))]
    assert list(map(asdict, found)) == list(map(asdict, changes))
    assert [one is other for one, other in zip(found, changes, strict=True)] == [False] * old + [True] * MAX_DECODED
    assert ring.size == sum(each.size for each in changes)


def test_what_was_put_away_is_let_go_as_everything_is():
    changes = [read_from_stream(number) for number in range(1, MAX_DECODED * 2)]
    ring = ReplayBuffer(sum(each.size for each in changes[5:]))
    ring.begin(place(0))

    for each in changes:
        ring.add(each)

    assert (len(ring), ring.horizon) == (len(changes) - 5, changes[4].position)
    assert [each.position for each in ring.since(place(5), 2)] == [place(6), place(7)]

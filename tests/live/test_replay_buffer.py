from dataclasses import asdict

import bson
from bson import Timestamp
from bson.raw_bson import RawBSONDocument
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.live.changes import RAW, Assembler, Change
from execution_monitor.live.replay_buffer import MAX_DECODED, ReplayBuffer
from tests.live.factories import NOW, change, execution, position_at


def a_change(number: int, size: int):
    return change(number, None, execution(), size=size)


@given(st.lists(st.integers(min_value=1, max_value=60), max_size=80), st.integers(min_value=0, max_value=90))
def test_the_buffer_keeps_the_newest_that_fit_and_knows_where_they_begin(sizes: list[int], at: int):
    buffer, limit = ReplayBuffer(100), 100
    buffer.begin(position_at(0))
    changes = [a_change(number, size) for number, size in enumerate(sizes, start=1)]

    for each in changes:
        buffer.add(each)

    kept = len(changes)
    while sum(each.size for each in changes[len(changes) - kept :]) > limit:
        kept -= 1
    first_kept = len(changes) - kept
    assert len(buffer) == kept
    assert buffer.size == sum(each.size for each in changes[first_kept:]) <= limit
    assert buffer.covers(position_at(at)) is (at >= first_kept)
    if buffer.covers(position_at(at)):
        assert [kept.read() for kept in buffer.since(position_at(at), 1000)] == changes[at:]
        assert [kept.read() for kept in buffer.since(position_at(at), 2)] == changes[at : at + 2]


def test_a_buffer_that_has_not_begun_covers_nothing():
    assert not ReplayBuffer(100).covers(position_at(5))


def test_a_buffer_that_begins_again_covers_nothing_before():
    buffer = ReplayBuffer(100)
    buffer.begin(position_at(0))
    buffer.add(a_change(1, 10))

    buffer.begin(position_at(2))

    assert not buffer.covers(position_at(1))
    assert buffer.covers(position_at(2))
    assert (len(buffer), buffer.size, buffer.age) == (0, 0, 0.0)


def test_an_event_larger_than_the_buffer_leaves_it_empty():
    buffer = ReplayBuffer(100)
    buffer.begin(position_at(0))

    buffer.add(a_change(1, 101))

    assert len(buffer) == 0
    assert not buffer.covers(position_at(0))
    assert buffer.covers(position_at(1))


def test_the_buffer_advances_without_events():
    buffer = ReplayBuffer(100)
    buffer.begin(position_at(3))

    buffer.advance(position_at(9))
    buffer.advance(position_at(7))

    assert buffer.newest == position_at(9)
    assert buffer.horizon == position_at(3)


def read_from_stream(number: int) -> Change:
    event = {
        "_id": {"_data": position_at(number)},
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
    buffer, old = ReplayBuffer(1_000_000_000), 3
    buffer.begin(position_at(0))
    changes = [read_from_stream(number) for number in range(1, MAX_DECODED + old + 1)]

    for each in changes:
        buffer.add(each)

    found = [kept.read() for kept in buffer.since(position_at(0), len(changes))]
    assert list(map(asdict, found)) == list(map(asdict, changes))
    assert [one is other for one, other in zip(found, changes, strict=True)] == [False] * old + [True] * MAX_DECODED
    assert buffer.size == sum(each.size for each in changes)


def test_changes_kept_as_bson_are_dropped_like_others():
    changes = [read_from_stream(number) for number in range(1, MAX_DECODED * 2)]
    buffer = ReplayBuffer(sum(each.size for each in changes[5:]))
    buffer.begin(position_at(0))

    for each in changes:
        buffer.add(each)

    assert (len(buffer), buffer.horizon) == (len(changes) - 5, changes[4].position)
    assert [each.position for each in buffer.since(position_at(5), 2)] == [position_at(6), position_at(7)]

from itertools import pairwise
from typing import Any

import pytest
from bson import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.live.resume_tokens import position_after, position_of, start_time, time_of
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.live.factories import execution

_PART = st.integers(min_value=0, max_value=2**32 - 2)
_TIMES = st.builds(Timestamp, _PART, _PART)


@given(_TIMES, _TIMES)
def test_positions_order_as_their_times_do(left: Timestamp, right: Timestamp):
    assert (position_after(left) < position_after(right)) is (left < right)


@given(_TIMES)
def test_a_position_has_its_time(time: Timestamp):
    assert time_of(position_after(time)) == time


@given(_TIMES)
def test_a_stream_after_a_time_starts_with_the_next(time: Timestamp):
    assert start_time(position_after(time)) == Timestamp(time.time, time.inc + 1)


def test_a_token_of_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="resume token"):
        position_of({"_data": "93AB"})


async def test_tokens_of_real_events_order_as_the_events_do(database: Database):
    """Single writes, writes of one transaction, which share their time, and idle tokens in between."""
    collection = database.collection(Execution)
    seen: list[tuple[str, Timestamp | None]] = []

    async with await database.handle.watch(max_await_time_ms=50) as stream:
        for number in range(3):
            await collection.insert_one(execution(_id=number))
            async with database.client.start_session() as session, await session.start_transaction():
                for part in range(20):
                    await collection.insert_one(execution(_id=f"{number}-{part}"), session=session)
            event: Any = await stream.try_next()
            while event is not None:
                seen.append((position_of(event["_id"]), event["clusterTime"]))
                event = await stream.try_next()
            assert stream.resume_token is not None
            seen.append((position_of(stream.resume_token), None))

    assert len(seen) == 3 * 22
    assert all(left <= right for (left, _), (right, _) in pairwise(seen))
    events = [(position, time) for position, time in seen if time is not None]
    assert all(left < right for (left, _), (right, _) in pairwise(events))
    assert all(time_of(position_of({"_data": position})) == time for position, time in events)
    assert all(position < position_after(time) for position, time in events)
    assert all(
        position_after(Timestamp(time.time, time.inc - 1)) < position for position, time in events if time.inc > 0
    )

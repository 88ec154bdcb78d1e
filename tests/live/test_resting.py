"""While nobody subscribes, the stream rests between replies; the first subscriber ends that at once."""

import pytest

from execution_monitor.live import change_stream
from execution_monitor.live.service import Live
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.live.factories import ADA, execution
from tests.live.subscriber import eventually, read_page

_FOR_EVER = 3_600.0


@pytest.fixture
async def resting(database: Database, live: Live, monkeypatch: pytest.MonkeyPatch) -> Live:
    """Live updates without subscribers, that have read a change and rest for ever."""
    await live.stats.stream.started.wait()
    # What is behind it already, as the emptying of the database, has been read when this comes.
    await database.collection(Execution).insert_one(execution("0"))
    await eventually(lambda: live.stats.dispatcher.changes == 1)
    monkeypatch.setattr(change_stream, "_REST_SECONDS", _FOR_EVER)
    await database.collection(Execution).insert_one(execution("1"))
    await eventually(lambda: live.stats.dispatcher.changes == 2)
    return live


async def test_the_first_subscriber_has_the_next_change_at_once(database: Database, resting: Live):
    subscriber = await resting.subscribe(ADA)
    await database.collection(Execution).insert_one(execution("2"))

    delivery = await anext(subscriber)

    assert delivery.execution_id == "2"
    subscriber.close()


async def test_the_first_subscriber_misses_nothing_of_the_rest(database: Database, resting: Live):
    _, cursor = await read_page(database, ADA, resting)
    await database.collection(Execution).insert_many([execution("2"), execution("3")])

    subscriber = await resting.subscribe(ADA, after=cursor)
    deliveries = [await anext(subscriber) for _ in range(2)]

    assert [each.execution_id for each in deliveries] == ["2", "3"]
    subscriber.close()


async def test_the_stream_rests_again_once_the_last_subscriber_has_left(database: Database, resting: Live):
    first, last = [await resting.subscribe(ADA) for _ in range(2)]
    first.close()
    await database.collection(Execution).insert_one(execution("2"))
    assert (await anext(last)).execution_id == "2"
    last.close()
    await database.collection(Execution).insert_one(execution("3"))
    await eventually(lambda: resting.stats.dispatcher.changes == 4)
    await database.collection(Execution).insert_one(execution("4"))

    # An idle stream would have replied by now.
    with pytest.raises(TimeoutError):
        await eventually(lambda: resting.stats.dispatcher.changes == 5, seconds=0.5)

"""Lag: measured, reported, and not what a new subscriber begins with."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass, field

import pytest
from bson import Timestamp
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent
from typing_extensions import override

from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.live.cluster_time import ClusterClock
from execution_monitor.live.lag import LagMeter
from execution_monitor.live.resume_tokens import StreamPosition, position_after
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import DOCUMENTS, Execution
from execution_monitor.tasks import end_tasks
from tests.faults.faulty_proxy import FaultyProxy, faulty_proxy
from tests.live.factories import ADA, CURSORS, execution
from tests.live.subscriber import PATIENCE, eventually
from tests.support.mongod import SingleNodeReplicaSet

_NAME = "lag"
_LIMITS = LiveLimits(lookback_seconds=0, behind_seconds=2.5)


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Generator[SingleNodeReplicaSet]:
    server = SingleNodeReplicaSet(tmp_path_factory.mktemp("mongod"))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
async def database(mongod: SingleNodeReplicaSet) -> AsyncGenerator[Database]:
    async with open_database(mongod.uri, _NAME) as database:
        await database.connect()
        await database.prepare()
        for document in DOCUMENTS:
            await database.collection(document).delete_many({})
        yield database


@pytest.fixture
async def proxy(mongod: SingleNodeReplicaSet) -> AsyncGenerator[FaultyProxy]:
    host, port = mongod.address.split(":")
    async with faulty_proxy(host, int(port)) as proxy:
        yield proxy


@pytest.fixture
async def live(database: Database, proxy: FaultyProxy) -> AsyncGenerator[Live]:
    """Its stream goes through `proxy`, its other commands do not."""
    async with Live(database, proxy.uri, CURSORS, _LIMITS) as live:
        yield live


@dataclass
class Client:
    """A listener that records what it is called with."""

    has_room: bool = True
    received: list[int] = field(default_factory=list[int])

    def receive(self, seconds: int) -> bool:
        if self.has_room:
            self.received.append(seconds)
        return self.has_room


async def started(live: Live) -> None:
    (await live.subscribe(ADA)).close()


async def test_a_stream_that_keeps_up_is_not_behind_whatever_is_written(database: Database, live: Live):
    client = Client()
    await started(live)
    live.behind.listen(client.receive)
    seen: set[float | None] = set()

    for number in range(30):
        await database.client["elsewhere"]["things"].insert_one({"number": number})
        await database.collection(Execution).insert_one(execution())
        seen.add(live.behind.seconds)
        await asyncio.sleep(0.1)

    assert seen == {0.0}
    assert client.received == []
    assert live.behind.warnings == ()


async def test_a_silent_stream_is_reported_and_so_is_its_end(live: Live, proxy: FaultyProxy):
    client, without_room, late = Client(), Client(has_room=False), Client()
    await started(live)
    live.behind.listen(client.receive)
    live.behind.listen(without_room.receive)

    proxy.blackhole()
    await eventually(lambda: bool(client.received))
    live.behind.listen(late.receive)
    without_room.has_room = True
    await eventually(lambda: bool(late.received and without_room.received))
    (warning,) = live.behind.warnings
    figure = live.stats.lag.seconds
    proxy.restore()
    await eventually(lambda: late.received[-1] == 0)

    assert client.received == [client.received[0], 0]
    assert client.received[0] > 2
    assert warning.startswith("Live updates are ")
    assert figure is not None
    assert figure > 2.5
    assert live.behind.seconds == 0
    assert live.behind.warnings == ()


async def test_a_listener_that_fails_ends_nothing_for_others(live: Live, proxy: FaultyProxy):
    client = Client()

    def fail(_: int) -> bool:
        raise RuntimeError("made up")

    await started(live)
    live.behind.listen(fail)
    live.behind.listen(client.receive)
    proxy.blackhole()
    await eventually(lambda: bool(client.received))
    proxy.restore()

    await eventually(lambda: client.received[-1] == 0)


async def test_a_listener_that_was_removed_is_not_called(live: Live, proxy: FaultyProxy):
    client, forgotten = Client(), Client()
    await started(live)
    live.behind.listen(client.receive)
    live.behind.listen(forgotten.receive)
    live.behind.forget(forgotten.receive)

    proxy.blackhole()
    await eventually(lambda: bool(client.received))
    proxy.restore()

    assert forgotten.received == []


async def test_a_database_that_does_not_reply_is_ever_further_behind(
    database: Database, mongod: SingleNodeReplicaSet, live: Live
):
    await started(live)
    try:
        mongod.freeze()
        await eventually(lambda: (live.behind.seconds or 0) > 4)
    finally:
        mongod.thaw()
    await eventually(lambda: live.behind.seconds == 0)
    subscriber = await live.subscribe(ADA)
    await database.collection(Execution).insert_one(execution("after"))

    async with asyncio.timeout(PATIENCE):
        assert (await anext(subscriber)).execution_id == "after"


async def test_live_that_never_began_has_no_seconds_but_a_warning(database: Database):
    async with Live(database, "mongodb://127.0.0.1:9/", CURSORS, LiveLimits(behind_seconds=0.5)) as live:
        at_first = live.behind.warnings
        await eventually(lambda: len(live.behind.warnings) == 1)
        seconds, warnings = live.behind.seconds, live.behind.warnings

    assert at_first == ()
    assert seconds is None
    assert warnings[0].startswith("Live updates have not begun")
    assert live.behind.seconds is None
    assert live.behind.warnings == ()


LONG_AGO = position_after(Timestamp(1, 1))


class StreamAt:
    """A stream that goes on reading, but is at a place of the test's choice."""

    def __init__(self, position: StreamPosition) -> None:
        self.position: StreamPosition | None = position
        self.started = asyncio.Event()
        self.started.set()

    @property
    def progressed_at(self) -> float:
        return time.monotonic()


@contextlib.asynccontextmanager
async def measuring(meter: LagMeter) -> AsyncGenerator[None]:
    task = asyncio.create_task(meter.run())
    try:
        yield
    finally:
        await end_tasks(task)


async def test_a_stream_that_progresses_but_does_not_keep_up_is_behind(database: Database):
    stream = StreamAt(await current_position(database.handle))
    meter = LagMeter(database.handle, stream, 60)
    before = meter.seconds
    async with measuring(meter):
        begun = time.monotonic()
        await eventually(lambda: meter.seconds == 0)
        await database.collection(Execution).insert_one(execution())
        halfway = await current_position(database.handle)
        await eventually(lambda: (meter.seconds or 0) > 4)
        most = time.monotonic() - begun
        seconds = meter.seconds
        await database.collection(Execution).insert_one(execution())
        stream.position = halfway
        after_half = meter.seconds
        stream.position = await current_position(database.handle)
        at_the_end = meter.seconds

    assert before is None
    assert seconds is not None
    # As far as the clocks of two processes go.
    assert seconds <= most + 1
    assert after_half == at_the_end == 0
    assert meter.seconds is None


async def test_a_process_that_was_stopped_is_behind_by_all_that_time(database: Database):
    stream = StreamAt(await current_position(database.handle))
    meter = LagMeter(database.handle, stream, 60)
    async with measuring(meter):
        await eventually(lambda: meter.seconds == 0)
        await asyncio.sleep(0.2)
    await database.collection(Execution).insert_one(execution("at once"))
    stopped = time.monotonic()
    await asyncio.sleep(3)
    await database.collection(Execution).insert_one(execution("later"))
    async with measuring(meter):
        await eventually(lambda: bool(meter.seconds))
        seconds, known = meter.seconds, time.monotonic() - stopped

    assert seconds is not None
    assert 2.5 < seconds <= known + 1


async def test_a_stream_without_a_position_is_behind_all_that_is_new(database: Database):
    stream = StreamAt(LONG_AGO)
    stream.position = None
    meter = LagMeter(database.handle, stream, 60)
    async with measuring(meter):
        await eventually(lambda: (meter.seconds or 0) >= 2)
        stream.position = await current_position(database.handle)

        assert meter.seconds == 0


async def test_a_new_subscriber_gets_nothing_of_what_the_stream_has_still_to_read(
    database: Database, live: Live, proxy: FaultyProxy
):
    collection = database.collection(Execution)
    await started(live)
    proxy.blackhole()
    await collection.insert_many([execution(f"before-{number}") for number in range(50)])
    subscriber = await live.subscribe(ADA)
    await collection.insert_one(execution("now"))
    proxy.restore()
    async with asyncio.timeout(PATIENCE):
        first = await anext(subscriber)
    await collection.insert_one(execution("later"))
    async with asyncio.timeout(PATIENCE):
        second = await anext(subscriber)
    resumed = await live.subscribe(ADA, after=first.cursor)
    async with asyncio.timeout(PATIENCE):
        again = await anext(resumed)

    assert [first.execution_id, second.execution_id, again.execution_id] == ["now", "later", "later"]


async def test_its_cursor_is_taken_at_once_and_leads_to_the_same(database: Database, live: Live, proxy: FaultyProxy):
    collection = database.collection(Execution)
    await started(live)
    proxy.blackhole()
    await collection.insert_one(execution("before"))
    subscriber = await live.subscribe(ADA)
    resumed = await live.subscribe(ADA, after=subscriber.cursor)
    await collection.insert_one(execution("now"))
    proxy.restore()

    async with asyncio.timeout(PATIENCE):
        received = [(await anext(each)).execution_id for each in (subscriber, resumed)]

    assert received == ["now", "now"]


async def test_a_client_that_subscribes_while_only_the_stream_is_answered_begins_where_it_is(
    database: Database, mongod: SingleNodeReplicaSet, proxy: FaultyProxy
):
    async with open_database(proxy.uri, _NAME) as cut_off, Live(cut_off, mongod.uri, CURSORS, _LIMITS) as live:
        await started(live)
        proxy.blackhole()
        async with asyncio.timeout(PATIENCE):
            subscriber = await live.subscribe(ADA)
            await database.collection(Execution).insert_one(execution("now"))
            received = (await anext(subscriber)).execution_id
        proxy.restore()

    assert received == "now"


@dataclass
class Pings(CommandListener):
    """Counts the requests for the cluster's time."""

    count: int = 0

    @override
    def started(self, event: CommandStartedEvent) -> None:
        self.count += event.command_name == "ping"

    @override
    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    @override
    def failed(self, event: CommandFailedEvent) -> None:
        pass


async def test_clients_that_subscribe_together_share_a_request_but_never_an_older_reply(proxy: FaultyProxy):
    pings = Pings()
    database = Database.at(proxy.uri, _NAME, [pings])
    try:
        await database.client.admin.command("hello")
        clock = ClusterClock(database.handle, StreamAt(LONG_AGO))
        proxy.delay(100)
        first = [asyncio.create_task(clock.ahead_of_stream()) for _ in range(50)]
        await eventually(lambda: pings.count == 1)
        second = [asyncio.create_task(clock.ahead_of_stream()) for _ in range(50)]
        async with asyncio.timeout(PATIENCE):
            answers = [*(await asyncio.gather(*first)), *(await asyncio.gather(*second))]
        await clock.close()
    finally:
        await database.close()

    assert pings.count == 2
    assert None not in answers
    assert len(set(answers[:50])) == len(set(answers[50:])) == 1


async def test_a_subscriber_that_leaves_takes_no_reply_from_others(database: Database):
    clock = ClusterClock(database.handle, StreamAt(LONG_AGO))
    leaving, staying = (asyncio.create_task(clock.ahead_of_stream()) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()

    async with asyncio.timeout(PATIENCE):
        answer = await staying

    assert answer is not None
    assert leaving.cancelled()
    await clock.close()


async def test_where_the_stream_keeps_up_its_own_position_is_begun_at(database: Database):
    """Otherwise a client that does not wait for a reply would miss what is written during the request."""
    stream = StreamAt(LONG_AGO)
    clock = ClusterClock(database.handle, stream)
    lagging = await clock.ahead_of_stream()
    stream.position = position_after(Timestamp(2**32 - 1, 1))
    keeping_up = await clock.ahead_of_stream()
    await clock.close()

    assert lagging is not None
    assert keeping_up is None

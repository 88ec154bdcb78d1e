import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from pymongo import AsyncMongoClient
from structlog.testing import capture_logs

from execution_monitor.development.synthetic.simulator import Simulation, SimulatorOptions, simulate
from execution_monitor.errors import SetupError
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import TERMINAL_STATUSES, Execution, LogEntry, Step
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.tasks import end_tasks

START = datetime(2025, 11, 20, 15, 0, tzinfo=UTC)
OPTIONS = SimulatorOptions(rate=1.0, users=2, random_seed=11)
TERMINAL = {status.value for status in TERMINAL_STATUSES}


class TimeIsUpError(Exception):
    """Ends a simulation, which would run without end."""


@dataclass
class FakeTime:
    """A clock that moves only by sleeping; sleeping beyond `end` raises."""

    now: datetime = START
    end: datetime = START + timedelta(seconds=60)
    sleeps: list[float] = field(default_factory=list[float])

    def clock(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += timedelta(seconds=max(seconds, 0.001))
        if self.now >= self.end:
            raise TimeIsUpError


async def simulate_until(time: FakeTime, options: SimulatorOptions = OPTIONS) -> Simulation:
    simulation = Simulation(options, time.clock)
    with pytest.raises(TimeIsUpError):
        await simulation.run(time.sleep)
    return simulation


async def executions_in(database: Database) -> dict[str, BsonDocument]:
    return {row["execution_id"]: row async for row in database.collection(Execution).find()}


async def changes_during(database: Database, time: FakeTime) -> dict[str, list[BsonDocument]]:
    """The images of every execution after each of its changes, in order."""
    images: dict[str, list[BsonDocument]] = defaultdict(list)
    executions = database.collection(Execution)
    async with await executions.watch(full_document="required", max_await_time_ms=100) as stream:
        await simulate_until(time)
        expected = sum([row["version"] async for row in executions.find({}, {"version": True})])
        while sum(map(len, images.values())) < expected:
            change = await stream.next()
            images[change["fullDocument"]["execution_id"]].append(change["fullDocument"])
    return images


async def test_every_change_is_one_version_nothing_goes_back_and_nothing_follows_a_terminal_status(database: Database):
    images = await changes_during(database, FakeTime(end=START + timedelta(seconds=90)))

    assert len(images) > 50
    for rows in images.values():
        assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
        assert not {row["status"] for row in rows[:-1]} & TERMINAL
        for before, after in pairwise(rows):
            assert before["progress"]["percentage"] <= after["progress"]["percentage"]
            assert before["steps_completed"] <= after["steps_completed"]
            assert before.get("total_cost", 0) <= after.get("total_cost", 0)
            assert before["updated"] < after["updated"]


async def test_most_executions_take_between_five_and_ninety_seconds(database: Database):
    await simulate_until(
        FakeTime(end=START + timedelta(seconds=170)), SimulatorOptions(rate=0.5, users=2, random_seed=11)
    )

    rows = [row for row in (await executions_in(database)).values() if row["created"] < START + timedelta(seconds=70)]
    lasted = [row["updated"] - row["created"] for row in rows if row["status"] in TERMINAL]
    watchable = [seconds for seconds in lasted if timedelta(seconds=5) <= seconds <= timedelta(seconds=90)]
    assert len(watchable) > 0.8 * len(rows)
    assert {row["status"] for row in rows} >= {"completed", "failed", "cancelled"}
    assert any(row.get("parent_execution_id") for row in rows)


async def test_steps_and_log_agree_with_their_execution_whenever_it_is_stopped(database: Database):
    await simulate_until(FakeTime(end=START + timedelta(seconds=45)))

    for execution_id, execution in (await executions_in(database)).items():
        steps = await database.collection(Step).find({"execution_id": execution_id}).to_list()
        entries = await database.collection(LogEntry).find({"execution_id": execution_id}).to_list()
        assert len(steps) == execution["progress"]["total_steps"]
        assert sum(step["status"] == "completed" for step in steps) == execution["steps_completed"]
        assert sum(step["status"] == "failed" for step in steps) == execution["steps_failed"]
        assert all(entry["timestamp"] <= execution["updated"] for entry in entries)
        if execution["status"] in TERMINAL:
            assert {step["status"] for step in steps} <= TERMINAL
            assert entries


async def test_as_many_executions_start_as_the_rate_says(database: Database):
    time = FakeTime(end=START + timedelta(seconds=100))

    await simulate_until(time, SimulatorOptions(rate=0.5, random_seed=3))

    roots = await database.collection(Execution).count_documents({"parent_execution_id": None})
    assert roots == pytest.approx(50, abs=20)


def test_a_high_rate_has_room_for_as_many_as_last_at_once():
    # Half a minute on average, of which some last four.
    assert SimulatorOptions(rate=50).most_at_once >= 50 * 30
    assert SimulatorOptions(rate=0.5).most_at_once == SimulatorOptions(rate=1).most_at_once


async def test_no_more_run_at_once_than_allowed(database: Database):
    options = SimulatorOptions(rate=5, at_once=4, random_seed=3)

    with capture_logs() as logs:
        simulation = await simulate_until(FakeTime(end=START + timedelta(seconds=10)), options)

    assert simulation.running <= 4
    # Whoever relies on the rate is told.
    [warning] = [each for each in logs if each["event"] == "simulation_below_its_rate"]
    assert (warning["rate"], warning["most_at_once"]) == (5, 4)
    assert warning["left_out"] >= 1
    assert await database.collection(Execution).count_documents({"status": {"$nin": sorted(TERMINAL)}}) <= 4


async def test_starts_that_a_slow_machine_misses_are_left_out_and_counted(database: Database):
    time = FakeTime()
    simulation = Simulation(SimulatorOptions(rate=5, random_seed=3), time.clock)
    await simulation.catch_up()

    # As if the writes had taken so long; those of the last five seconds are made up for.
    time.now += timedelta(seconds=65)
    with capture_logs() as logs:
        await simulation.catch_up()

    [warning] = [each for each in logs if each["event"] == "simulation_below_its_rate"]
    assert warning["left_out"] == pytest.approx(5 * 60, abs=10)
    assert simulation.running <= 5 * 5 + 25


async def test_it_sleeps_no_longer_than_a_second_and_never_busily_loops(database: Database):
    del database
    time = FakeTime(end=START + timedelta(seconds=60))

    await simulate_until(time, SimulatorOptions(rate=0.1, random_seed=3))

    assert max(time.sleeps) <= 1.0
    assert len(time.sleeps) < 400


async def test_a_later_simulator_finishes_what_an_earlier_one_left(database: Database):
    time = FakeTime(end=START + timedelta(seconds=20))
    await simulate_until(time)
    left = {key for key, row in (await executions_in(database)).items() if row["status"] not in TERMINAL}

    time.now, time.end = START + timedelta(seconds=60), START + timedelta(seconds=400)
    await simulate_until(time, SimulatorOptions(rate=0.01, random_seed=5))

    rows = await executions_in(database)
    assert left
    assert {rows[key]["status"] for key in left} <= TERMINAL
    assert "WORKER_LOST" not in str(rows)


async def test_a_simulator_that_comes_much_later_times_them_out(database: Database):
    time = FakeTime(end=START + timedelta(seconds=20))
    await simulate_until(time)
    left = {key: row for key, row in (await executions_in(database)).items() if row["status"] not in TERMINAL}

    later = START + timedelta(days=1)
    await simulate_until(FakeTime(now=later, end=later + timedelta(seconds=2)), SimulatorOptions(random_seed=5))

    assert left
    rows = await executions_in(database)
    for key, before in left.items():
        after = rows[key]
        assert (after["status"], after["error_details"]["code"]) == ("timed_out", "WORKER_LOST")
        assert after["version"] == before["version"] + 1
        if "started_at" in after:
            assert after["total_duration"] == (after["completed_at"] - after["started_at"]).total_seconds()
        steps = await database.collection(Step).find({"execution_id": key}).to_list()
        assert {step["status"] for step in steps} <= TERMINAL
    assert await Step.find_all().to_list()
    assert await Execution.find_all().to_list()


async def test_a_second_simulator_leaves_alone_what_a_running_one_writes(database: Database):
    time = FakeTime(end=START + timedelta(seconds=20))
    await simulate_until(time)
    before = await executions_in(database)

    time.end = time.now + timedelta(seconds=0.5)
    await simulate_until(time, SimulatorOptions(rate=0.001, random_seed=5))

    after = await executions_in(database)
    assert {key: after[key] for key in before} == before


async def test_executions_of_real_engines_are_never_touched(database: Database):
    long_ago = START - timedelta(days=3)
    real: BsonDocument = {
        "execution_id": "real-1",
        "tenant_id": "acme",
        "user_id": "ada",
        "workflow_name": "daily-sales-etl",
        "status": "running",
        "created": long_ago,
        "updated": long_ago,
        "version": 1,
    }
    await database.collection(Execution).insert_one(real)

    await simulate_until(FakeTime())

    assert (await executions_in(database))["real-1"] == real


async def test_what_another_program_ended_stays_ended(database: Database):
    time = FakeTime(end=START + timedelta(seconds=20))
    simulation = await simulate_until(time)
    executions = database.collection(Execution)
    unfinished = {"status": {"$nin": sorted(TERMINAL)}}
    await executions.update_many(unfinished, {"$set": {"status": "cancelled"}, "$inc": {"version": 1}})
    before = await executions_in(database)

    time.end = START + timedelta(seconds=50)
    with pytest.raises(TimeIsUpError):
        await simulation.run(time.sleep)

    after = await executions_in(database)
    assert {key: after[key] for key in before} == before


async def test_what_another_program_deleted_is_not_written_again(database: Database):
    time = FakeTime(end=START + timedelta(seconds=20))
    simulation = await simulate_until(time)
    gone = set(await executions_in(database))
    await database.collection(Execution).delete_many({})

    time.end = START + timedelta(seconds=50)
    with pytest.raises(TimeIsUpError):
        await simulation.run(time.sleep)

    assert not gone & set(await executions_in(database))


async def test_cancelling_stops_at_once_with_nothing_half_written(database: Database):
    simulating = asyncio.create_task(simulate(SimulatorOptions(rate=50)))
    executions = database.collection(Execution)
    async with asyncio.timeout(60), await executions.watch(max_await_time_ms=100) as stream:
        for _ in range(60):
            await stream.next()

    async with asyncio.timeout(4):
        await end_tasks(simulating)

    assert simulating.cancelled()
    for execution_id, execution in (await executions_in(database)).items():
        steps = await database.collection(Step).find({"execution_id": execution_id}).to_list()
        assert len(steps) == execution["progress"]["total_steps"]
        assert sum(step["status"] == "completed" for step in steps) == execution["steps_completed"]


@dataclass
class Cable:
    """The connection to MongoDB, which can be cut."""

    port: int = 0
    is_cut: bool = False
    is_silent: bool = False  # forwards nothing, while both ends keep the connection
    swallowed: asyncio.Event = field(default_factory=asyncio.Event)
    writers: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])

    def cut(self) -> None:
        self.is_cut = True
        for writer in self.writers:
            writer.transport.abort()


@asynccontextmanager
async def cable_to(host: str, port: int) -> AsyncGenerator[Cable]:
    cable = Cable()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                if cable.is_silent:
                    cable.swallowed.set()
                    continue
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if cable.is_cut:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection(host, port)
        cable.writers |= {writer, far_writer}
        await asyncio.gather(forward(reader, far_writer), forward(far_reader, writer))

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as server:
        cable.port = server.sockets[0].getsockname()[1]
        yield cable
        cable.cut()


@asynccontextmanager
async def far_database(uri: str, address: str, cable: Cable, name: str) -> AsyncGenerator[None]:
    """Binds the documents to the database at the other end of the cable."""
    async with AsyncMongoClient[BsonDocument](
        uri.replace(address, f"127.0.0.1:{cable.port}"),
        # Else the driver would learn the server's own address and bypass the cable.
        directConnection=True,
        serverSelectionTimeoutMS=100,
        tz_aware=True,
    ) as client:
        await Database(client, client.get_database(name)).connect()
        yield


async def test_cancelling_during_an_outage_does_not_wait_for_its_end(
    database: Database, mongodb_uri: str, database_name: str
):
    host, port = await database.client.address or ("", 0)
    async with cable_to(host, port) as cable, far_database(mongodb_uri, f"{host}:{port}", cable, database_name):
        sleeps = 0

        async def sleep(seconds: float) -> None:
            nonlocal sleeps
            sleeps += 1
            # Between two transactions, so that the server is left with none that no client ends.
            cable.is_silent = sleeps > 5
            await asyncio.sleep(seconds)

        # Slow enough to sleep between the changes, on a busy machine too.
        simulating = asyncio.create_task(simulate(SimulatorOptions(rate=5), sleep=sleep))
        async with asyncio.timeout(60):
            await cable.swallowed.wait()

        async with asyncio.timeout(4):
            await end_tasks(simulating)
        # Closing the client would wait for replies.
        cable.cut()

    assert simulating.cancelled()


async def test_an_outage_is_waited_out_and_counted(database: Database, mongodb_uri: str, database_name: str):
    host, port = await database.client.address or ("", 0)
    async with cable_to(host, port) as cable, far_database(mongodb_uri, f"{host}:{port}", cable, database_name):
        time = FakeTime(end=START + timedelta(seconds=60))
        outage = START + timedelta(seconds=20), START + timedelta(seconds=21)

        async def sleep(seconds: float) -> None:
            await time.sleep(seconds)
            if outage[0] <= time.now < outage[1]:
                cable.cut()
            else:
                cable.is_cut = False

        simulation = Simulation(OPTIONS, time.clock)
        with pytest.raises(TimeIsUpError):
            await simulation.run(sleep)

    assert simulation.interruptions >= 2
    rows = (await executions_in(database)).values()
    assert [row for row in rows if row["created"] < outage[0] and row["updated"] > outage[1]]
    assert [row for row in rows if row["created"] > outage[1]]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        pytest.param({"rate": 0}, "rate must be above 0", id="no rate"),
        pytest.param({"rate": 1000}, "at most 100", id="too much"),
        pytest.param({"at_once": 0}, "number of at_once", id="none at once"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, int], sentence: str):
    with pytest.raises(SetupError, match=sentence):
        SimulatorOptions(**options)  # pyright: ignore[reportArgumentType] - one dict serves all fields

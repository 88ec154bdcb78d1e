import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import PyMongoError

from execution_monitor.errors import SetupError
from execution_monitor.ingest.core.recorded_run import to_documents
from execution_monitor.ingest.core.replay import replay_files
from execution_monitor.ingest.formats import parse_run
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry, Step, collection_of
from tests.ingest.recordings import BACASS, CHAIN, SRASEARCH, small_run, write

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class FakeTime:
    """A clock that moves only while a task sleeps."""

    def __init__(self) -> None:
        self.now = BEGAN
        self.slept = 0.0

    def clock(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.pass_by(seconds)
        await asyncio.sleep(0)

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class TickingTime(FakeTime):
    """A clock that also moves at every reading, so that no two times are the same."""

    def clock(self) -> datetime:
        self.pass_by(0.001)
        return super().clock()


def without_durations() -> dict[str, Any]:
    """A run in which everything happens at the same time, its tasks in reverse order."""
    run = small_run()
    run["workflow"]["specification"]["tasks"].reverse()
    for task in run["workflow"]["execution"]["tasks"]:
        task["runtimeInSeconds"] = 0
    return run


def overlapping() -> dict[str, Any]:
    """A run whose recorded starts, in whole seconds, lie before the ends of their parents."""
    run = small_run()
    for task in run["workflow"]["execution"]["tasks"]:
        task |= {"executedAt": "2026-01-02T03:00:05Z", "runtimeInSeconds": 5.9}
    return run


async def replay(*paths: Path, speed: float = 1.0, time: FakeTime | None = None):
    time = time or FakeTime()
    return await replay_files(paths, tenant="acme", user="ada", speed=speed, clock=time.clock, sleep=time.sleep)


async def rows(document: Any) -> list[Any]:
    return [row async for row in collection_of(document).find()]


async def test_a_run_ends_as_it_was_recorded(database: Database):
    report = await replay(SRASEARCH)

    recorded = to_documents(parse_run(SRASEARCH.read_bytes()), tenant="acme", user="ada")
    (execution,) = await rows(Execution)
    varying = ("_id", "execution_id", "created", "updated", "started_at", "completed_at", "total_duration", "version")
    assert report.completed == 1
    assert {k: v for k, v in execution.items() if k not in varying} == {
        k: v for k, v in recorded.execution.items() if k not in varying
    }
    assert execution["execution_id"].startswith(recorded.execution["execution_id"])
    steps = sorted(await rows(Step), key=lambda row: row["step_index"])
    of_steps = (*varying, "duration")
    assert [{k: v for k, v in row.items() if k not in of_steps} for row in steps] == [
        {k: v for k, v in row.items() if k not in of_steps} for row in recorded.steps
    ]


async def test_it_takes_the_recorded_time_divided_by_the_speed(database: Database):
    time = FakeTime()

    await replay(CHAIN, speed=10, time=time)

    (execution,) = await rows(Execution)
    assert time.slept == pytest.approx(66.1)
    assert execution["total_duration"] == pytest.approx(66.1, abs=0.01)


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(SRASEARCH.read_bytes(), id="Pegasus"),
        pytest.param(BACASS.read_bytes(), id="Nextflow, with steps of no duration"),
        pytest.param(without_durations(), id="nothing but steps of no duration"),
        pytest.param(overlapping(), id="recorded starts that are too early"),
    ],
)
async def test_no_step_starts_before_its_parents_have_ended(database: Database, tmp_path: Path, run: Any):
    await replay(write(tmp_path, "run.json", run), time=TickingTime())

    steps = {row["step_id"]: row for row in await rows(Step)}
    for step in steps.values():
        assert step["started_at"] > max((steps[each]["completed_at"] for each in step["depends_on"]), default=BEGAN)
        assert step["completed_at"] > step["started_at"]


async def test_the_time_that_writing_takes_does_not_add_up(database: Database):
    time = TickingTime()

    await replay(CHAIN, speed=100, time=time)

    (execution,) = await rows(Execution)
    writing = (time.now - BEGAN).total_seconds() - time.slept
    assert writing > 0.03
    assert execution["total_duration"] == pytest.approx(6.61, abs=0.005)


async def test_each_change_is_one_more_version_and_progress_never_goes_back(database: Database):
    versions: dict[Any, list[int]] = defaultdict(list)
    percentages: list[float] = []

    async with await database.handle.watch(full_document="whenAvailable", max_await_time_ms=50) as changes:
        await changes.try_next()
        await replay(CHAIN)
        while (event := await changes.try_next()) is not None:
            document = event["fullDocument"]
            if "version" in document:
                versions[document["_id"]].append(document["version"])
            if "progress" in document:
                percentages.append(document["progress"]["percentage"])

    assert len(versions) == 6
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    assert percentages == sorted(percentages)
    assert percentages[-1] == 100


async def test_the_log_has_lines_of_each_step_in_order(database: Database):
    await replay(CHAIN)

    lines = [row["message"] for row in sorted(await rows(LogEntry), key=lambda row: row["_id"])]
    assert len(lines) == 10
    assert lines[0].endswith("started")
    assert [line.rpartition(" ")[2] for line in lines] == ["started", "completed"] * 5


async def test_each_time_is_a_run_of_its_own(database: Database):
    await replay(CHAIN)
    await replay(CHAIN)

    assert len({row["execution_id"] for row in await rows(Execution)}) == 2


async def test_a_replay_that_is_stopped_leaves_no_run_unfinished(database: Database):
    started = asyncio.Event()

    async def sleep_for_ever(_: float) -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(
        replay_files([CHAIN], tenant="acme", user="ada", speed=1, clock=lambda: BEGAN, sleep=sleep_for_ever)
    )
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    (execution,) = await rows(Execution)
    assert execution["status"] == "cancelled"
    assert execution["completed_at"] == BEGAN
    assert {row["status"] for row in await rows(Step)} == {"cancelled"}


async def test_a_broken_file_does_not_stop_the_others(database: Database, tmp_path: Path):
    broken = write(tmp_path, "broken.json", small_run(name=None))

    report = await replay(broken, CHAIN)

    assert report.completed == 1
    assert [each.path for each in report.rejected] == [broken]


async def test_a_replay_that_is_stopped_half_way_keeps_what_was_completed(database: Database):
    time = FakeTime()
    half_way = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await time.sleep(seconds)
        if (time.now - BEGAN).total_seconds() > 300:
            half_way.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(replay_files([CHAIN], tenant="acme", user="ada", speed=1, clock=time.clock, sleep=sleep))
    await half_way.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    (execution,) = await rows(Execution)
    steps = await rows(Step)
    completed = [row for row in steps if row["status"] == "completed"]
    assert 0 < len(completed) < len(steps)
    assert {row["status"] for row in steps} == {"completed", "cancelled"}
    assert execution["status"] == "cancelled"
    assert execution["steps_completed"] == len(completed)
    assert execution["progress"]["current_step"] == len(completed)


@pytest.mark.parametrize("last_reading", [1, 2, 3, 5, 8, 13, 21, 34])
async def test_whenever_it_is_stopped_nothing_runs_on(database: Database, last_reading: int):
    """Stopped when it reads the clock for that time, which is right before a write."""
    time = FakeTime()
    readings = 0

    def clock() -> datetime:
        nonlocal readings
        readings += 1
        if readings == last_reading:
            task.cancel()
        return time.clock()

    task = asyncio.create_task(replay_files([CHAIN], tenant="acme", user="ada", speed=1, clock=clock, sleep=time.sleep))
    with pytest.raises(asyncio.CancelledError):
        await task

    executions, steps = await rows(Execution), await rows(Step)
    assert [row["status"] for row in executions] == ["cancelled"]
    assert {row["status"] for row in steps} <= {"completed", "cancelled"}
    assert len(steps) == 5
    assert executions[0]["steps_completed"] == sum(row["status"] == "completed" for row in steps)


async def test_a_lost_database_is_reported_once(database: Database):
    async def close(_: float) -> None:
        await database.close()

    with pytest.raises(PyMongoError):
        await replay_files([CHAIN, SRASEARCH], tenant="acme", user="ada", speed=1, clock=lambda: BEGAN, sleep=close)


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
async def test_a_speed_must_be_above_nothing(speed: float):
    with pytest.raises(SetupError, match="The speed must be a number above 0"):
        await replay(CHAIN, speed=speed)

import asyncio
from pathlib import Path
from typing import Any

import pytest

from execution_monitor.ingest.core.files import MAX_DOCUMENT_BYTES, MAX_FILE_BYTES
from execution_monitor.ingest.core.importer import ImportOutcome, LoadReport, load_files
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, Step, collection_of
from tests.ingest.recordings import BACASS, CHAIN, SRASEARCH, small_run, write

REAL = [CHAIN, BACASS, SRASEARCH]


async def load(*paths: Path):
    return await load_files(paths, tenant="acme", user="ada")


def outcomes(report: LoadReport) -> dict[Path, ImportOutcome]:
    return {each.path: each.outcome for each in report.imported}


async def stored() -> list[Any]:
    return [
        sorted([row async for row in collection_of(document).find()], key=lambda row: row["_id"])
        for document in (Execution, Step)
    ]


async def test_each_file_becomes_an_execution_and_each_task_a_step(database: Database):
    report = await load(*REAL)

    executions, steps = await stored()
    assert outcomes(report) == dict.fromkeys(REAL, ImportOutcome.LOADED)
    assert len(executions) == 3
    assert report.steps == len(steps) == 5 + 11 + 22
    assert {row["user_id"] for row in executions} == {"ada"}


async def test_loading_twice_changes_nothing_and_makes_no_event(database: Database):
    await load(*REAL)
    before = await stored()

    async with await database.handle.watch(max_await_time_ms=50) as changes:
        await changes.try_next()
        report = await load(*REAL)
        event = await changes.try_next()

    assert outcomes(report) == dict.fromkeys(REAL, ImportOutcome.UNCHANGED)
    assert event is None
    assert await stored() == before


async def test_a_file_that_changed_replaces_its_run_as_one_more_version(database: Database, tmp_path: Path):
    run = small_run()
    path = write(tmp_path, "run.json", run)
    await load(path)
    run["workflow"]["execution"]["makespanInSeconds"] = 31
    del run["workflow"]["specification"]["tasks"][2]
    del run["workflow"]["execution"]["tasks"][2]
    write(tmp_path, "run.json", run)

    report = await load(path)

    (execution,), steps = await stored()
    assert outcomes(report) == {path: ImportOutcome.REPLACED}
    assert (execution["total_duration"], execution["version"]) == (31, 2)
    assert [step["version"] for step in steps] == [1, 1]
    assert [step["step_id"] for step in sorted(steps, key=lambda step: step["step_index"])] == ["split", "left"]


async def test_a_step_that_changed_is_one_more_version_of_itself_and_of_its_execution(
    database: Database, tmp_path: Path
):
    run = small_run()
    path = write(tmp_path, "run.json", run)
    await load(path)
    run["workflow"]["execution"]["tasks"][1]["priority"] = 7
    write(tmp_path, "run.json", run)

    report = await load(path)

    (execution,), steps = await stored()
    assert outcomes(report) == {path: ImportOutcome.REPLACED}
    assert execution["version"] == 2
    assert {step["step_id"]: step["version"] for step in steps} == {"split": 1, "left": 2, "right": 1}


async def test_two_loads_at_once_leave_what_one_leaves(database: Database):
    await load(*REAL)
    alone = await stored()
    for document in (Execution, Step):
        await collection_of(document).delete_many({})

    reports = await asyncio.gather(*(load(*REAL) for _ in range(4)))

    assert await stored() == alone
    assert sum(report.count(ImportOutcome.LOADED) for report in reports) == len(REAL)
    assert sum(report.count(ImportOutcome.REPLACED) for report in reports) == 0


async def test_the_number_of_files_that_are_done_is_reported(database: Database, tmp_path: Path):
    reported: list[int] = []

    await load_files([CHAIN, tmp_path / "missing.json", BACASS], tenant="acme", user="ada", on_file=reported.append)

    assert reported == [1, 2, 3]


async def test_the_report_counts_in_a_line(database: Database, tmp_path: Path):
    await load(CHAIN)

    report = await load(CHAIN, BACASS, tmp_path / "missing.json")

    assert report.describe() == "1 loaded, 1 unchanged, 0 replaced, 1 rejected; 16 steps."


async def test_a_broken_file_is_named_and_does_not_stop_the_others(database: Database, tmp_path: Path):
    broken = write(tmp_path, "broken.json", small_run(name=None))

    report = await load(CHAIN, broken, BACASS)

    assert [str(each) for each in report.rejected] == [f"{broken}: name: Input should be a valid string."]
    assert set(outcomes(report)) == {CHAIN, BACASS}
    assert len((await stored())[0]) == 2


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        pytest.param("missing.json", None, "it cannot be read (No such file or directory)", id="missing"),
        pytest.param("empty.json", b" \n", "it is empty", id="empty"),
        pytest.param(".", None, "it is a folder; name the files in it", id="a folder"),
        pytest.param("text.json", b"hello", "it is not JSON", id="no JSON"),
        pytest.param("large.json", b" " * (MAX_FILE_BYTES + 1), "it is larger than 64 MB", id="too large"),
    ],
)
async def test_a_file_that_cannot_be_read_is_rejected_with_the_reason(
    database: Database, tmp_path: Path, name: str, content: bytes | None, reason: str
):
    path = tmp_path / name if content is None else write(tmp_path, name, content)

    report = await load(path)

    assert [each.path for each in report.rejected] == [path]
    assert reason in report.rejected[0].reason


async def test_a_task_too_large_for_live_updates_is_rejected(database: Database, tmp_path: Path):
    run = small_run()
    run["workflow"]["execution"]["tasks"][1]["command"] = {"program": "x" * MAX_DOCUMENT_BYTES}
    path = write(tmp_path, "run.json", run)

    report = await load(path)

    assert [each.reason for each in report.rejected] == ["the task 'left': it is larger than 4 MB"]


async def test_sums_beyond_what_bson_holds_are_rejected(database: Database, tmp_path: Path):
    run = small_run()
    for task in run["workflow"]["execution"]["tasks"]:
        task["readBytes"] = 2**62
    path = write(tmp_path, "run.json", run)

    report = await load(path)

    assert report.rejected[0].reason.startswith("workflow: MongoDB cannot hold it")


async def test_a_file_that_may_not_be_read_is_rejected(database: Database, tmp_path: Path):
    loop = tmp_path / "loop.json"
    loop.symlink_to(loop)

    report = await load(loop)

    assert "it cannot be read (Too many levels of symbolic links)" in report.rejected[0].reason


async def test_a_load_that_was_interrupted_is_completed_by_the_next(database: Database):
    await load(CHAIN)
    whole = await stored()
    await collection_of(Execution).delete_many({})
    await collection_of(Step).delete_one({})

    report = await load(CHAIN)

    assert outcomes(report) == {CHAIN: ImportOutcome.LOADED}
    assert await stored() == whole

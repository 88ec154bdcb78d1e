from pathlib import Path
from typing import Any

import pytest

from execution_monitor.ingest.load import Outcome, load_files
from execution_monitor.storage.collections import collection_of
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, Step
from tests.ingest.recordings import BACASS, CHAIN, SRASEARCH, made_up, write

REAL = [CHAIN, BACASS, SRASEARCH]


async def load(*paths: Path):
    return await load_files(paths, tenant="acme", user="ada")


async def stored() -> list[Any]:
    return [
        sorted([row async for row in collection_of(document).find()], key=lambda row: row["_id"])
        for document in (Execution, Step)
    ]


async def test_each_file_becomes_an_execution_and_each_task_a_step(database: Database):
    report = await load(*REAL)

    executions, steps = await stored()
    assert report.outcomes == dict.fromkeys(REAL, Outcome.LOADED)
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

    assert report.outcomes == dict.fromkeys(REAL, Outcome.UNCHANGED)
    assert event is None
    assert await stored() == before


async def test_a_file_that_changed_replaces_its_run_as_one_more_version(database: Database, tmp_path: Path):
    run = made_up()
    path = write(tmp_path, "run.json", run)
    await load(path)
    run["workflow"]["execution"]["makespanInSeconds"] = 31
    del run["workflow"]["specification"]["tasks"][2]
    del run["workflow"]["execution"]["tasks"][2]
    write(tmp_path, "run.json", run)

    report = await load(path)

    (execution,), steps = await stored()
    assert report.outcomes == {path: Outcome.REPLACED}
    assert (execution["total_duration"], execution["version"]) == (31, 2)
    assert [step["step_id"] for step in sorted(steps, key=lambda step: step["step_index"])] == ["split", "left"]


async def test_a_broken_file_names_itself_and_keeps_no_other_out(database: Database, tmp_path: Path):
    broken = write(tmp_path, "broken.json", made_up(name=None))

    report = await load(CHAIN, broken, BACASS)

    assert [str(each) for each in report.rejected] == [f"{broken}: name: Input should be a valid string."]
    assert set(report.outcomes) == {CHAIN, BACASS}
    assert len((await stored())[0]) == 2


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        pytest.param("missing.json", None, "it cannot be read (No such file or directory)", id="missing"),
        pytest.param("empty.json", b" \n", "it is empty", id="empty"),
        pytest.param(".", None, "it is a folder; name the files in it", id="a folder"),
        pytest.param("text.json", b"hello", "it is not JSON", id="no JSON"),
    ],
)
async def test_what_cannot_be_read_is_told(
    database: Database, tmp_path: Path, name: str, content: bytes | None, reason: str
):
    path = tmp_path / name if content is None else write(tmp_path, name, content)

    report = await load(path)

    assert [each.path for each in report.rejected] == [path]
    assert reason in report.rejected[0].reason


async def test_a_load_that_was_cut_short_is_finished_by_the_next(database: Database):
    await load(CHAIN)
    whole = await stored()
    await collection_of(Execution).delete_many({})
    await collection_of(Step).delete_one({})

    report = await load(CHAIN)

    assert report.outcomes == {CHAIN: Outcome.LOADED}
    assert await stored() == whole

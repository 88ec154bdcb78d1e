"""Processes that write the same reports at the same time, and are killed between any two writes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from random import Random
from typing import Any

import pytest

from execution_monitor.ingest.writer.writer import Writer
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import DOCUMENTS, ExecutionStatus
from execution_monitor.storage.server_documents import IngestRun
from tests.ingest.writer.reporting_process import OWNER
from tests.ingest.writer.reports import Report, facts_of, stored_documents

TRIALS = 200 if os.environ.get("TEST_CHAOS") == "full" else 4
PROCESSES = 4
# A write of a batch sends fewer commands.
COMMANDS = 12

Job = dict[str, Any]
Do = Callable[[Sequence[Job]], list[int]]


@pytest.fixture(scope="module")
def processes(mongodb_uri: str, database_name: str) -> Generator[Do]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.ingest.writer.reporting_process", mongodb_uri, database_name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def do(jobs: Sequence[Job]) -> list[int]:
            stdin.write(json.dumps(jobs) + "\n")
            stdin.flush()
            return json.loads(stdout.readline())

        yield do
        stdin.close()


def reports_of(random: Random) -> list[Report]:
    """Reports of two executions, their steps, lines and runs; the names of the runs are fixed."""

    def one() -> Report:
        run, step, second = f"run-{random.randrange(2)}", f"step-{random.randrange(3)}", random.randrange(6)
        status = random.choice(list(ExecutionStatus)).value
        return random.choice(
            [
                ("execution", run, second, status, random.randint(1, 2), random.choice(["etl", "train"])),
                ("step", run, step, second, status, random.randint(1, 2), random.choice([0.0, 0.1, 2.5])),
                ("line", run, step, second),
                ("payload", run, second, random.choice(["$user_id", {"a.b": 1}, 7])),
                ("child", run, second, random.choice(["task-1", "task-2"])),
                ("run", "run-0", "task-1"),
                ("run", "run-1", "task-2"),
            ]
        )

    return [one() for _ in range(20)]


def job_of(random: Random, found: Sequence[Report], kill_before: int | None) -> Job:
    """All reports in another order, some of them twice, in batches."""
    sent = [*found, *random.sample(list(found), 5)]
    random.shuffle(sent)
    batches = [sent[start : start + 5] for start in range(0, len(sent), 5)]
    return {"batches": batches, "kill_before": kill_before}


async def empty(database: Database) -> None:
    for document in (*DOCUMENTS, IngestRun):
        await database.collection(document).delete_many({})


async def expected_of(database: Database, found: Sequence[Report]) -> Any:
    await empty(database)
    await Writer(database).write(OWNER, facts_of(found))
    expected = await stored_documents(database)
    await empty(database)
    return expected


@pytest.mark.parametrize("seed", range(TRIALS))
async def test_processes_at_once_some_of_them_killed_store_the_same(database: Database, processes: Do, seed: int):
    random = Random(seed)  # noqa: S311 - no secrets
    found = reports_of(random)
    expected = await expected_of(database, found)

    jobs = [job_of(random, found, random.choice([None, random.randrange(30)])) for _ in range(PROCESSES)]
    codes = await asyncio.to_thread(processes, jobs)
    assert set(codes) <= {0, -signal.SIGKILL}
    # Who was killed has not got an answer, and sends again.
    again = [{**job, "kill_before": None} for job, code in zip(jobs, codes, strict=True) if code]
    assert set(await asyncio.to_thread(processes, again)) <= {0}

    assert await stored_documents(database) == expected


async def test_a_process_that_is_killed_between_any_two_writes_leaves_what_the_same_report_completes(
    database: Database, processes: Do
):
    random = Random(17)  # noqa: S311 - no secrets
    found = reports_of(random)
    expected = await expected_of(database, found)
    first, second = found[:10], found

    codes: list[int] = []
    for kill_before in range(COMMANDS):
        await empty(database)
        codes += await asyncio.to_thread(processes, [{"batches": [first, second], "kill_before": kill_before}])
        await asyncio.to_thread(processes, [{"batches": [second], "kill_before": None}])
        assert await stored_documents(database) == expected

    assert codes[0] == -signal.SIGKILL
    assert codes[-1] == 0

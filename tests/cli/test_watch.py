"""`watch`: executions followed in a terminal, over the public API."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from execution_monitor.app import create_app
from execution_monitor.cli.watch import WatchOptions, watch
from execution_monitor.cli.watch_lines import render_event
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry, Step
from tests.support.documents import execution, store
from tests.support.servers import served, wait_until_ready

Token = Callable[..., str]

PATIENCE = 30
TOOL = (sys.executable, "-m", "execution_monitor", "watch")


class Watch:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return (await self.process.stdout.readline()).decode()

    async def complaint(self) -> str:
        assert self.process.stderr is not None
        async with asyncio.timeout(PATIENCE):
            return (await self.process.stderr.readline()).decode()

    async def code(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def watching(url: str, token: str, *arguments: str) -> AsyncGenerator[Watch]:
    process = await asyncio.create_subprocess_exec(
        *TOOL, "--url", url, "--token", token, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield Watch(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def write_until(database: Database, line: "asyncio.Task[str]") -> str:
    """Store executions until the watch, whose connection cannot be seen from here, prints one."""
    number = 0
    while not line.done():
        number += 1
        await database.collection(Execution).insert_one(execution(number, execution_id=f"w{number}", status="running"))
        await asyncio.wait({line}, timeout=0.2)
    return line.result()


async def test_each_event_is_a_line_until_ctrl_c(server: str, token_for: Token, database: Database):
    # The address of the endpoint is one of the server, too.
    async with watching(f"{server}/graphql", token_for("ada", "acme")) as watch:
        line = await write_until(database, asyncio.create_task(watch.line()))
        watch.process.send_signal(signal.SIGINT)
        code = await watch.code()

    assert "RUNNING" in line
    assert "etl w" in line
    assert code == 0


async def test_a_filter_selects_events_and_json_is_for_programs(server: str, token_for: Token, database: Database):
    chosen = '{"status": {"eq": "FAILED"}}'
    async with watching(server, token_for("ada", "acme"), "--json", "--filter", chosen) as watch:
        line = asyncio.create_task(watch.line())
        number = 0
        while not line.done():
            number += 1
            for status in ("running", "failed"):
                document = execution(number, execution_id=f"{status}-{number}", status=status)
                await database.collection(Execution).insert_one(document)
            await asyncio.wait({line}, timeout=0.2)

    event = json.loads(line.result())
    assert event["kind"] == "ENTERED"
    assert event["executionId"].startswith("failed-")
    assert event["execution"]["status"] == "FAILED"


@pytest.mark.parametrize(("status", "code"), [("completed", 0), ("failed", 1)])
async def test_one_execution_is_followed_to_its_end_which_sets_the_exit_code(
    server: str, token_for: Token, database: Database, status: str, code: int
):
    await database.collection(Execution).insert_one(execution(1, status="running"))
    parts = {"execution_id": "e001", "tenant_id": "acme"}
    async with watching(server, token_for("ada", "acme"), "--execution", "e001") as watch:
        lines = [await watch.line()]
        created = execution(1)["created"]
        await database.collection(Step).insert_one({**parts, "step_id": "s1", "step_name": "Load", "created": created})
        await database.collection(LogEntry).insert_one({**parts, "timestamp": created, "message": "Half way"})
        await database.collection(Execution).update_one({"execution_id": "e001"}, {"$set": {"status": status}})
        lines += [await watch.line() for _ in range(3)]
        exit_code = await watch.code()

    assert ["RUNNING" in lines[0], "step Load" in lines[1], "Half way" in lines[2], status.upper() in lines[3]] == [
        True
    ] * 4
    assert exit_code == code


async def test_only_an_execution_that_completed_ended_well(server: str, token_for: Token):
    outcomes = {"completed": True, "failed": False, "cancelled": False, "timed_out": False}
    await store(*(execution(number, status=status) for number, status in enumerate(outcomes)))
    token = token_for("ada", "acme")

    def follow(execution_id: str) -> Awaitable[bool]:
        return watch(WatchOptions.from_command(server, token, where=None, execution_id=execution_id, as_json=False))

    ended_well = await asyncio.gather(*(follow(f"e{number:03}") for number in range(4)))

    assert dict(zip(outcomes, ended_well, strict=True)) == outcomes


async def test_the_watch_reconnects_to_a_server_that_restarts_and_misses_nothing(
    settings: Settings, token_for: Token, database: Database
):
    async with served(create_app(settings)) as url:
        await wait_until_ready(url)
        port = int(url.rpartition(":")[2])
        watch_process = watching(url, token_for("ada", "acme"), "--json")
        watch = await watch_process.__aenter__()
        first = json.loads(await write_until(database, asyncio.create_task(watch.line())))
    try:
        complaint = await watch.complaint()
        await database.collection(Execution).insert_one(execution(1, execution_id="meanwhile"))
        async with served(create_app(settings), port=port):
            ids: list[str] = []
            while "meanwhile" not in ids:
                ids.append(json.loads(await watch.line())["executionId"])
    finally:
        await watch_process.__aexit__(None, None, None)

    assert first["kind"] == "ENTERED"
    assert complaint.startswith("The connection was lost; reconnecting")
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        pytest.param(["--filter", "{"], "--filter is not JSON", 2, id="a filter that is no JSON"),
        pytest.param(["--filter", "[]"], "--filter must be an object", 2, id="a filter that is no object"),
        pytest.param(["--filter", '{"statsu": {}}'], "Variable '$filter'", 2, id="a filter with a typo"),
        pytest.param(["--filter", "{}", "--execution", "e"], "--filter and --execution", 2, id="both"),
        pytest.param(["--execution", "e"], "There is no such execution", 1, id="an execution that is not there"),
        pytest.param(["--token", "x"], "Your token is not valid", 1, id="a token that is refused"),
        pytest.param(["--token", ""], "Pass a token with --token", 2, id="no token"),
        pytest.param(["--url", "ftp://x"], "ftp://x is no address", 2, id="an address of something else"),
        pytest.param(["--url", "http://127.0.0.1:9"], "ws://127.0.0.1:9 does not answer", 1, id="no server"),
    ],
)
async def test_a_watch_that_fails_prints_one_sentence(
    server: str, token_for: Token, arguments: list[str], sentence: str, code: int
):
    async with watching(server, token_for("ada", "acme"), *arguments) as watch:
        complaint = await watch.complaint()
        exit_code = await watch.code()
        assert watch.process.stderr is not None
        rest = await watch.process.stderr.read()

    assert complaint.startswith(sentence)
    assert rest == b""
    assert exit_code == code


@pytest.mark.parametrize(
    ("event", "words"),
    [
        pytest.param({"kind": "GAP"}, ["GAP", "read the list again"], id="a gap"),
        pytest.param({"kind": "DELETED", "executionId": "e1"}, ["DELETED", "e1 was deleted"], id="a deletion"),
        pytest.param({"kind": "LEFT", "executionId": "e1"}, ["LEFT", "e1 no longer matches"], id="one that left"),
        pytest.param(
            {
                "kind": "UPDATED",
                "executionId": "e1\x1b[2J",
                "execution": {
                    "workflowName": "etl",
                    "status": "FAILED",
                    "statusDetail": "oom",
                    "progress": {"currentStep": 1, "totalSteps": 4, "percentage": 25.0},
                    "durationSeconds": 1.25,
                    "error": {"message": "Disk\nfull."},
                },
            },
            [
                "FAILED",
                "etl e1\N{REPLACEMENT CHARACTER}[2J",
                "(oom)",
                "1/4 25 %",
                "1.2 s",
                "Disk\N{REPLACEMENT CHARACTER}full.",
            ],
            id="a failure, and nothing that a terminal would obey",
        ),
    ],
)
def test_lines_have_the_state_and_the_details(event: dict[str, Any], words: list[str]):
    whole = {"__typename": "ExecutionUpdate", "occurredAt": "2026-11-01T12:00:00.000+00:00", "execution": None, **event}

    line = render_event(whole).plain

    assert [word for word in words if word not in line] == []
    assert line.isprintable()

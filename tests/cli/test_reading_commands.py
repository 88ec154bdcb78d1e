"""`list`, `show` and `logs`: executions read in a terminal or by scripts, over the public API of a real server."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry
from tests.support.client_commands import PATIENCE, in_terminal, run
from tests.support.documents import NOON, execution, store, store_steps_and_logs

Token = Callable[..., str]

FAILED = execution(
    2,
    status="failed",
    total_duration=90.5,
    error_details={"message": "Disk\nfull.", "code": "ENOSPC"},
    tags=[{"key": "team", "value": "data"}],
)


async def test_executions_are_lines_for_scripts(server: str, token_for: Token):
    await store(execution(1), FAILED, execution(3, user_id="grace"))
    token = token_for("ada", "acme")

    code, plain, _ = await run(server, token, "list", "--first", "5")
    _, as_json, _ = await run(server, token, "list", "--json", "--filter", '{"status": {"eq": "FAILED"}}')
    _, recent, _ = await run(server, token, "list", "--since", "1s")

    assert code == 0
    assert [line.split("\t") for line in plain.splitlines()] == [
        ["e002", "FAILED", "etl", "2026-11-01T12:00:02.000+00:00", "90.5", "ada", "Disk\N{REPLACEMENT CHARACTER}full."],
        ["e001", "COMPLETED", "etl", "2026-11-01T12:00:01.000+00:00", "", "ada", ""],
    ]
    assert [json.loads(line)["error"]["code"] for line in as_json.splitlines()] == ["ENOSPC"]
    assert recent == ""


async def test_a_list_is_read_page_by_page(server: str, token_for: Token):
    await store(*(execution(number) for number in range(130)))

    _, out, _ = await run(server, token_for("ada", "acme"), "list", "--first", "120")

    assert len(set(out.splitlines())) == 120


async def test_one_execution_is_shown_with_its_steps(server: str, token_for: Token):
    await store(FAILED)
    await store_steps_and_logs("e002", 2)

    code, plain, _ = await run(server, token_for("ada", "acme"), "show", "e002")
    _, as_json, _ = await run(server, token_for("ada", "acme"), "show", "e002", "--json")

    lines = [line.split("\t") for line in plain.splitlines()]
    assert code == 0
    assert ["status", "FAILED"] in lines
    assert ["error.code", "ENOSPC"] in lines
    assert ["tag", "team=data"] in lines
    assert [line[1:4] for line in lines if line[0] == "step"] == [
        ["s0", "COMPLETED", "Step 0"],
        ["s1", "COMPLETED", "Step 1"],
    ]
    assert [step["stepId"] for step in json.loads(as_json)["steps"]["nodes"]] == ["s0", "s1"]


async def test_log_lines_are_printed_from_the_level_and_the_end_that_are_given(server: str, token_for: Token):
    await store(execution(1))
    await store_steps_and_logs("e001", 230)
    token = token_for("ada", "acme")

    _, everything, _ = await run(server, token, "logs", "e001")
    _, severe, _ = await run(server, token, "logs", "e001", "--level", "error", "--tail", "2", "--json")

    lines = everything.splitlines()
    assert [line.split("\t")[3] for line in lines] == [f"Line {number}" for number in range(230)]
    assert lines[1] == "2026-11-01T12:00:01.000+00:00\tINFO\ts1\tLine 1"
    assert [json.loads(line)["message"] for line in severe.splitlines()] == ["Line 223", "Line 227"]


async def test_followed_log_lines_come_once_each_until_the_execution_ends(
    server: str, token_for: Token, database: Database
):
    await store(execution(1, status="running"))
    await store_steps_and_logs("e001", 120)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "execution_monitor", "logs", "e001", "-f", "--tail", "103"),
        *("--url", server, "--token", token_for("ada", "acme")),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    common = {"execution_id": "e001", "tenant_id": "acme", "level": "info"}
    async with asyncio.timeout(PATIENCE):
        lines = [await process.stdout.readline() for _ in range(103)]
        # Whenever the stream begins, it has these.
        for number in range(20):
            at = NOON + timedelta(minutes=number + 5)
            await database.collection(LogEntry).insert_one({**common, "timestamp": at, "message": f"New {number}"})
        lines += [await process.stdout.readline() for _ in range(20)]
        await database.collection(Execution).update_one({"execution_id": "e001"}, {"$set": {"status": "failed"}})
        rest = await process.stdout.read()
        exit_code = await process.wait()

    messages = [line.decode().rstrip("\n").split("\t")[3] for line in lines]
    assert messages == [*(f"Line {number}" for number in range(17, 120)), *(f"New {number}" for number in range(20))]
    assert (rest, exit_code) == (b"", 1)


async def test_ctrl_c_ends_what_follows_cleanly(server: str, token_for: Token):
    await store(execution(1, status="running"))
    await store_steps_and_logs("e001", 1)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "execution_monitor", "logs", "e001", "--follow"),
        *("--url", server, "--token", token_for("ada", "acme")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()

    assert (process.returncode, err) == (0, b"")


async def test_a_reader_that_has_enough_is_no_error(server: str, token_for: Token):
    # More than a pipe holds, so that the command still writes when nobody reads.
    await store(*(execution(number, workflow_name="w" * 1_000) for number in range(100)))
    reader, writer = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "execution_monitor", "list", "--first", "100"),
        *("--url", server, "--token", token_for("ada", "acme")),
        stdout=writer,
        stderr=subprocess.PIPE,
    )
    os.close(writer)

    async with asyncio.timeout(PATIENCE):
        out = await asyncio.to_thread(os.read, reader, 5)
        os.close(reader)
        _, err = await process.communicate()

    assert (out, err, process.returncode) == (b"e099\t", b"", 141)


@pytest.mark.parametrize(
    ("arguments", "sentence", "code"),
    [
        pytest.param(["show", "nobody"], "There is no such execution, or you may not see it.", 1, id="no execution"),
        pytest.param(["logs", "nobody", "-f"], "There is no such execution", 1, id="no log"),
        pytest.param(["list", "--filter", '{"statsu": {}}'], "Variable '$filter'", 2, id="a filter with a typo"),
        pytest.param(["list", "--token", "x"], "Your token is not valid", 1, id="a token that is refused"),
    ],
)
async def test_what_the_server_refuses_is_one_sentence(
    server: str, token_for: Token, arguments: list[str], sentence: str, code: int
):
    token = "x" if "--token" in arguments else token_for("ada", "acme")

    found = await run(server, token, *arguments)

    assert (found[0], found[1]) == (code, "")
    assert found[2].startswith(sentence)
    assert len(found[2].splitlines()) == 1


async def test_a_terminal_gets_tables(server: str, token_for: Token):
    began = datetime.now(UTC) - timedelta(seconds=30)
    await store(FAILED, execution(3, status="running", started_at=began, workflow_name="ml\x1b[2J"))
    await store_steps_and_logs("e002", 1)
    token = token_for("ada", "acme")

    listed: Any = await in_terminal(server, token, "list")
    shown = await in_terminal(server, token, "show", "e002")
    logged = await in_terminal(server, token, "logs", "e002")

    assert [word for word in ("Created", "RUNNING", "1 min 30 s", "e002") if word not in listed] == []
    assert "\x1b[2J" not in listed
    assert [word for word in ("ENOSPC", "Step 0", "s0") if word not in shown] == []
    assert "Line 0" in logged

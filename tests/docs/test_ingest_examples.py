"""The examples of ingest.md run as they stand on the page."""

import asyncio
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, LogEntry, Step
from tests.support.client import execute

PAGE = (Path(__file__).parents[2] / "src" / "docs" / "ingest.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    """The only block in this language below "Any program: mutations"."""
    section = PAGE.partition("## Any program: mutations\n")[2].partition("\n## ")[0]
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return block


async def run(environment: dict[str, str], *command: str) -> tuple[int | None, str]:
    """The exit code and what is printed."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env={**os.environ, **environment}
    )
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


async def test_a_program_makes_a_key_and_reports_with_curl_and_python(
    server: str, database: Database, token_for: Callable[..., str]
):
    made = await execute(server, token_for("ada", "acme", "keys:write", "executions:write"), example("graphql"))
    environment = {"EXECUTION_MONITOR": server, "EXECUTION_MONITOR_KEY": made.data["createAccessKey"]["key"]}

    by_curl = await run(environment, "sh", "-c", example("sh"))
    by_python = await run(environment, sys.executable, "-c", example("python"))

    assert by_curl[1].startswith('{"data":{"reportExecution":{"changed":true}}'), by_curl
    assert by_python == (0, "")
    agent, nightly = await database.collection(Execution).find().sort("workflow_name").to_list()
    assert (nightly["workflow_name"], nightly["status"], nightly["user_id"]) == ("nightly", "running", "ada")
    assert (agent["status"], agent["tokens_used"], agent["progress"]["total_steps"]) == ("completed", 1_280, 2)
    assert await database.collection(Step).distinct("step_id") == ["answer", "plan"]
    assert await database.collection(LogEntry).distinct("level") == ["WARN"]

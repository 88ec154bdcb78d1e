"""The receivers on the page about webhooks work as they stand there, with the stock libraries."""

import asyncio
import contextlib
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from pathlib import Path

import httpx2
import pytest

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.live.factories import execution
from tests.outbound.receiver import Receiver, answering
from tests.support.server_process import free_ports
from tests.webhooks.delivering import OK, delivering

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "src" / "docs" / "webhooks.md").read_text(encoding="utf-8")
JAVASCRIPT = ROOT / "tests" / "webhooks" / "javascript" / "node_modules"


def code_in(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return found


@contextlib.asynccontextmanager
async def running(language: str, port: int, secret: str) -> AsyncGenerator[Process]:
    program = [sys.executable, "-c"] if language == "python" else [shutil.which("node") or "node", "-e"]
    environment = {**os.environ, "PORT": str(port), "SECRET": secret, "NODE_PATH": str(JAVASCRIPT)}
    process = await asyncio.create_subprocess_exec(
        *program, code_in(language), stdout=PIPE, stderr=PIPE, env=environment
    )
    try:
        yield process
    finally:
        process.kill()
        await process.communicate()


async def is_refused(port: int) -> bool:
    """Whether a request that nobody signed is refused, once the receiver listens."""
    async with asyncio.timeout(30), httpx2.AsyncClient() as client:
        while True:
            try:
                headers = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
                answer = await client.post(f"http://127.0.0.1:{port}/", content=b"{}", headers=headers)
            except httpx2.ConnectError:
                await asyncio.sleep(0.05)
            except httpx2.HTTPError:
                return True
            else:
                return answer.status_code == 400


@pytest.mark.parametrize("language", ["python", "javascript"])
async def test_the_receiver_on_the_page_accepts_what_is_signed_and_nothing_else(database: Database, language: str):
    assert language == "python" or JAVASCRIPT.exists(), "The library is not installed; run `make exporter`."
    receiver = Receiver(free_ports(1), answering(OK), is_encrypted=False)
    async with delivering(database, receiver) as process:
        _, secret = await process.hook(receiver)
        async with running(language, receiver.port, secret) as program:
            assert await is_refused(receiver.port)
            await database.collection(Execution).insert_one(execution("run-1", workflow_name="Grüße"))
            assert program.stdout is not None
            async with asyncio.timeout(30):
                line = await program.stdout.readline()

    assert line.decode().split() == ["execution.entered", "run-1"]

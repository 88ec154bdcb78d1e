"""Commands of `execution-monitor` as processes of their own, and requests to the servers among them."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import httpx2
import pytest

from execution_monitor.development.mongodb.mongod_folder import DATA_SETTING, MongodFolder
from execution_monitor.development.mongodb.mongod_process import stop

# The one under test; another may be installed elsewhere.
OWN_PROGRAM = (sys.executable, "-m", "execution_monitor")
_READY_SECONDS = 60
_POLL_SECONDS = 0.05


@contextlib.contextmanager
def started(
    *arguments: str, environment: Mapping[str, str] = os.environ, program: Sequence[str] = OWN_PROGRAM
) -> Generator[tuple[subprocess.Popen[str], str]]:
    """A command that serves, started, and its URL; it is killed at the end if it still runs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [*program, *arguments, "--port", str(port)],
        env={**environment, "EXECUTION_MONITOR_QUERY_TIMEOUT_MS": "10000"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.communicate()
        # An embedded MongoDB outlives a command that is killed.
        if data_dir := environment.get(DATA_SETTING):
            stop(MongodFolder(Path(data_dir) / "mongodb"))


def demo_description(process: subprocess.Popen[str]) -> str:
    """What the demo prints, up to how to stop it."""
    assert process.stdout
    lines: list[str] = []
    while "Press Ctrl-C" not in (line := process.stdout.readline()):
        assert line, f"the demo ended: {lines}"
        lines.append(line)
    return "".join(lines)


def demo_tokens(description: str) -> list[str]:
    """The tokens of the demo's users, in the order of its description."""
    return re.findall(r"^(eyJ\S+)$", description, re.MULTILINE)


def wait_until_ready(url: str) -> None:
    """Return when `/readyz` says that the server is ready."""
    deadline = time.monotonic() + _READY_SECONDS
    with httpx2.Client() as client:
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx2.TransportError):
                if client.get(f"{url}/readyz").is_success:
                    return
            time.sleep(_POLL_SECONDS)
    pytest.fail("the server did not become ready")


def count(url: str, token: str) -> int:
    """The number of executions that the caller with `token` sees."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        answer = httpx2.post(
            f"{url}/graphql",
            json={"query": "{ executions { totalCount } }"},
            headers={"Authorization": f"Bearer {token}"},
        ).json()
        # Another worker than the one that was ready may still connect to MongoDB.
        if answer.get("errors", [{}])[0].get("extensions", {}).get("code") != "DATABASE_UNAVAILABLE":
            return answer["data"]["executions"]["totalCount"]
        time.sleep(_POLL_SECONDS)
    pytest.fail("the server did not reach its database")


def processes_below(folder: Path) -> list[int]:
    """The ids of all processes with `folder` in their command line."""
    found: list[int] = []
    for each in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if each.name.isdecimal() and str(folder).encode() in (each / "cmdline").read_bytes():
                found.append(int(each.name))
    return found

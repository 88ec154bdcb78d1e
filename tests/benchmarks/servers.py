"""The servers that are compared: one process each, on a processor that they do not share with the load."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import httpx2

from tests.benchmarks.list_query import body_of
from tests.support.server_process import free_ports
from tests.support.tokens import SECRET

DATABASE = "benchmark"
# At least two processors are needed: one for the server under test, one for the load and mongod.
SERVER_CPU, LOAD_CPU = 0, 1
_START_SECONDS = 60
_PYTHON = (sys.executable, "-m")
PEERS = Path(__file__).parent / "peers"
UVICORN = (
    *_PYTHON,
    "uvicorn",
    "--factory",
    "--loop=uvloop",
    "--http=httptools",
    "--no-access-log",
    "--log-level=error",
)
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "floor": (*UVICORN, "tests.benchmarks.floor:create_app"),
    "ours": (*_PYTHON, "execution_monitor", "serve"),
    "stock_strawberry": (*UVICORN, "tests.benchmarks.stock_strawberry:create_app"),
    **{name: ("node", str(PEERS / f"{name}.js")) for name in ("mercurius", "yoga", "apollo", "mongoose", "parse")},
}
# No contender: the most that the load generator can measure.
CEILING = "ready bytes"
_ALL_COMMANDS = {**COMMANDS, CEILING: (*_PYTHON, "tests.benchmarks.ready_bytes")}


@dataclass(frozen=True, slots=True)
class Contender:
    """A running server: its name, process and port."""

    name: str
    pid: int
    port: int

    def cpu_seconds(self) -> float:
        """The processor time that it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """The bytes that are resident now."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def request_list(self, token: str, first: int, *, steps: bool = False, coding: str = "identity") -> httpx2.Response:
        """Its response to the request for the list."""
        body = body_of(first, self.name, steps=steps)
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Accept-Encoding": coding,
        }
        return httpx2.post(f"http://127.0.0.1:{self.port}/graphql", content=body, headers=headers)


def peer_settings(uri: str, database: str) -> dict[str, str]:
    """The environment of all servers but ours."""
    return {
        "BENCH_SECRET": SECRET,
        "BENCH_URI": uri,
        "BENCH_DATABASE": database,
        "NODE_ENV": "production",
        # Parse Server creates log files in its working directory, before it reads its options.
        "PARSE_SERVER_LOGS_FOLDER": "null",
    }


@contextlib.contextmanager
def running_contender(name: str, uri: str, token: str, log: Path, **settings: str) -> Generator[Contender]:
    """The server `name`, from its first response to the list until the block ends.

    `settings` are more of its environment.

    Raises:
        RuntimeError: If it does not answer; the message has its log.
    """
    port = free_ports(1)
    environment = {
        **peer_settings(uri, DATABASE),
        "EXECUTION_MONITOR_MONGODB_URI": uri,
        "EXECUTION_MONITOR_DATABASE": DATABASE,
        "EXECUTION_MONITOR_JWT_SECRET": SECRET,
        "EXECUTION_MONITOR_ENVIRONMENT": "production",
        # One caller sends requests as fast as possible; all else is the default.
        "EXECUTION_MONITOR_RATE_LIMIT": "off",
        "EXECUTION_MONITOR_RATE_LIMIT_ADDRESS": "off",
        **settings,
    }
    command = [*_ALL_COMMANDS[name], f"--port={port}"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **environment})
    try:
        os.sched_setaffinity(process.pid, {SERVER_CPU})
        contender = Contender(name, process.pid, port)
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(contender, token):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} does not answer: {log.read_text()[-2_000:]}")
            time.sleep(0.1)
        yield contender
    finally:
        process.kill()
        process.wait()


def _answers(contender: Contender, token: str) -> bool:
    try:
        return contender.request_list(token, 1).status_code == HTTPStatus.OK
    except httpx2.TransportError:
        return False

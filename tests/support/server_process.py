"""`execution-monitor serve` as a process of its own, stopped as a deployment stops it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from http import HTTPStatus
from pathlib import Path

import httpx2

from tests.conftest import SECRET

_MOST_SECONDS = 60


class Serving:
    """The process, where it answers, and what it has said."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = log

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log.read_text(encoding="utf-8")

    def tell_to_stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send it a signal."""
        os.kill(self.process.pid, number)

    def ends_within(self, seconds: float) -> int:
        """The code it ends with; fails if it has not ended in time."""
        return self.process.wait(seconds)

    def wait_until_ready(self) -> None:
        """Return when it answers and has reached MongoDB."""
        self.wait_until(lambda: self.readiness == (HTTPStatus.OK, "ready"))

    def wait_until_draining(self) -> None:
        """Return when it says that it is about to stop."""
        self.wait_until(lambda: self.readiness == (HTTPStatus.SERVICE_UNAVAILABLE, "draining"))

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return when `condition` holds; fails if the process ends before."""
        deadline = time.monotonic() + _MOST_SECONDS
        while not condition():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    @property
    def readiness(self) -> tuple[int, str]:
        """What `/readyz` answers: a status and a word."""
        try:
            answer = httpx2.get(f"{self.url}/readyz")
        except httpx2.TransportError:
            return 0, "nobody answers"
        return answer.status_code, answer.json()["status"]

    @property
    def workers(self) -> set[int]:
        """The processes that answer, where there are several; their parent has another child, which keeps no port."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(each) for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()}


@contextlib.contextmanager
def serving(folder: Path, uri: str, database: str, *arguments: str, **variables: str) -> Generator[Serving]:
    """A ready server of `database` at `uri`; `variables` are settings by their names."""
    port = free_ports(1)
    settings = {"mongodb_uri": uri, "database": database, "jwt_secret": SECRET, "environment": "production"} | variables
    environment = {f"EXECUTION_MONITOR_{name.upper()}": value for name, value in settings.items()}
    path = folder / f"serve-{port}.log"
    with path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "execution_monitor", "serve", f"--port={port}", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
        )
    try:
        served = Serving(process, port, path)
        served.wait_until_ready()
        yield served
    finally:
        process.kill()
        process.wait()


def free_ports(count: int) -> int:
    """The first of `count` neighbouring ports that nobody listens on."""
    while True:
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            first = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for number in range(1, count):
                stack.enter_context(socket.create_server(("127.0.0.1", first + number)))
            return first

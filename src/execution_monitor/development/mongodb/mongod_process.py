"""Starts and stops the mongod of a folder; mongod's own lock file says whether it runs, so that no state is stale."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable

from execution_monitor.development.mongodb import disk
from execution_monitor.development.mongodb.failures import ending, explained_failure, failure_reason
from execution_monitor.development.mongodb.file_locks import is_held
from execution_monitor.development.mongodb.interrupts import interrupts_deferred
from execution_monitor.development.mongodb.mongod_folder import DATA_SETTING, HOST, MongodFolder
from execution_monitor.errors import SetupError

REPLICA_SET = "rs0"

# An empty server takes 270 MiB: two journal files of 100 MiB, and the first collections.
_MEBIBYTES = 400
# After a kill the journal is replayed before the server answers.
_START_SECONDS = 120
_STOP_SECONDS = 20
_PORT_SECONDS = 2
_POLL_SECONDS = 0.01
_OPTIONS = (
    f"--bind_ip={HOST}",
    "--nounixsocket",
    # zlib in 8.2.0 and before lets anyone read memory of the server (CVE-2025-14847).
    "--networkMessageCompressors=snappy,zstd",
    # On a developer's machine: without these it would take half the memory and 5 % of the disk.
    "--wiredTigerCacheSizeGB=0.5",
    "--oplogSize=1024",
    "--quiet",
    "--setParameter=diagnosticDataCollectionEnabled=false",
    # It otherwise waits 15 seconds for a secondary, and there is none.
    "--setParameter=shutdownTimeoutMillisForSignaledShutdown=200",
)
_MEMBER_OPTIONS = (f"--replSet={REPLICA_SET}", "--oplogMinRetentionHours=1")


class PortTaken(Exception):
    """Another program listens on the port."""


def running_pid(folder: MongodFolder) -> int | None:
    """The process id of the mongod that works on `folder`, or None."""
    lock = folder.data / "mongod.lock"
    while is_held(lock):
        # Empty between taking the lock and writing the id.
        with contextlib.suppress(ValueError):
            return int(lock.read_text())
        time.sleep(_POLL_SECONDS)
    return None


def start(command: tuple[str, ...], folder: MongodFolder, port: int, *, alone: bool = False) -> None:
    """Start mongod on `port` and wait until it answers; it outlives this process, and a terminal's Ctrl-C.

    It is a member of its replica set unless it is `alone`.

    Raises:
        PortTaken: If another program listens on `port`.
        SetupError: If it does not start, with the reason that its log gives.
    """
    if not folder.holds_data:
        disk.require_space(folder.path, _MEBIBYTES, DATA_SETTING)
    # The log of one run and of the one before it are all that is kept.
    if folder.log.exists():
        folder.log.replace(folder.log.with_suffix(".log.1"))
    paths = (f"--dbpath={folder.data}", f"--keyFile={folder.key}", f"--logpath={folder.log}", "--logappend")
    # Forked, it is no child of this process, which may end before it, or go on after another process stopped it.
    whole = (*command, "--fork", f"--port={port}", *paths, *_OPTIONS, *(() if alone else _MEMBER_OPTIONS))
    # Interrupted, it would leave a server that does not hold its lock yet, which no process could find and stop.
    with interrupts_deferred():
        status = _launch(whole, folder)
    if status:
        if "Address already in use" in folder.read_log():
            raise PortTaken
        raise explained_failure(folder, ending(status))


def _launch(command: tuple[str, ...], folder: MongodFolder) -> int:
    with os.fdopen(os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        try:
            return subprocess.run(  # noqa: S603 - a command of ours, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                timeout=_START_SECONDS,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired as error:
            reason = failure_reason(folder.read_log()) or "it is still starting"
            raise SetupError(
                f"MongoDB did not start in {_START_SECONDS} seconds ({reason}): see {folder.log} and try again."
            ) from error


def stop(folder: MongodFolder) -> None:
    """Stop the mongod that works on `folder`, if any: cleanly, or by force when that takes too long."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        pid = running_pid(folder)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        _wait(lambda pid=pid: running_pid(folder) != pid, _STOP_SECONDS)
        # It releases its lock some milliseconds before its port, which the next start needs.
        _wait(lambda: not folder.is_listened_to(), _PORT_SECONDS)


def _wait(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)

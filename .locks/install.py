"""Install what a lock describes; only the standard library is there yet.

Usage: install.py python FOLDER makes a virtual environment, install.py npm FOLDER installs the packages of Node.js that
the folder's lock names. Prints a bar on a terminal, one line elsewhere; a failure is one sentence.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

LOCK = Path(__file__).resolve().with_name("development.txt")
ROOT = LOCK.parent.parent
sys.path.insert(0, str(ROOT / "src"))

from execution_monitor.development.mongodb.network import lack_of_network  # noqa: E402 - found by the line above

WIDTH = 40
TAIL = 15
# Without a network npm would otherwise go on trying for more than a minute.
PATIENCE = ["--fetch-retries=2", "--fetch-retry-factor=2", "--fetch-retry-mintimeout=1000"]
NPM = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", *PATIENCE]
PIP = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--retries=2"]


def install_python(folder: Path) -> None:
    """Create `folder` and install every locked package and the project itself into it."""
    if shutil.disk_usage(ROOT).free < 600 * 1024 * 1024:
        fail("Less than 600 MB are free on this disk; make room and run make again.")
    python = str(folder / "bin" / "python")
    options = [] if is_usable(folder) else ["--clear"]
    run([sys.executable, "-m", "venv", *options, str(folder)], "The virtual environment cannot be made")
    total = sum(line[:1].isalnum() for line in LOCK.read_text().splitlines())
    with tempfile.TemporaryDirectory() as logs:
        log = Path(logs) / "pip.log"
        done = threading.Event()
        watcher = threading.Thread(target=watch, args=(folder, log, total, done))
        watcher.start()
        try:
            locked = [python, *PIP, "--require-hashes", "-r", str(LOCK)]
            run(locked, "The packages cannot be installed", log=log)
            project = [python, *PIP, "--no-deps", "--no-build-isolation", "-e", str(ROOT)]
            run(project, "The project cannot be installed")
        finally:
            done.set()
            watcher.join()


def is_usable(folder: Path) -> bool:
    """Whether `folder` is an environment of this Python that was made here: scripts of a moved one name a lost path."""
    try:
        python = Path((folder / "bin" / "pip").read_text().splitlines()[0].removeprefix("#!"))
        here = python.parent.samefile(folder / "bin")
    except OSError:
        return False
    return here and python.exists() and (folder / "lib" / "python{}.{}".format(*sys.version_info[:2])).is_dir()


def install_npm(folder: Path) -> None:
    """Install the packages that the lock in `folder` names."""
    print(f"Installing packages of Node.js in {folder} ...", file=sys.stderr, flush=True)
    run(NPM, f"The packages of Node.js for {folder} cannot be installed", where=folder)


def watch(folder: Path, log: Path, total: int, done: threading.Event) -> None:
    """Draw how many of `total` packages are there, until `done`."""
    if not sys.stderr.isatty():
        print(f"Installing {total} Python packages ...", file=sys.stderr, flush=True)
        done.wait()
        return
    while not done.wait(0.2):
        # A package is collected, then installed: pip's log shows the first, the folder of packages the second.
        collected = log.read_text().count("\nCollecting ") if log.exists() else 0
        installed = len(list(folder.glob("lib/python*/site-packages/*.dist-info")))
        share = min(1.0, (collected + installed) / (2 * total))
        bar = "#" * int(WIDTH * share)
        print(f"\rInstalling Python packages [{bar:<{WIDTH}}] {share:4.0%}", end="", file=sys.stderr, flush=True)
    print("\r" + " " * (WIDTH + 50) + "\r", end="", file=sys.stderr, flush=True)


def run(command: list[str], failure: str, *, where: Path = ROOT, log: Path = Path(os.devnull)) -> None:
    """Run `command` in `where`, with its output in `log` alone; if it fails, show the end of it, and `failure`."""
    lines: list[str] = []
    with (
        log.open("w") as kept,
        subprocess.Popen(
            command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
        ) as process,
    ):
        for line in process.stdout or ():
            lines.append(line)
            kept.write(line)
            kept.flush()
    if process.returncode == 0:
        return
    output = "".join(lines)
    if "No space left on device" in output or "ENOSPC" in output:
        fail("The disk is full; make room and run make again.")
    if reason := lack_of_network(output):
        fail(f"There is no network ({reason}): {lower_first(failure)}; connect, or set a proxy, and run make again.")
    print("\n" + "".join(lines[-TAIL:]), file=sys.stderr)
    fail(f"{failure}; see the lines above, then run make again.")


def lower_first(sentence: str) -> str:
    """`sentence`, as it goes on after a colon."""
    return sentence[:1].lower() + sentence[1:]


def fail(sentence: str) -> None:
    """Leave with `sentence`."""
    sys.exit(sentence)


if __name__ == "__main__":
    try:
        {"python": install_python, "npm": install_npm}[sys.argv[1]](Path(sys.argv[2]))
    except KeyboardInterrupt:
        sys.exit(130)

"""Make the virtual environment that the lock describes; only the standard library is there yet.

Usage: install.py FOLDER. Prints a bar on a terminal, one line elsewhere; a failure is one sentence.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

LOCK = Path(__file__).with_name("development.txt")
ROOT = LOCK.parent.parent
WIDTH = 40
TAIL = 15


def main(folder: Path) -> None:
    """Create `folder` and install every locked package and the project itself into it."""
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        found = ".".join(map(str, sys.version_info[:2]))
        fail(f"Python 3.11, 3.12 or 3.13 is needed, not {found}; pass one with `make PYTHON=python3.11`.")
    if shutil.disk_usage(ROOT).free < 600 * 1024 * 1024:
        fail("Less than 600 MB are free on this disk; make room and run make again.")
    run([sys.executable, "-m", "venv", str(folder)], "The virtual environment cannot be made")
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    total = sum(line[:1].isalnum() for line in LOCK.read_text().splitlines())
    with tempfile.TemporaryDirectory() as logs:
        log = Path(logs) / "pip.log"
        done = threading.Event()
        watcher = threading.Thread(target=watch, args=(folder, log, total, done))
        watcher.start()
        try:
            run([*pip, "--require-hashes", "-r", str(LOCK)], "The packages cannot be installed", log)
            run([*pip, "--no-deps", "--no-build-isolation", "-e", str(ROOT)], "The project cannot be installed")
        finally:
            done.set()
            watcher.join()


def watch(folder: Path, log: Path, total: int, done: threading.Event) -> None:
    """Draw how many of `total` packages are there, until `done`."""
    if not sys.stderr.isatty():
        print(f"Installing {total} Python packages ...", file=sys.stderr, flush=True)
        done.wait()
        return
    while not done.wait(0.2):
        # A package is collected, then installed: pip's log tells of the first, its folder of the second.
        collected = log.read_text().count("\nCollecting ") if log.exists() else 0
        installed = len(list(folder.glob("lib/python*/site-packages/*.dist-info")))
        share = min(1.0, (collected + installed) / (2 * total))
        bar = "#" * int(WIDTH * share)
        print(f"\rInstalling Python packages [{bar:<{WIDTH}}] {share:4.0%}", end="", file=sys.stderr, flush=True)
    print("\r" + " " * (WIDTH + 50) + "\r", end="", file=sys.stderr, flush=True)


def run(command: list[str], failure: str, log: Path = Path(os.devnull)) -> None:
    """Run `command` unseen, its words into `log` too; when it fails show the end of them, and `failure`."""
    said: list[str] = []
    with log.open("w") as kept:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        for line in process.stdout or ():
            said.append(line)
            kept.write(line)
            kept.flush()
    if process.wait() == 0:
        return
    print("\n" + "".join(said[-TAIL:]), file=sys.stderr)
    if any("No space left on device" in line for line in said):
        fail("The disk is full; make room and run make again.")
    fail(f"{failure}; see the lines above, then run make again.")


def fail(sentence: str) -> None:
    """Leave with `sentence`."""
    sys.exit(sentence)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except KeyboardInterrupt:
        sys.exit(130)

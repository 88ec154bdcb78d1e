"""Virtual environments with the wheel and its dependencies in the locked versions, and nothing else."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.engines.pythons import PROJECT, ROOT

LOCK = ROOT / ".locks" / "development.txt"


def clean_variables() -> dict[str, str]:
    """The environment variables of this process without those that would affect another virtual environment."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("EXECUTION_MONITOR_", "PYTHON", "VIRTUAL_ENV"))
    }


def install(wheel: Path, python: Path, version: str, shelf: Path) -> Path:
    """The folder `bin` of an environment below `shelf` in which `python` runs `wheel`.

    Its dependencies are installed again only when the lock changes.
    """
    folder = shelf / f"{version}-{_lock_digest()}"
    pip = [folder / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    if not (folder / "complete").exists():
        for outdated in shelf.glob(f"{version}-*"):
            shutil.rmtree(outdated)
        _run([python, "-m", "venv", folder])
        constraints = folder / "constraints.txt"
        # With hashes pip would require hashes of the wheel's dependencies, too, which have no versions there.
        constraints.write_text(re.sub(r"\s*\\\n\s+--hash=\S+", "", LOCK.read_text()))
        _run([*pip, "install", "--no-compile", "--constraint", constraints, wheel])
        (folder / "complete").touch()
    _run([*pip, "install", "--no-compile", "--no-deps", "--force-reinstall", wheel])
    _run([*pip, "check"])
    return folder / "bin"


def _lock_digest() -> str:
    return hashlib.sha256(LOCK.read_bytes() + PROJECT.read_bytes()).hexdigest()[:12]


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, env=clean_variables(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

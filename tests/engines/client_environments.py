"""Virtual environments of engines that report to the server, in the versions that `clients` pins, kept between runs."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from tests.engines.environments import clean_variables
from tests.engines.pythons import OWN

CLIENTS = Path(__file__).parent / "clients"

FULL = os.environ.get("TEST_ENGINES") == "full"
# Airflow, dbt and Dagster are 500 MB, which `make test` does not fetch.
only_in_full = pytest.mark.skipif(not FULL, reason="it installs an engine: make engines")


def client_environment(client: str) -> Path:
    """The folder `bin` of an environment with the packages of `clients/{client}.txt`.

    It is made once for each content of that file, in the user's cache folder. Where its packages cannot be installed,
    the test is skipped.
    """
    lock = CLIENTS / f"{client}.txt"
    shelf = user_cache_path("execution-monitor") / "engines"
    name = f"{client}-{OWN}"
    folder = shelf / f"{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not (folder / "complete").exists():
        for outdated in shelf.glob(f"{name}-*"):
            shutil.rmtree(outdated)
        _install(client, lock, folder)
        (folder / "complete").touch()
    return folder / "bin"


def _install(client: str, lock: Path, folder: Path) -> None:
    pip = [folder / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    commands = ([sys.executable, "-m", "venv", folder], [*pip, "install", "--retries=2", "--requirement", lock])
    for command in commands:
        done = subprocess.run(command, env=clean_variables(), capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr.strip()]
            pytest.skip(f"the packages of {client} cannot be installed: {lines[-1]}")

"""The Pythons of this machine that the project supports."""

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parent.parent.parent
PROJECT = ROOT / "pyproject.toml"

OWN = "{}.{}".format(*sys.version_info[:2])
_VERSION = "import ensurepip, sys, venv; print('{}.{}'.format(*sys.version_info[:2]))"


def supported() -> list[str]:
    """The versions that `requires-python` allows, as `3.11`."""
    allowed = SpecifierSet(tomllib.loads(PROJECT.read_text())["project"]["requires-python"])
    return [version for minor in range(40) if (version := f"3.{minor}") in allowed]


def find_python(version: str) -> Path | None:
    """A Python of `version` that can create virtual environments: this one, or one of PATH or pyenv."""
    return next((python for python in _candidates(version) if _version_of(python) == version), None)


def _candidates(version: str) -> Iterator[Path]:
    yield Path(sys.executable)
    for folder in os.get_exec_path():
        for name in (f"python{version}", "python3"):
            if (Path(folder) / name).is_file():
                yield Path(folder) / name
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted((pyenv / "versions").glob(f"{version}.*/bin/python"))


def _version_of(python: Path) -> str:
    """The version, found by running it: pyenv has shims for versions that are not installed."""
    try:
        return subprocess.run(
            [python, "-c", _VERSION], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        ).stdout.strip()
    except OSError:
        return ""

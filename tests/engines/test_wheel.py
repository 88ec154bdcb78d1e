"""The wheel on every supported Python: what it holds, and that a clean environment with it serves the demo.

`make test` tries the Python it runs on, `make engines` all that the machine has.
"""

import email
import os
import re
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.engines.environments import clean_variables, install
from tests.engines.pythons import OWN, ROOT, find_python, supported
from tests.support.cli_process import count, demo_description, demo_tokens, processes_below, started, wait_until_ready

FULL = os.environ.get("TEST_ENGINES") == "full"

_PIP_WHEEL = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
# React's compiler runtime in two versions, react-remove-scroll-bar and wouter are published without one.
_WITHOUT_TEXT = 4


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([*_PIP_WHEEL, "-w", folder, ROOT], check=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_the_lock_of_mongodb_the_dashboard_and_nothing_else(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()

    assert "execution_monitor/cli/main.py" in names
    assert "execution_monitor/development/mongodb/package-lock.json" in names
    assert {"execution_monitor/web/static/index.html", "execution_monitor/web/static/graphiql.html"} <= set(names)
    assert {name.partition("/")[0] for name in names} == {"execution_monitor", "execution_monitor-0.1.0.dist-info"}
    assert not [name for name in names if "node_modules" in name or "__pycache__" in name]


def test_the_wheel_tells_what_it_is_and_whose_texts_its_pages_hold(wheel: Path):
    archive = zipfile.ZipFile(wheel)
    metadata = email.message_from_bytes(archive.read("execution_monitor-0.1.0.dist-info/METADATA"))
    classifiers = set(metadata.get_all("Classifier", ()))
    licenses = archive.read("execution_monitor/web/static/licenses.txt").decode()

    assert "execution_monitor/py.typed" in archive.namelist()
    assert {"Operating System :: POSIX", "Typing :: Typed"} <= classifiers
    assert {
        each.rpartition(" ")[2] for each in classifiers if each.startswith("Programming Language :: Python :: 3.")
    } == set(supported())
    # A font, what the pages' scripts hold, and what workers alone hold.
    for name in ("@fontsource-variable/inter", "react", "graphiql", "monaco-editor", "picomatch-browser"):
        assert re.search(rf"^{name} [\d.]+ \((MIT|OFL-1\.1)\)$", licenses, re.MULTILINE)
    assert "SIL OPEN FONT LICENSE Version 1.1" in licenses
    assert licenses.count("The package holds no text of its licence") <= _WITHOUT_TEXT


def test_the_sdist_holds_the_dashboard_and_gives_the_same_wheel(wheel: Path, tmp_path: Path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", tmp_path],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = archive.getnames()
    subprocess.run([*_PIP_WHEEL, "-w", tmp_path, sdist], check=True)
    (rebuilt,) = tmp_path.glob("*.whl")

    assert "execution_monitor-0.1.0/src/dashboard/package-lock.json" in names
    assert "execution_monitor-0.1.0/src/dashboard/src/main.tsx" in names
    assert not [name for name in names if re.search(r"/(node_modules|__pycache__|\.venv|\.git)(/|$)", name)]
    assert zipfile.ZipFile(rebuilt).namelist() == zipfile.ZipFile(wheel).namelist()


@pytest.mark.parametrize("version", supported() if FULL else [OWN])
def test_the_wheel_serves_the_demo_from_a_clean_environment(version: str, wheel: Path, tmp_path: Path):
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} with venv on PATH or in pyenv")
    variables = clean_variables() | {"EXECUTION_MONITOR_DATA_DIR": str(tmp_path / "data")}
    if FULL:
        # As on a new machine, MongoDB and what it needs are fetched.
        variables["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    program = str(install(wheel, python, version, ROOT / ".venv" / "engines") / "execution-monitor")

    manual = subprocess.run(
        [program, "--help"], env=variables, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    with started("demo", program=(program,), environment=variables) as (process, url):
        description = demo_description(process)
        wait_until_ready(url)
        found = [count(url, token) for token in demo_tokens(description)]
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)

    assert "export-schema" in manual.stdout
    assert "[warning" not in description
    assert len(found) == 3
    assert all(found)
    assert (process.returncode, rest.strip()) == (0, "")
    assert processes_below(tmp_path) == []

"""`make` on machines that lack something: it says what, before it begins, and in one sentence.

A machine is a folder of programs that is all of PATH, beside a copy of what make reads.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engines.pythons import supported

ROOT = Path(__file__).parent.parent
MAKE = shutil.which("make")
# What the Makefile and the scripts of npm stand on.
SYSTEM = ("sh", "env", "find", "sed", "test", "touch", "rm", "dirname", "uname")
NOBODY = "http://127.0.0.1:1"
FITS = f'exec {sys.executable} "$@"'
SHIM = 'echo "pyenv: $0: command not found" >&2; exit 127'
OLD = "echo 3.10"
WITHOUT_VENV = 'case "$2" in *ensurepip*) exit 1 ;; esac; echo 3.12'
NO_PYTHON = "Python 3.11, 3.12 or 3.13 with venv is needed"
NODE_MISSING = "Node.js 20 with npm is missing; install it and run make again."


class Machine:
    """A checkout and the programs of a machine."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "checkout"
        self.programs = folder / "bin"
        self.programs.mkdir()
        (self.checkout / "src" / "dashboard").mkdir(parents=True)
        (self.checkout / "src" / "execution_monitor").symlink_to(ROOT / "src" / "execution_monitor")
        shutil.copytree(ROOT / ".locks", self.checkout / ".locks")
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, self.checkout / name)
        for name in SYSTEM:
            self.link(name)

    def link(self, name: str) -> None:
        program = shutil.which(name)
        assert program
        (self.programs / name).symlink_to(program)

    def install(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def install_node(self) -> None:
        self.install("node", "echo v20.19.0")
        self.install("npm", "echo 10.8.2")

    def make(self, *arguments: str, **variables: str) -> str:
        """What make says on stderr, which fails."""
        assert MAKE
        environment = {"PATH": str(self.programs), "HOME": str(self.checkout), "LC_ALL": "C", **variables}
        done = subprocess.run(
            [MAKE, *arguments], cwd=self.checkout, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert not re.search("No such file|not found|Error 127", done.stderr)
        return done.stderr

    def python(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """Which Python is chosen."""
        return subprocess.run(
            [self.checkout / ".locks" / "tools.sh", "python"],
            env={"PATH": str(self.programs), **variables},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def install_script() -> Any:
    spec = importlib.util.spec_from_file_location("install", ROOT / ".locks" / "install.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("goal", ["run", "test"])
def test_all_that_is_missing_is_reported_before_anything_is_made(machine: Machine, goal: str):
    output = machine.make(goal).splitlines()

    assert output[0] == NODE_MISSING
    assert output[1].startswith(NO_PYTHON)
    assert not (machine.checkout / ".venv").exists()


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        pytest.param(None, NODE_MISSING, id="none"),
        pytest.param(SHIM, NODE_MISSING, id="a version manager's that finds none"),
        pytest.param("echo v18.20.4", "Node.js 20.19 or newer is needed, and the one on PATH is v18.20.4", id="18"),
        pytest.param("echo v20.18.3", "Node.js 20.19 or newer is needed, and the one on PATH is v20.18.3", id="20.18"),
        pytest.param("echo v22.12.0", "npm is missing, which comes with Node.js", id="new enough, without npm"),
    ],
)
def test_node_that_does_not_fit_is_named_before_python_packages_are_installed(
    machine: Machine, node: str | None, sentence: str
):
    machine.install("python3.11", FITS)
    if node:
        machine.install("node", node)

    output = machine.make("run")

    assert output.startswith(sentence)
    assert not (machine.checkout / ".venv").exists()


@pytest.mark.parametrize(
    ("pythons", "output"),
    [
        pytest.param({}, f"{NO_PYTHON}; install one", id="none"),
        pytest.param({"python3": OLD}, f"{NO_PYTHON}; python3 is 3.10; install one", id="an old one"),
        pytest.param(
            {"python3.12": SHIM, "python3": OLD}, f"{NO_PYTHON}; python3 is 3.10; install one", id="a shim for nothing"
        ),
        pytest.param(
            {"python3.12": WITHOUT_VENV},
            f"{NO_PYTHON}; python3.12 has no venv (Debian, Ubuntu: apt-get install python3.12-venv); install one",
            id="one without venv",
        ),
    ],
)
def test_a_python_that_does_not_fit_is_named(machine: Machine, pythons: dict[str, str], output: str):
    machine.install_node()
    for name, script in pythons.items():
        machine.install(name, script)

    assert machine.make("run").startswith(output)


@pytest.mark.parametrize("name", ["python9", "/opt/no such/python3.11"])
def test_a_configured_python_that_does_not_run_is_reported(machine: Machine, name: str):
    machine.install_node()
    machine.install("python3.11", FITS)

    assert machine.make("run", f"PYTHON={name}").startswith(f"{NO_PYTHON}; {name} does not run; install one")


@pytest.mark.parametrize(
    ("pythons", "chosen"),
    [
        pytest.param({"python3": OLD, "python3.12": FITS}, "python3.12", id="beside an older python3"),
        pytest.param({"python3.12": SHIM, "python3.13": FITS}, "python3.13", id="after a shim that runs nothing"),
        pytest.param({"python3.11": WITHOUT_VENV, "python3": FITS}, "python3", id="after one without venv"),
        pytest.param({"python3.13": FITS, "python3.11": FITS}, "python3.11", id="the first of many"),
    ],
)
def test_the_first_python_that_fits_is_chosen(machine: Machine, pythons: dict[str, str], chosen: str):
    for name, script in pythons.items():
        machine.install(name, script)

    assert machine.python().stdout == f"{machine.programs / chosen}\n"


def test_a_configured_python_is_chosen(machine: Machine):
    machine.install("python3.11", FITS)

    assert machine.python(PYTHON=sys.executable).stdout == f"{sys.executable}\n"


def test_the_versions_that_are_looked_for_are_those_of_the_project():
    script = (ROOT / ".locks" / "tools.sh").read_text()
    node = json.loads((ROOT / "src" / "dashboard" / "package.json").read_text())["engines"]["node"]

    assert " | ".join(supported()) + ")" in script
    assert f"Node.js {node.removeprefix('>=')} or newer" in script


def test_make_does_not_miss_an_environment_that_was_moved(machine: Machine):
    environment = machine.checkout / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "execution-monitor").write_text("#!/a/place/before/.venv/bin/python\n")
    (environment / ".ready").touch()

    assert machine.make("setup").startswith(NODE_MISSING)


def test_an_environment_is_reused_where_it_was_made_and_by_the_same_python(install_script: Any, tmp_path: Path):
    folder = tmp_path / "venv"
    version = "python{}.{}".format(*sys.version_info[:2])
    (folder / "lib" / version).mkdir(parents=True)
    (folder / "bin").mkdir()
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "bin" / "pip").write_text(f"#!{folder}/bin/python\n")

    as_made = install_script.is_usable(folder)
    moved = install_script.is_usable(folder.rename(tmp_path / "moved"))
    back = (tmp_path / "moved").rename(folder)
    (folder / "lib" / version).rename(folder / "lib" / "python3.1")
    of_another_python = install_script.is_usable(back)
    (folder / "lib" / "python3.1").rename(folder / "lib" / version)
    (folder / "bin" / "python").unlink()
    whose_python_is_gone = install_script.is_usable(folder)

    assert as_made
    assert (moved, of_another_python, whose_python_is_gone, install_script.is_usable(tmp_path)) == (False,) * 4


def test_pip_without_a_network_is_one_sentence(machine: Machine):
    machine.install_node()
    machine.install("python3", FITS)
    nowhere = {"PIP_INDEX_URL": f"{NOBODY}/simple", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}

    output = machine.make("setup", **nowhere)

    installing, sentence, *rest = output.splitlines()
    assert installing.startswith("Installing")
    assert sentence == (
        "There is no network (Connection refused): the packages cannot be installed; "
        "connect, or set a proxy, and run make again."
    )
    assert len(rest) == 1
    assert not (machine.checkout / ".venv" / ".ready").exists()


def test_npm_without_a_network_is_one_sentence(tmp_path: Path):
    (tmp_path / "package.json").write_text('{"dependencies": {"a": "1.0.0"}}')
    package = {"version": "1.0.0", "resolved": f"{NOBODY}/a-1.0.0.tgz", "integrity": "sha512-AA=="}
    packages = {"": {"dependencies": {"a": "1.0.0"}}, "node_modules/a": package}
    (tmp_path / "package-lock.json").write_text(json.dumps({"lockfileVersion": 3, "packages": packages}))
    variables = {"npm_config_registry": f"{NOBODY}/", "npm_config_cache": str(tmp_path / "cache")}

    done = subprocess.run(
        [sys.executable, ROOT / ".locks" / "install.py", "npm", tmp_path],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    _, *output = done.stderr.splitlines()
    assert " ".join(output) == (
        f"There is no network (ECONNREFUSED): the packages of Node.js for {tmp_path} cannot be installed; "
        "connect, or set a proxy, and run make again."
    )


def test_another_failure_is_shown_in_the_client_s_own_words(install_script: Any, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(
        SystemExit, match=r"^The packages cannot be installed; see the lines above, then run make again"
    ):
        install_script.run(["sh", "-c", "echo the package is broken; exit 1"], "The packages cannot be installed")

    assert capsys.readouterr().err.strip() == "the package is broken"

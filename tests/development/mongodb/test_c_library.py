"""A newer glibc: from which mirrors and on which systems. That it works, the mongod that runs on it proves."""

import os
import platform
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest

from execution_monitor.development.mongodb.c_library import fetch_library, loader, newer_lines, newer_stanzas
from execution_monitor.errors import SetupError

CLASSIC = """\
# deb cdrom:[Debian]/ bookworm main
deb http://mirror.invalid/debian bookworm main contrib
deb-src http://mirror.invalid/debian bookworm main
deb [arch=amd64 signed-by=/a/bookworm.gpg] http://mirror.invalid/debian-security bookworm-security main
deb http://packages.invalid/cloud cloud-sdk-bookworm main
deb http://packages.invalid/docker bookworm stable
deb http://mirror.invalid/debian bookworm-backports main
"""
DEB822 = """\
Types: deb
# http://snapshot.invalid/bookworm
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://mirror.invalid/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://mirror.invalid/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://packages.invalid/node
Suites: nodistro
Components: main
"""


def test_classic_sources_keep_the_distribution_s_own_lines_for_the_newer_release() -> None:
    assert newer_lines(CLASSIC, "bookworm", "trixie") == (
        "deb http://mirror.invalid/debian trixie main contrib\n"
        "deb [arch=amd64 signed-by=/a/bookworm.gpg] http://mirror.invalid/debian-security trixie-security main\n"
    )


def test_deb822_sources_keep_the_distribution_s_own_stanzas_for_the_newer_release() -> None:
    assert newer_stanzas(DEB822, "bookworm", "trixie") == (
        "Types: deb\nURIs: http://mirror.invalid/debian\nSuites: trixie trixie-updates\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/archive.gpg\n\n"
        "Types: deb\nURIs: http://mirror.invalid/debian-security\nSuites: trixie-security\nComponents: main\n\n"
    )


@pytest.mark.parametrize("version", ["glibc 2.38", "glibc 2.41", "glibc 3.0"])
def test_a_system_that_is_new_enough_needs_no_loader(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "confstr", {"CS_GNU_LIBC_VERSION": version}.get)

    assert loader(tmp_path, nullcontext) == ()


@pytest.mark.parametrize(
    ("version", "found"), [("glibc 2.34", "2.34"), pytest.param(None, "none", id="another C library")]
)
def test_on_an_old_system_without_apt_the_error_says_what_to_do(
    version: str | None, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "confstr", {"CS_GNU_LIBC_VERSION": version}.get)
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "rocky", "VERSION_ID": "9.4"})

    with pytest.raises(
        SetupError, match=rf"glibc 2\.38, this system has {found}, .*: put mongod 6\.0 or newer on PATH"
    ):
        loader(tmp_path, nullcontext)


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a glibc that was fetched already, on an old Debian."""
    monkeypatch.setattr(os, "confstr", {"CS_GNU_LIBC_VERSION": "glibc 2.36"}.get)
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"ID": "debian", "VERSION_CODENAME": "bookworm"})
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
    folder = tmp_path / "libc6-debian-trixie"
    folder.mkdir()
    return folder


def test_the_loader_is_the_one_beside_the_library_whatever_links_to_it(fetched: Path) -> None:
    library = fetched / "usr" / "lib" / "x86_64-linux-gnu"
    library.mkdir(parents=True)
    (library / "ld-linux-x86-64.so.2").touch()
    # A search finds some before the library and some after it, in any version of Python.
    for name in ("aaa", "lib64", "zzz"):
        (fetched / "usr" / name).mkdir()
        (fetched / "usr" / name / "ld-linux-x86-64.so.2").symlink_to(library / "ld-linux-x86-64.so.2")
    (library / "libc.so.6").touch()

    program, _, folders = loader(fetched.parent, nullcontext)

    assert program == str(library / "ld-linux-x86-64.so.2")
    assert folders.split(":")[0] == str(library)


def test_a_fetched_library_that_is_incomplete_is_named(fetched: Path) -> None:
    (fetched / "libc.so.6").touch()

    with pytest.raises(SetupError, match=rf"^{fetched} holds no C library that can be used: remove this folder and"):
        loader(fetched.parent, nullcontext)


@pytest.mark.skipif(not shutil.which("apt-get"), reason="apt is what fails here")
def test_apt_without_a_network_fails_with_its_reason(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "sources.list").write_text("deb [trusted=yes] http://127.0.0.1:1/debian bookworm main\n")

    with pytest.raises(
        SetupError,
        match=r"^There is no network: apt-get could not fetch libc6 of trixie \(Failed to fetch .*127\.0\.0\.1:1",
    ):
        fetch_library(tmp_path / "library", "bookworm", "trixie", etc)

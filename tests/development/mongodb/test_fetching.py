"""Fetching once: complete or not at all, by one process at a time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from execution_monitor.development.mongodb.fetching import failed_fetch, fetch_once, reason_in
from execution_monitor.development.mongodb.network import lack_of_network

NPM_OFFLINE = """\
npm warn Unknown user config "nodedir". This will stop working in the next major version of npm.
npm error code ENOTFOUND
npm error syscall getaddrinfo
npm error errno ENOTFOUND
npm error network request to http://registry.invalid/a failed, reason: getaddrinfo ENOTFOUND registry.invalid
npm error network This is a problem related to network connectivity.
npm error A complete log of this run can be found in: a.log
"""
NPM_TAMPERED = """\
npm error code EINTEGRITY
npm error Integrity checksum failed when using sha512: wanted sha512-MceaSZ but got sha512-MceaSY.
npm error A complete log of this run can be found in: a.log
"""
APT_OFFLINE = """\
Ign:1 http://mirror.invalid/debian trixie InRelease
Err:1 http://mirror.invalid/debian trixie InRelease
  Could not resolve 'mirror.invalid'
Reading package lists...
W: Failed to fetch http://mirror.invalid/debian/dists/trixie/InRelease  Could not resolve 'mirror.invalid'
W: Some index files failed to download. They have been ignored, or old ones used instead.
E: Can't find a source to download version '2.36-9+deb12u14' of 'libc6:amd64'
"""


def test_a_failed_fetch_leaves_nothing_and_can_be_repeated(tmp_path: Path) -> None:
    def fail(into: Path) -> None:
        (into / "half").write_text("half")
        raise KeyboardInterrupt

    folder = tmp_path / "shelf" / "thing"

    with pytest.raises(KeyboardInterrupt):
        fetch_once(folder, fail, mebibytes=1)
    left = [path.name for path in folder.parent.iterdir()]
    fetch_once(folder, lambda into: (into / "whole").touch(), mebibytes=1)

    assert left == [".fetch.lock"]
    assert [path.name for path in folder.iterdir()] == ["whole"]


def test_the_next_fetch_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / ".fetching-killed" / "thing").mkdir(parents=True)

    fetch_once(tmp_path / "thing", lambda into: (into / "whole").touch(), mebibytes=1)

    assert sorted(path.name for path in tmp_path.iterdir()) == [".fetch.lock", "thing"]


def test_of_many_threads_one_fetches_and_all_have_the_result(tmp_path: Path) -> None:
    together = threading.Barrier(8)
    fetched: list[Path] = []

    def need_it(_: int) -> bool:
        together.wait()
        fetch_once(tmp_path / "thing", fetched.append, mebibytes=1)
        return (tmp_path / "thing").is_dir()

    with ThreadPoolExecutor(8) as threads:
        have_it = list(threads.map(need_it, range(8)))

    assert have_it == [True] * 8
    assert len(fetched) == 1


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        pytest.param(
            NPM_OFFLINE,
            "network request to http://registry.invalid/a failed, reason: getaddrinfo ENOTFOUND registry.invalid",
            id="npm without a network",
        ),
        pytest.param(
            NPM_TAMPERED,
            "Integrity checksum failed when using sha512: wanted sha512-MceaSZ but got sha512-MceaSY",
            id="npm with a package that is not the pinned one",
        ),
        pytest.param(
            APT_OFFLINE,
            "Failed to fetch http://mirror.invalid/debian/dists/trixie/InRelease  Could not resolve 'mirror.invalid'",
            id="apt without a network",
        ),
        pytest.param("Killed\n", "Killed", id="a client that was killed"),
        pytest.param("", "it gave no reason", id="a client without output"),
        pytest.param(f"E: {'x' * 500}", "x" * 200, id="a client with too long a line"),
    ],
)
def test_the_reason_is_one_line_of_the_output(output: str, reason: str) -> None:
    assert reason_in(output) == reason


PIP_OFFLINE = """\
WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by \
'NewConnectionError('<HTTPSConnection object at 0x7f>: Failed to establish a new connection: \
[Errno -3] Temporary failure in name resolution')': /simple/a/
ERROR: Could not find a version that satisfies the requirement a==1 (from versions: none)
ERROR: No matching distribution found for a==1
"""
PIP_TAMPERED = f"""\
{PIP_OFFLINE.splitlines()[0]}
ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. Someone may have tampered with them.
"""


@pytest.mark.parametrize(
    ("output", "words"),
    [
        pytest.param(NPM_OFFLINE, "ENOTFOUND", id="npm"),
        pytest.param(APT_OFFLINE, "Could not resolve", id="apt"),
        pytest.param(PIP_OFFLINE, "Temporary failure in name resolution", id="pip"),
        pytest.param("connect (111: Connection refused)", "Connection refused", id="apt with a proxy that is down"),
        pytest.param(NPM_TAMPERED, "", id="npm with a package that is not the pinned one"),
        pytest.param(PIP_TAMPERED, "", id="pip with such a package, at the second attempt"),
        pytest.param("npm error code E404", "", id="a package that is not there"),
        pytest.param("", "", id="a client without output"),
    ],
)
def test_no_network_is_distinguished_from_other_failures(output: str, words: str) -> None:
    assert lack_of_network(output) == words


def test_only_no_network_is_called_no_network() -> None:
    offline, tampered = (failed_fetch("a", "npm", output).message for output in (NPM_OFFLINE, NPM_TAMPERED))

    assert offline.startswith("There is no network: npm could not fetch a (network request to")
    assert tampered.startswith("npm could not fetch a (Integrity checksum failed")
    assert "network" not in tampered

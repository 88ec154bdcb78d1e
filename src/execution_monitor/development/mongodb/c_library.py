"""A newer glibc for mongod where the system's is too old: `libc6` of a later release, fetched and verified by apt."""

import os
import platform
import re
import shutil
from pathlib import Path

from execution_monitor.development.mongodb.fetching import INSTEAD, Report, failed_fetch, fetch_once, run_client
from execution_monitor.errors import SetupError

NEEDED = (2, 38)
_NEEDED_TEXT = ".".join(map(str, NEEDED))
# The earliest long-lived release of each family whose glibc is new enough.
NEWER_RELEASES = {"debian": "trixie", "ubuntu": "noble"}
_LOADER = "ld-linux-x86-64.so.2"
_SYSTEM_LIBRARIES = "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu"
# Package lists unpacked (20 to 60 MiB), apt's index of them, and the library (13 MiB).
_MEBIBYTES = 150
_POCKETS = ("", "-updates", "-security")
_ONE_LINE = re.compile(r"^deb\s+(?:\[[^]]*]\s+)?\S+\s+(?P<suite>\S+)\s+(?P<components>.+)$")


def loader(cache: Path, report: Report) -> tuple[str, ...]:
    """What to put before a command that needs glibc 2.38: nothing, or the loader of a glibc fetched into `cache`.

    Raises:
        SetupError: If this system has an older glibc, and none can be fetched.
    """
    version = _system_version()
    if version >= NEEDED:
        return ()
    release = platform.freedesktop_os_release() if Path("/etc/os-release").exists() else {}
    family = release.get("ID", "")
    newer = NEWER_RELEASES.get(family)
    if newer is None or not shutil.which("apt-get") or not shutil.which("dpkg"):
        found = ".".join(map(str, version)) or "none"
        raise SetupError(
            f"MongoDB's own build needs glibc {_NEEDED_TEXT}, this system has {found}, "
            f"and a newer one can be fetched on Debian and Ubuntu only: {INSTEAD}."
        )
    folder = cache / f"libc6-{family}-{newer}"
    if not folder.is_dir():
        codename = release.get("VERSION_CODENAME", "")
        with report("Fetching a newer C library"):
            fetch_once(folder, lambda into: fetch_library(into, codename, newer), mebibytes=_MEBIBYTES)
    return _loader_in(folder)


def _loader_in(folder: Path) -> tuple[str, ...]:
    """The command of the loader beside `libc.so.6` in `folder`.

    The package also has a link to the loader in a folder without the library. A search may find either first; started
    from there, it would load the system's older library.
    """
    for library in folder.rglob("libc.so.6"):
        program = library.with_name(_LOADER)
        if program.is_file():
            return (str(program), "--library-path", f"{program.parent}:{_SYSTEM_LIBRARIES}")
    raise SetupError(f"{folder} holds no C library that can be used: remove this folder and try again, {INSTEAD}.")


def _system_version() -> tuple[int, ...]:
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (ValueError, OSError):  # another C library, such as musl
        return ()
    return tuple(int(part) for part in re.findall(r"\d+", text))


def fetch_library(into: Path, codename: str, newer: str, etc: Path = Path("/etc/apt")) -> None:
    """Unpack `libc6` of the release `newer` into `into`, from the mirrors that `etc` names for `codename`."""
    apt = into / "apt"
    # apt makes none of its folders itself.
    for needed in ("sources", "lists/partial", "cache/archives/partial"):
        (apt / needed).mkdir(parents=True)
    for path in [etc / "sources.list", *etc.glob("sources.list.d/*.list"), *etc.glob("sources.list.d/*.sources")]:
        if path.exists():
            text = path.read_text(encoding="utf-8", errors="replace")
            renamed = newer_stanzas if path.suffix == ".sources" else newer_lines
            (apt / "sources" / path.name).write_text(renamed(text, codename, newer), encoding="utf-8")
    options = [
        f"-oDir::Etc::SourceParts={apt}/sources",
        "-oDir::Etc::SourceList=/dev/null",
        # The user's pins and default release are for the system's own release.
        "-oDir::Etc::Preferences=/dev/null",
        "-oDir::Etc::PreferencesParts=/dev/null",
        "-oAPT::Default-Release=",
        f"-oDir::State::Lists={apt}/lists",
        f"-oDir::Cache={apt}/cache",
        "-oAcquire::Languages=none",
        "-oAcquire::Retries=1",
        # The user _apt cannot write to a private folder.
        "-oAPT::Sandbox::User=root",
    ]
    # Its exit status says nothing: it is 0 without a network, and 100 when some other source is broken.
    update = run_client(["apt-get", "-q", *options, "update"], where=apt)
    download = run_client(["apt-get", "-q", *options, "download", "libc6"], where=apt)
    packages = list(apt.glob("libc6_*.deb"))
    if download.returncode or not packages:
        raise failed_fetch(f"libc6 of {newer}", "apt-get", update.stdout + download.stdout)
    unpacked = run_client(["dpkg", "-x", str(packages[0]), str(into)], where=apt)
    if unpacked.returncode:
        raise failed_fetch(f"libc6 of {newer}", "dpkg", unpacked.stdout)
    shutil.rmtree(apt)


def newer_lines(text: str, codename: str, newer: str) -> str:
    """The lines of a classic `sources.list` for the distribution's main packages, changed to the release `newer`."""
    kept: list[str] = []
    for line in text.splitlines():
        found = _ONE_LINE.match(line.strip())
        if found and "main" in found["components"].split() and _is_own(found["suite"], codename):
            start, end = found.span("suite")
            stripped = line.strip()
            kept.append(stripped[:start] + stripped[start:end].replace(codename, newer) + stripped[end:])
    return "".join(f"{line}\n" for line in kept)


def newer_stanzas(text: str, codename: str, newer: str) -> str:
    """The stanzas of a deb822 `.sources` file for the distribution's main packages, changed to the release `newer`."""
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    kept: list[str] = []
    for stanza in re.split(r"\n\s*\n", plain):
        suites = _field(stanza, "Suites")
        enabled = "no" not in _field(stanza, "Enabled")
        if enabled and "main" in _field(stanza, "Components") and any(_is_own(suite, codename) for suite in suites):
            own = " ".join(suite.replace(codename, newer) for suite in suites if _is_own(suite, codename))
            kept.append(re.sub(r"(?mi)^Suites:.*$", f"Suites: {own}", stanza.strip()))
    return "".join(f"{stanza}\n\n" for stanza in kept)


def _field(stanza: str, name: str) -> list[str]:
    found = re.search(rf"(?mi)^{name}:(.*)$", stanza)
    return found[1].split() if found else []


def _is_own(suite: str, codename: str) -> bool:
    return suite in {codename + pocket for pocket in _POCKETS}

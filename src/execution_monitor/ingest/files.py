"""Files of recorded runs: read one by one, so that a broken one keeps no other from being read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.wfformat import RecordedRun, parse_run

# The largest of the 200 public instances has 50 MB; beyond this it is no recorded run.
MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that was left out, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}."


def read_runs(paths: Sequence[Path]) -> Iterator[tuple[Path, RecordedRun | Rejected]]:
    """Each file with the run in it, or with the reason why there is none."""
    for path in paths:
        try:
            yield path, parse_run(_read(path))
        except BadUserInput as error:
            yield path, Rejected(path, error.message)


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise BadUserInput("it is a folder; name the files in it")
        if path.stat().st_size > MAX_BYTES:
            raise BadUserInput(f"it is larger than {MAX_BYTES // 1024**2} MB")
        content = path.read_bytes()
    except OSError as error:
        raise BadUserInput(f"it cannot be read ({error.strerror})") from error
    if not content.strip():
        raise BadUserInput("it is empty")
    return content

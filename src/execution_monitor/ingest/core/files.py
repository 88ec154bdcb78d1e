"""Files of recorded runs: read one by one, so that a broken one keeps no other from being read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import bson
from bson.errors import BSONError

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.wfformat.model import parse_run
from execution_monitor.ingest.wfformat.parser import Recorded, to_documents

# The largest of the 200 public instances has 50 MB; beyond this it is no recorded run.
MAX_FILE_BYTES = 64 * 1024 * 1024
# A change event may carry a document three times (before, after, what changed) and must itself stay below the 16 MB of
# a BSON document; a larger one would end the change stream, and live updates with it.
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file that was left out, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}."


def read_runs(paths: Sequence[Path], *, tenant: str, user: str) -> Iterator[tuple[Path, Recorded | Rejected]]:
    """Each file with the run in it as documents of `user` in `tenant`, or with the reason why there is none."""
    for path in paths:
        try:
            recorded = to_documents(parse_run(_read(path)), tenant=tenant, user=user)
            _check_storable(recorded)
            yield path, recorded
        except BadUserInput as error:
            yield path, Rejected(path, error.message)


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise BadUserInput("it is a folder; name the files in it")
        with path.open("rb") as file:
            # Not by its stated size, which a pipe does not have.
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadUserInput(f"it cannot be read ({error.strerror})") from error
    if len(content) > MAX_FILE_BYTES:
        raise BadUserInput(f"it is larger than {MAX_FILE_BYTES // 1024**2} MB")
    if not content.strip():
        raise BadUserInput("it is empty")
    return content


def _check_storable(recorded: Recorded) -> None:
    places = ("workflow", *(f"the task {step['step_id']!r:.80}" for step in recorded.steps))
    for place, document in zip(places, (recorded.execution, *recorded.steps), strict=True):
        try:
            size = len(bson.encode(document))
        except (BSONError, OverflowError) as error:
            raise BadUserInput(f"{place}: MongoDB cannot hold it ({error})") from error
        if size > MAX_DOCUMENT_BYTES:
            raise BadUserInput(f"{place}: it is larger than {MAX_DOCUMENT_BYTES // 1024**2} MB")

"""Files of recorded runs: read and check them one by one, so that a broken file does not stop the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import bson
from bson.errors import BSONError

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.core.recorded_run import RunDocuments, to_documents
from execution_monitor.ingest.formats import parse_run

# The largest of the 200 public instances has 50 MB; a larger file is hardly a recorded run.
MAX_FILE_BYTES = 64 * 1024 * 1024
# A change event may carry a document three times (before, after, what changed) and must itself stay below the 16 MB of
# a BSON document; a larger one would end the change stream, and live updates with it.
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RejectedFile:
    """A file that was left out, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}."


def read_runs(paths: Sequence[Path], *, tenant: str, user: str) -> Iterator[tuple[Path, RunDocuments | RejectedFile]]:
    """Read each file: yield the run in it as documents of `user` in `tenant`, or the reason why it has none."""
    for path in paths:
        try:
            run = to_documents(parse_run(_read(path)), tenant=tenant, user=user)
            _check_storable(run)
            yield path, run
        except BadUserInput as error:
            yield path, RejectedFile(path, error.message)


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise BadUserInput("it is a folder; name the files in it")
        with path.open("rb") as file:
            # The size is not checked first: a pipe has none.
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadUserInput(f"it cannot be read ({error.strerror})") from error
    if len(content) > MAX_FILE_BYTES:
        raise BadUserInput(f"it is larger than {MAX_FILE_BYTES // 1024**2} MB")
    if not content.strip():
        raise BadUserInput("it is empty")
    return content


def _check_storable(run: RunDocuments) -> None:
    names = ("workflow", *(f"the task {step['step_id']!r:.80}" for step in run.steps))
    for name, document in zip(names, (run.execution, *run.steps), strict=True):
        try:
            size = len(bson.encode(document))
        except (BSONError, OverflowError) as error:
            raise BadUserInput(f"{name}: MongoDB cannot hold it ({error})") from error
        if size > MAX_DOCUMENT_BYTES:
            raise BadUserInput(f"{name}: it is larger than {MAX_DOCUMENT_BYTES // 1024**2} MB")

"""The importer: store recorded runs, one execution per file; runs that are stored already stay as they are."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pymongo import DeleteOne, InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from execution_monitor.ingest.core.files import RejectedFile, read_runs
from execution_monitor.ingest.core.recorded_run import RunDocuments
from execution_monitor.storage.documents import Execution, Step, collection_of
from execution_monitor.storage.rows import BsonDocument

# Few enough that a batch of ordinary steps stays far below the 48 MB of a message.
_STEPS_PER_WRITE = 1_000
# Each batch of steps and the execution may lose a race to another load; each attempt stores more of the run.
_RETRIES = 8


class ImportOutcome(Enum):
    """What happened to the run of a file."""

    LOADED = "loaded"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """A file whose run is in the database now, and how many steps the run has."""

    path: Path
    outcome: ImportOutcome
    steps: int


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What happened to each file."""

    imported: tuple[ImportedFile, ...]
    rejected: tuple[RejectedFile, ...]

    @property
    def steps(self) -> int:
        """The number of steps of all imported runs."""
        return sum(each.steps for each in self.imported)

    def count(self, outcome: ImportOutcome) -> int:
        """How many files had this `outcome`."""
        return sum(each.outcome is outcome for each in self.imported)

    def describe(self) -> str:
        """Summarise it in one line."""
        words = ", ".join(f"{self.count(outcome):,} {outcome.value}" for outcome in ImportOutcome)
        return f"{words}, {len(self.rejected):,} rejected; {self.steps:,} steps."


async def load_files(
    paths: Sequence[Path], *, tenant: str, user: str, on_file: Callable[[int], None] | None = None
) -> LoadReport:
    """Store the run in each file for `user` of `tenant`; a broken file is reported and does not stop the others.

    `on_file` is called with the number of files that are done.
    """
    imported: list[ImportedFile] = []
    rejected: list[RejectedFile] = []
    for done, (path, run) in enumerate(read_runs(paths, tenant=tenant, user=user), start=1):
        if isinstance(run, RejectedFile):
            rejected.append(run)
        else:
            imported.append(ImportedFile(path, await store(run), len(run.steps)))
        if on_file is not None:
            on_file(done)
    return LoadReport(tuple(imported), tuple(rejected))


async def store(run: RunDocuments) -> ImportOutcome:
    """Store `run`; documents that changed are replaced, with the next version, and equal ones stay."""
    for _ in range(_RETRIES):
        # Another load of the same file may be faster; then what it wrote is compared like any stored document.
        with contextlib.suppress(DuplicateKeyError, BulkWriteError):
            return await _store(run)
    return await _store(run)


async def _store(run: RunDocuments) -> ImportOutcome:
    executions = collection_of(Execution)
    found: BsonDocument | None = await executions.find_one({"_id": run.execution["_id"]})
    # The execution is written last: a client that sees it sees all its steps. Where a load was interrupted, the
    # execution is missing or unchanged, so that the next load completes it.
    steps_changed = await _store_steps(run)
    if found is None:
        await executions.insert_one(run.execution)
        return ImportOutcome.LOADED
    if not steps_changed and _same(found, run.execution):
        return ImportOutcome.UNCHANGED
    await executions.replace_one({"_id": found["_id"]}, _next_version(found, run.execution))
    return ImportOutcome.REPLACED


async def _store_steps(run: RunDocuments) -> bool:
    """Store the steps of `run`; returns whether anything had to be written."""
    steps = collection_of(Step)
    of_run = {name: run.execution[name] for name in ("tenant_id", "execution_id")}
    found: dict[Any, BsonDocument] = {row["_id"]: row async for row in steps.find(of_run)}
    writes: list[InsertOne[BsonDocument] | ReplaceOne[BsonDocument] | DeleteOne] = []
    for step in run.steps:
        old = found.pop(step["_id"], None)
        if old is None:
            writes.append(InsertOne(step))
        elif not _same(old, step):
            writes.append(ReplaceOne({"_id": step["_id"]}, _next_version(old, step)))
    writes += [DeleteOne({"_id": step_id}) for step_id in found]
    for start in range(0, len(writes), _STEPS_PER_WRITE):
        await steps.bulk_write(writes[start : start + _STEPS_PER_WRITE], ordered=False)
    return bool(writes)


def _same(found: BsonDocument, recorded: BsonDocument) -> bool:
    return {**found, "version": None} == {**recorded, "version": None}


def _next_version(found: BsonDocument, recorded: BsonDocument) -> BsonDocument:
    return {**recorded, "version": found.get("version", 0) + 1}

"""Recorded runs into the database: an execution a file, and nothing at all when it is there already."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pymongo import DeleteOne, InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from execution_monitor.ingest.core.files import Rejected, read_runs
from execution_monitor.ingest.wfformat.parser import Recorded, Stored
from execution_monitor.storage.documents import Execution, Step, collection_of

# Few enough that a batch of ordinary steps stays far below the 48 MB of a message.
_STEPS_PER_WRITE = 1_000
# Each batch of steps and the execution may lose such a race; after each, more of the run is there.
_RETRIES = 8


class Outcome(Enum):
    """What became of a file."""

    LOADED = "loaded"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Stowed:
    """A file whose run is in the database now, and how many steps it has."""

    path: Path
    outcome: Outcome
    steps: int


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What became of all files."""

    stowed: tuple[Stowed, ...]
    rejected: tuple[Rejected, ...]

    @property
    def steps(self) -> int:
        """How many steps the stored runs have together."""
        return sum(each.steps for each in self.stowed)

    def count(self, outcome: Outcome) -> int:
        """How many files ended as `outcome`."""
        return sum(each.outcome is outcome for each in self.stowed)

    def describe(self) -> str:
        """What became of them in a line."""
        words = ", ".join(f"{self.count(outcome):,} {outcome.value}" for outcome in Outcome)
        return f"{words}, {len(self.rejected):,} rejected; {self.steps:,} steps."


async def load_files(
    paths: Sequence[Path], *, tenant: str, user: str, on_file: Callable[[int], None] | None = None
) -> LoadReport:
    """Store the run in each file for `user` of `tenant`; a broken file is reported and keeps no other out.

    `on_file` is told how many files are done.
    """
    stowed: list[Stowed] = []
    rejected: list[Rejected] = []
    for done, (path, run) in enumerate(read_runs(paths, tenant=tenant, user=user), start=1):
        if isinstance(run, Rejected):
            rejected.append(run)
        else:
            stowed.append(Stowed(path, await store(run), len(run.steps)))
        if on_file is not None:
            on_file(done)
    return LoadReport(tuple(stowed), tuple(rejected))


async def store(recorded: Recorded) -> Outcome:
    """Store a run unless it is there, just as it is; what changed is replaced, as one more version."""
    for _ in range(_RETRIES):
        # Another load of the same file may be faster; then what it wrote is compared like all else that is there.
        with contextlib.suppress(DuplicateKeyError, BulkWriteError):
            return await _store(recorded)
    return await _store(recorded)


async def _store(recorded: Recorded) -> Outcome:
    executions = collection_of(Execution)
    found: Stored | None = await executions.find_one({"_id": recorded.execution["_id"]})
    # The execution is written last: whoever sees it sees all its steps, and where a load was cut short it is missing or
    # as it was, so that the next load goes on.
    steps_changed = await _store_steps(recorded)
    if found is None:
        await executions.insert_one(recorded.execution)
        return Outcome.LOADED
    if not steps_changed and _same(found, recorded.execution):
        return Outcome.UNCHANGED
    await executions.replace_one({"_id": found["_id"]}, _next_version(found, recorded.execution))
    return Outcome.REPLACED


async def _store_steps(recorded: Recorded) -> bool:
    """Whether anything had to be written for the steps in the database to be those of `recorded`."""
    steps = collection_of(Step)
    stated = {name: recorded.execution[name] for name in ("tenant_id", "execution_id")}
    found: dict[Any, Stored] = {row["_id"]: row async for row in steps.find(stated)}
    writes: list[InsertOne[Stored] | ReplaceOne[Stored] | DeleteOne] = []
    for step in recorded.steps:
        old = found.pop(step["_id"], None)
        if old is None:
            writes.append(InsertOne(step))
        elif not _same(old, step):
            writes.append(ReplaceOne({"_id": step["_id"]}, _next_version(old, step)))
    writes += [DeleteOne({"_id": gone}) for gone in found]
    for start in range(0, len(writes), _STEPS_PER_WRITE):
        await steps.bulk_write(writes[start : start + _STEPS_PER_WRITE], ordered=False)
    return bool(writes)


def _same(found: Stored, recorded: Stored) -> bool:
    return {**found, "version": None} == {**recorded, "version": None}


def _next_version(found: Stored, recorded: Stored) -> Stored:
    return {**recorded, "version": found.get("version", 0) + 1}

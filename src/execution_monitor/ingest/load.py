"""Recorded runs into the database: an execution a file, and nothing at all when it is there already."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pymongo import ReplaceOne

from execution_monitor.ingest.files import Rejected, read_runs
from execution_monitor.ingest.recorded import Recorded, Stored, to_documents
from execution_monitor.storage.collections import collection_of
from execution_monitor.storage.documents import Execution, Step

_STEPS_PER_WRITE = 1_000


class Outcome(Enum):
    """What became of a file."""

    LOADED = "loaded"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What became of all files."""

    outcomes: dict[Path, Outcome]
    steps: int
    rejected: tuple[Rejected, ...]

    def describe(self) -> str:
        """What became of them in a line."""
        counts = {each: list(self.outcomes.values()).count(each) for each in Outcome}
        words = ", ".join(f"{count:,} {outcome.value}" for outcome, count in counts.items())
        return f"{words}, {len(self.rejected):,} rejected; {self.steps:,} steps."


async def load_files(paths: Sequence[Path], *, tenant: str, user: str) -> LoadReport:
    """Store the run in each file for `user` of `tenant`; a broken file is reported and keeps no other out."""
    outcomes: dict[Path, Outcome] = {}
    rejected: list[Rejected] = []
    steps = 0
    for path, run in read_runs(paths):
        if isinstance(run, Rejected):
            rejected.append(run)
            continue
        recorded = to_documents(run, tenant=tenant, user=user)
        outcomes[path] = await store(recorded)
        steps += len(recorded.steps)
    return LoadReport(outcomes, steps, tuple(rejected))


async def store(recorded: Recorded) -> Outcome:
    """Store a run unless it is there, just as it is. Its execution comes last: whoever sees it sees all its steps."""
    executions = collection_of(Execution)
    own_id = {"_id": recorded.execution["_id"]}
    found: Stored | None = await executions.find_one(own_id)
    if found is not None and _same(found, recorded.execution) and await _has_steps(recorded):
        return Outcome.UNCHANGED
    await _store_steps(recorded)
    if found is None:
        await executions.insert_one(recorded.execution)
        return Outcome.LOADED
    await executions.replace_one(own_id, recorded.execution | {"version": found.get("version", 0) + 1})
    return Outcome.REPLACED


def _same(found: Stored, recorded: Stored) -> bool:
    return {**found, "version": None} == {**recorded, "version": None}


async def _has_steps(recorded: Recorded) -> bool:
    steps = collection_of(Step)
    found = {row["_id"]: row async for row in steps.find(_steps_of(recorded))}
    return found == {row["_id"]: row for row in recorded.steps}


async def _store_steps(recorded: Recorded) -> None:
    steps = collection_of(Step)
    kept = [step["_id"] for step in recorded.steps]
    await steps.delete_many({**_steps_of(recorded), "_id": {"$nin": kept}})
    for start in range(0, len(recorded.steps), _STEPS_PER_WRITE):
        batch = recorded.steps[start : start + _STEPS_PER_WRITE]
        # Replacing one by its equal changes nothing, so a load that was cut short is finished by the next.
        await steps.bulk_write([ReplaceOne({"_id": step["_id"]}, step, upsert=True) for step in batch], ordered=False)


def _steps_of(recorded: Recorded) -> Stored:
    return {"tenant_id": recorded.execution["tenant_id"], "execution_id": recorded.execution["execution_id"]}

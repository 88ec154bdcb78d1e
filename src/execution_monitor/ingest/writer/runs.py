"""Runs: which execution the run of an engine belongs to, for executions whose parent is known by a run's id alone.

Such an execution waits with that id until the run is reported, by whichever process. Who stores a run looks for those
that wait for it; who stores an execution looks for its run. Both write first and look then, so one of them finds it.
"""

from collections.abc import Iterable, Mapping

from bson import ObjectId
from pymongo import InsertOne, UpdateMany

from execution_monitor.ingest.writer.bulk_writes import write_all
from execution_monitor.ingest.writer.facts import PARENT_RUN, DocumentFacts, Facts
from execution_monitor.ingest.writer.pipelines import STAMPS, object_id
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import IngestRun

# What is reported as the parent's execution goes before what its run's id leads to.
_PARENT, _PARENT_REPORTED = "parent_execution_id", f"{STAMPS}.parent_execution_id"
_REMEMBERED = 100_000


class Runs:
    """The runs that executions belong to."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stored = LruCache[str](_REMEMBERED)

    async def resolve(self, tenant: str, facts: Facts, refused: Iterable[str]) -> None:
        """Store the runs of `facts`, and relate executions to those that are known."""
        left_out = set(refused)
        known = {run: execution for run, execution in facts.runs.items() if execution not in left_out}
        new = {run: each for run, each in known.items() if self._stored.get((tenant, run)) is None}
        if new:
            await self._store(tenant, new)
        waiting = {run for execution in facts.executions.values() for run in _runs_named_by(execution)}
        related = {**new, **await self._find(tenant, waiting - new.keys())}
        updates = [_relate(tenant, run, execution_id) for run, execution_id in related.items()]
        await write_all(self._database.collection(Execution), updates)
        for run, execution_id in new.items():
            self._stored.put((tenant, run), execution_id)

    async def _store(self, tenant: str, runs: Mapping[str, str]) -> None:
        documents = [
            InsertOne[BsonDocument]({"_id": object_id(tenant, run), "tenant_id": tenant, "execution_id": execution_id})
            for run, execution_id in runs.items()
        ]
        await write_all(self._database.collection(IngestRun), documents)

    async def _find(self, tenant: str, runs: Iterable[str]) -> dict[str, str]:
        by_id: dict[ObjectId, str] = {object_id(tenant, run): run for run in runs}
        if not by_id:
            return {}
        rows = self._database.collection(IngestRun).find({"tenant_id": tenant, "_id": {"$in": list(by_id)}})
        return {by_id[row["_id"]]: row["execution_id"] async for row in rows}


def _runs_named_by(execution: DocumentFacts) -> Iterable[str]:
    for register in execution.registers.values():
        run = register.fields.get(PARENT_RUN)
        if isinstance(run, str):
            yield run


def _relate(tenant: str, run: str, execution_id: str) -> UpdateMany:
    where = {
        "tenant_id": tenant,
        PARENT_RUN: run,
        _PARENT: {"$ne": execution_id},
        _PARENT_REPORTED: None,
        # None is its own parent.
        "execution_id": {"$ne": execution_id},
    }
    change = {"version": {"$add": ["$version", 1]}, "updated": "$$NOW", _PARENT: {"$literal": execution_id}}
    return UpdateMany(where, [{"$set": change}])

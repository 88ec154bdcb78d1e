"""Runs: executions that name the run which started or preceded them, before or after its execution is known.

Whoever stores a run looks for executions that wait for it, and whoever stores an execution that names a run looks for
the run. Both write first and look then, so at least one of them finds what the other wrote.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from bson.raw_bson import RawBSONDocument

from execution_monitor.ingest.writer.bson_encoding import encode
from execution_monitor.ingest.writer.commands import insert, update
from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.pipelines import REFERENCES
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import IngestRun

# Runs start others while they run. Attempts of a task may be days apart.
KEPT_FOR = timedelta(days=90)

_TIMEOUT_MS = 10_000
_IDS_AT_ONCE = 1_000
_REMEMBERED = 10_000


class Runs:
    """The runs of one database; it remembers those that need no look any more."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._done: LruCache[str] = LruCache(_REMEMBERED)

    async def link(self, owner: Owner, facts: Facts, stored: Collection[str]) -> int:
        """Store the runs of the executions `stored`, and link executions with the runs that they name.

        Returns how many executions were changed.
        """
        runs = {
            run_id: execution_id
            for run_id, execution_id in facts.runs.items()
            if execution_id in stored and self._done.get(owner.run(run_id)) != execution_id
        }
        await insert(self._database, IngestRun, _rows(owner, runs))
        named = _named_runs(facts, stored)
        if not (runs or named):
            return 0
        known = await self._find(owner, named | runs.keys())
        outcome = await update(self._database, Execution, _statements(owner, known))
        for run_id, execution_id in runs.items():
            self._done.put(owner.run(run_id), execution_id)
        return outcome.changed

    async def _find(self, owner: Owner, run_ids: Collection[str]) -> Mapping[str, str]:
        """The executions of those runs that are stored."""
        by_id = {owner.run(run_id): run_id for run_id in run_ids}
        ids = list(by_id)
        found: dict[str, str] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            where = {"_id": {"$in": ids[start : start + _IDS_AT_ONCE]}}
            cursor = self._database.collection(IngestRun).find(where, max_time_ms=_TIMEOUT_MS)
            rows = await await_reply(cursor.to_list(), _TIMEOUT_MS)
            found |= {by_id[row["_id"]]: row["execution_id"] for row in rows}
        return found


def _rows(owner: Owner, runs: Mapping[str, str]) -> list[BsonDocument]:
    expires_at = datetime.now(UTC) + KEPT_FOR
    return [
        {"_id": owner.run(run_id), "execution_id": execution_id, "expires_at": expires_at}
        for run_id, execution_id in runs.items()
    ]


def _named_runs(facts: Facts, stored: Collection[str]) -> set[str]:
    return {
        register.fields[field]
        for execution_id, execution in facts.executions.items()
        if execution_id in stored
        for register in execution.registers.values()
        for field in register.fields.keys() & REFERENCES.keys()
        if register.fields[field] is not None
    }


def _statements(owner: Owner, known: Mapping[str, str]) -> list[RawBSONDocument]:
    """Updates of all executions that name one of the `known` runs and have not got its execution."""
    return [
        _statement(owner, run_field, reference, run_id, execution_id)
        for run_id, execution_id in known.items()
        for run_field, reference in REFERENCES.items()
    ]


def _statement(owner: Owner, run_field: str, reference: str, run_id: str, execution_id: str) -> RawBSONDocument:
    where = {
        "tenant_id": owner.tenant_id,
        "user_id": owner.user_id,
        run_field: run_id,
        # An own word about the reference is worth more.
        f"ingest.{reference}": {"$exists": False},
        reference: {"$ne": execution_id},
        "execution_id": {"$ne": execution_id},
    }
    change = {
        "$set": {
            reference: "$$execution_id",
            "version": {"$add": [{"$ifNull": ["$version", 0]}, 1]},
            "updated": "$$NOW",
        }
    }
    return RawBSONDocument(encode({"q": where, "u": [change], "c": {"execution_id": execution_id}, "multi": True}))

"""Spans and log lines of traces that do not look like a workflow or an agent yet, kept aside for a while.

Nobody sees them. When a span that makes an execution of their trace arrives, they are stored as if they had come with
it; else they expire. Both sides write first and look then: who keeps spans aside looks whether there is an execution by
now, and who stores an execution looks for spans that were kept aside. So at least one of the two finds what the other
wrote, in whatever order they arrive, and over several processes.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import bson
from bson import ObjectId
from bson.codec_options import CodecOptions
from pymongo.errors import BulkWriteError

from execution_monitor.auth.caller import Caller
from execution_monitor.ingest.writer.facts import Clean, DocumentFacts, Facts, LogLine
from execution_monitor.ingest.writer.registers import Register
from execution_monitor.storage.database import Database
from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import HeldReport

# Calls of models and roots of jobs follow within seconds or minutes on what happens around them.
HELD_FOR = timedelta(hours=1)

_OBJECT_ID_BYTES = 12
_DUPLICATE_KEY = 11000
# A document may have 16 MB.
_MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
_CODEC: CodecOptions[BsonDocument] = CodecOptions(tz_aware=True, tzinfo=UTC)


@dataclass(slots=True)
class Found:
    """What was kept aside: its facts, and the ids of the documents that hold them."""

    facts: Facts
    ids: list[ObjectId] = field(default_factory=list[ObjectId])


class HeldReports:
    """Facts about executions that do not exist yet, of one owner each."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def existing(self, caller: Caller, execution_ids: Collection[str]) -> set[str]:
        """Which of these executions the caller has."""
        if not execution_ids:
            return set()
        # Those of others are as if they were not: who reports of them does not learn that they exist.
        query = {
            "tenant_id": caller.tenant,
            "execution_id": {"$in": list(execution_ids)},
            "user_id": caller.subject,
        }
        rows = self._database.collection(Execution).find(query, {"execution_id": 1, "_id": 0})
        return {row["execution_id"] async for row in rows}

    async def keep(self, caller: Caller, facts: Facts) -> None:
        """Keep `facts` aside; the same facts once."""
        expires_at = datetime.now(UTC) + HELD_FOR
        documents = [
            {
                "_id": _id(caller, execution_id, reports),
                "tenant_id": caller.tenant,
                "user_id": caller.subject,
                "execution_id": execution_id,
                "reports": reports,
                "expires_at": expires_at,
            }
            for execution_id, entries in _by_execution(facts).items()
            for reports in _parts(entries)
        ]
        if not documents:
            return
        try:
            await self._database.collection(HeldReport).insert_many(documents, ordered=False)
        except BulkWriteError as error:
            # A request that is sent again finds what it left.
            if any(each["code"] != _DUPLICATE_KEY for each in error.details["writeErrors"]):
                raise

    async def find(self, caller: Caller, execution_ids: Collection[str], empty: Facts) -> Found:
        """What was kept aside of these executions, added to `empty` facts."""
        found = Found(empty)
        if not execution_ids:
            return found
        query = {
            "tenant_id": caller.tenant,
            "user_id": caller.subject,
            "execution_id": {"$in": list(execution_ids)},
        }
        async for row in self._database.collection(HeldReport).find(query):
            found.ids.append(row["_id"])
            found.facts.join(_restored(empty.clean, row["execution_id"], row["reports"]))
        return found

    async def forget(self, found: Found) -> None:
        """Delete what was found and is stored now."""
        if found.ids:
            await self._database.collection(HeldReport).delete_many({"_id": {"$in": found.ids}})


def take_out(facts: Facts, execution_ids: Collection[str], empty: Facts) -> Facts:
    """Move what `facts` say of these executions into `empty` facts."""
    if not execution_ids:
        return empty
    for execution_id in execution_ids:
        if execution_id in facts.executions:
            empty.executions[execution_id] = facts.executions.pop(execution_id)
    for key in [key for key in facts.steps if key[0] in execution_ids]:
        empty.steps[key] = facts.steps.pop(key)
    for key in [key for key in facts.log_lines if key[0] in execution_ids]:
        empty.log_lines[key] = facts.log_lines.pop(key)
    return empty


def _id(caller: Caller, execution_id: str, reports: Iterable[bytes]) -> ObjectId:
    content = hashlib.sha256(b"".join(reports)).digest()
    return ObjectId(digest_of(caller.tenant, caller.subject, execution_id, content, size=_OBJECT_ID_BYTES))


def _by_execution(facts: Facts) -> dict[str, list[bytes]]:
    entries: dict[str, list[bytes]] = {}
    for execution_id, execution in facts.executions.items():
        entries.setdefault(execution_id, []).append(bson.encode({"registers": _plain(execution)}))
    for (execution_id, step_id), step in facts.steps.items():
        entries.setdefault(execution_id, []).append(bson.encode({"step_id": step_id, "registers": _plain(step)}))
    for (execution_id, line_id), line in facts.log_lines.items():
        entries.setdefault(execution_id, []).append(bson.encode({"line_id": line_id, "fields": line.fields}))
    return entries


def _plain(document: DocumentFacts) -> BsonDocument:
    return {name: {"stamp": each.stamp, "fields": dict(each.fields)} for name, each in document.registers.items()}


def _parts(entries: Iterable[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for entry in entries:
        if part and size + len(entry) > _MAX_DOCUMENT_BYTES:
            yield part
            part, size = [], 0
        part.append(entry)
        size += len(entry)
    yield part


def _restored(clean: Clean, execution_id: str, reports: Iterable[bytes]) -> Facts:
    facts = Facts(clean)
    for report in reports:
        entry: BsonDocument = bson.decode(report, codec_options=_CODEC)  # pyright: ignore[reportUnknownMemberType] - an overload is open
        if "line_id" in entry:
            line = LogLine(execution_id, entry["line_id"], entry["fields"])
            facts.log_lines[execution_id, line.line_id] = line
            continue
        document = facts.step(execution_id, entry["step_id"]) if "step_id" in entry else facts.execution(execution_id)
        for name, register in entry["registers"].items():
            document.registers[name] = Register.restored(register["stamp"], register["fields"])
    return facts

"""Claims: which of the reported executions are the owner's, and why the others are not stored.

An execution belongs to the owner who reported it first, which its insert decides: `_id` and the index of a tenant's
execution ids are unique.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from execution_monitor.ingest.writer.commands import insert
from execution_monitor.ingest.writer.joins import READ_FOR_JOIN
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.slices import in_slices
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.rows import BsonDocument, Row

# The same of an execution of another owner and of one that an engine wrote itself: who reports does not learn which.
NOT_YOURS = "This execution cannot be reported: its id is not available to you."

_TIMEOUT_MS = 10_000
_IDS_AT_ONCE = 1_000
_READ = {**READ_FOR_JOIN, "execution_id": 1, "user_id": 1}


@dataclass(frozen=True, slots=True)
class Claims:
    """The executions that may be written.

    Attributes:
        existing: by id, what was read of those that were stored before.
        created: those that this report stored first, as they were inserted.
    """

    existing: Mapping[str, Row]
    created: Mapping[str, Row]

    @property
    def steps(self) -> Mapping[str, int]:
        """By id, how many steps were stored when the totals were written last."""
        return {each: int(row["ingest"].get("steps", 0)) for each, row in self.existing.items()}

    def __contains__(self, execution_id: object) -> bool:
        return execution_id in self.existing or execution_id in self.created


async def claim(
    database: Database,
    owner: Owner,
    execution_ids: Sequence[str],
    make: Callable[[Iterable[str]], Iterable[BsonDocument]],
) -> Claims:
    """Find the executions, or store those that `make` makes; raises as `insert` does."""
    found = await find_executions(database, owner, execution_ids)
    missing = [each for each in execution_ids if each not in found]
    rows = [row async for row in in_slices(make(missing))]
    outcome = await insert(database, Execution, rows)
    created = {each: rows[place] for place, each in enumerate(missing) if place not in outcome.duplicates}
    # Somebody else was faster: another process of the same owner, another owner, or an engine.
    found |= await _find_any(database, owner, [missing[place] for place in outcome.duplicates])
    own = {each: row for each, row in found.items() if _is_own(owner, row)}
    return Claims(existing=own, created=created)


def _is_own(owner: Owner, row: Row) -> bool:
    return (
        row.get("user_id") == owner.user_id
        and isinstance(row.get("ingest"), Mapping)
        and row["_id"] == owner.execution(row["execution_id"])
    )


async def find_executions(database: Database, owner: Owner, execution_ids: Sequence[str]) -> dict[str, Any]:
    """What is stored of executions of the tenant that were reported, whosoever they are, by their ids."""
    ids = [owner.execution(each) for each in execution_ids]
    # Of the many indexes that begin with the tenant MongoDB would try each, again and again where it finds nothing.
    return await _find(database, owner, "_id", ids, hint={"_id": 1})


async def _find_any(database: Database, owner: Owner, execution_ids: Sequence[str]) -> dict[str, Any]:
    """The same, with those that an engine wrote itself, under whatever `_id`."""
    return await _find(database, owner, "execution_id", execution_ids)


async def _find(
    database: Database, owner: Owner, field: str, values: Sequence[Any], hint: Mapping[str, int] | None = None
) -> dict[str, Any]:
    executions = database.collection(Execution)
    found: dict[str, Any] = {}
    for start in range(0, len(values), _IDS_AT_ONCE):
        query = {field: {"$in": list(values[start : start + _IDS_AT_ONCE])}, "tenant_id": owner.tenant_id}
        cursor = executions.find(query, _READ, hint=hint, max_time_ms=_TIMEOUT_MS)
        found |= {row["execution_id"]: row for row in await await_reply(cursor.to_list(), _TIMEOUT_MS)}
    return found

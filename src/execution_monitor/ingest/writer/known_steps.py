"""Steps that are stored: those that this process has written lately, and what is read of them to join them."""

from collections.abc import Iterable, Sequence

from bson import ObjectId

from execution_monitor.ingest.writer.joins import READ_FOR_JOIN
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.step_limit import StepKey
from execution_monitor.lru_cache import LruCache
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import Step
from execution_monitor.storage.rows import Row

_REMEMBERED = 100_000
_TIMEOUT_MS = 10_000
_IDS_AT_ONCE = 1_000


class KnownSteps:
    """The steps that were written last, which need no try to insert them, unless they were deleted since."""

    def __init__(self) -> None:
        self._steps = LruCache[Owner](_REMEMBERED)

    def has(self, owner: Owner, key: StepKey) -> bool:
        """Whether it was written."""
        return self._steps.get((owner.tenant_id, *key)) == owner

    def add(self, owner: Owner, keys: Iterable[StepKey]) -> None:
        """Remember that these are stored."""
        for key in keys:
            self._steps.put((owner.tenant_id, *key), owner)


async def read_steps(database: Database, owner: Owner, keys: Sequence[StepKey]) -> dict[StepKey, Row]:
    """What is stored of those of the steps that are stored."""
    steps = database.collection(Step)
    found: dict[StepKey, Row] = {}
    for start in range(0, len(keys), _IDS_AT_ONCE):
        by_id: dict[ObjectId, StepKey] = {owner.step(*key): key for key in keys[start : start + _IDS_AT_ONCE]}
        where = {"_id": {"$in": list(by_id)}, "tenant_id": owner.tenant_id}
        cursor = steps.find(where, READ_FOR_JOIN, hint=[("_id", 1)], max_time_ms=_TIMEOUT_MS)
        rows = await await_reply(cursor.to_list(), _TIMEOUT_MS)
        found |= {by_id[row["_id"]]: row for row in rows if isinstance(row.get("ingest"), dict)}
    return found

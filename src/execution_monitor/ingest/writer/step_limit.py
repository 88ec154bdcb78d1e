"""The limit of steps of one execution: those beyond it are counted, and not stored."""

from collections import defaultdict
from collections.abc import Mapping

from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.documents import Step

MAX_STEPS = 10_000

_TIMEOUT_MS = 10_000
StepKey = tuple[str, str]


async def steps_beyond_limit(
    database: Database, owner: Owner, facts: Facts, stored: Mapping[str, int], *, limit: int = MAX_STEPS
) -> frozenset[StepKey]:
    """The reported steps for which their executions have no room; `stored` is how many each has, as far as is known.

    Two processes that write to one execution at the same time may exceed the limit by what they write.
    """
    reported: dict[str, list[StepKey]] = defaultdict(list)
    for key in facts.steps:
        reported[key[0]].append(key)
    beyond: list[StepKey] = []
    for execution_id, keys in reported.items():
        if stored.get(execution_id, 0) + len(keys) <= limit:
            continue
        steps = database.collection(Step)
        where = {"tenant_id": owner.tenant_id, "execution_id": execution_id}
        cursor = steps.find(where, {"_id": 0, "step_id": 1}, limit=limit + len(keys), max_time_ms=_TIMEOUT_MS)
        known = {row["step_id"] for row in await await_reply(cursor.to_list(), _TIMEOUT_MS)}
        new = [key for key in keys if key[1] not in known]
        beyond += new[max(0, limit - len(known)) :]
    return frozenset(beyond)

"""Calls of models within calls of models, where two libraries instrument the same one: only the inner ones count.

A span tells of its parent no more than the id, and either may come first. So whoever stores a call looks for others of
its trace, and takes the tokens off those that are the parent of another. What is taken off stays off, whatever the
parent reports again; so it does not matter in which order they come, nor how often, nor over how many processes.
"""

from collections.abc import Collection
from datetime import UTC, datetime

from execution_monitor.auth.caller import Caller
from execution_monitor.ingest.otlp.mapping import USAGE
from execution_monitor.ingest.writer.facts import OWN_WORD, Facts
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Step

_TAKEN_OFF = OWN_WORD + 1
_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def with_calls(facts: Facts) -> set[str]:
    """The executions of which `facts` report a call of a model."""
    return {execution_id for (execution_id, _), step in facts.steps.items() if USAGE in step.registers}


async def take_off(database: Database, caller: Caller, execution_ids: Collection[str], empty: Facts) -> Facts:
    """Add to `empty` facts that those calls of these executions do not count which contain others."""
    query = {
        "tenant_id": caller.tenant,
        "execution_id": {"$in": list(execution_ids)},
        # Of all calls, those whose tokens were taken off among them.
        f"ingest.{USAGE}": {"$exists": True},
    }
    fields = {"execution_id": 1, "step_id": 1, "depends_on": 1, "tokens_used": 1, "cost": 1, "_id": 0}
    rows = [row async for row in database.collection(Step).find(query, fields)]
    counting = {(row["execution_id"], row["step_id"]) for row in rows if row.get("tokens_used") or row.get("cost")}
    for row in rows:
        # The parent comes before spans that it is linked with.
        for parent in row.get("depends_on", ())[:1]:
            if (row["execution_id"], parent) in counting:
                step = empty.step(row["execution_id"], parent)
                step.set(USAGE, {"tokens_used": None, "cost": None}, at=_ANY_TIME, rank=_TAKEN_OFF)
    return empty

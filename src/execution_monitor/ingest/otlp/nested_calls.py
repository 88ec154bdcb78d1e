"""Calls of models within calls of models, where two libraries instrument the same one: only the inner ones count.

A span tells of its parent no more than the id, and either may come first. So whoever stores a call looks for others of
its trace, and takes the tokens off those that are the parent of another. What is taken off stays off, whatever the
parent reports again; so it does not matter in which order they come, nor how often, nor over how many processes.
"""

from collections.abc import Mapping
from datetime import datetime

from execution_monitor.auth.caller import Caller
from execution_monitor.ingest.otlp.mapping import SPAN, USAGE
from execution_monitor.ingest.writer.facts import OWN_WORD, Facts
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Step

_TAKEN_OFF = OWN_WORD + 1

# An execution and a step.
Key = tuple[str, str]


def calls_in(facts: Facts) -> Mapping[Key, Key | None]:
    """The calls that `facts` report, each with its parent."""
    calls: dict[Key, Key | None] = {}
    for (execution_id, step_id), step in facts.steps.items():
        if USAGE in step.registers and SPAN in step.registers:
            # The parent comes before spans that it is linked with.
            parents: list[str] = step.registers[SPAN].fields["depends_on"] or []
            calls[execution_id, step_id] = (execution_id, parents[0]) if parents else None
    return calls


def take_off_within(facts: Facts) -> None:
    """Take the tokens off those calls in `facts` that contain others in `facts`."""
    calls = calls_in(facts)
    for parent in calls.values():
        if parent is not None and parent in calls:
            _take_off(facts, parent, _start(facts, parent))


async def take_off_stored(database: Database, caller: Caller, facts: Facts, empty: Facts) -> Facts:
    """Add to `empty` facts what is to be taken off calls that contain calls, one of them in `facts`, the other stored.

    `facts` must be stored before.
    """
    calls = calls_in(facts)
    if not calls:
        return empty
    parents = {parent for parent in calls.values() if parent is not None and parent not in facts.steps}
    query = {
        "tenant_id": caller.tenant,
        "execution_id": {"$in": list({execution_id for execution_id, _ in calls})},
        # Calls have it for ever, those whose tokens were taken off among them.
        f"ingest.{USAGE}": {"$exists": True},
        "$or": [
            {"depends_on": {"$in": [step_id for _, step_id in calls]}},
            {"step_id": {"$in": [step_id for _, step_id in parents]}},
        ],
    }
    fields = {"execution_id": 1, "step_id": 1, "depends_on": 1, "started_at": 1, "_id": 0}
    async for row in database.collection(Step).find(query, fields):
        call = row["execution_id"], row["step_id"]
        if call in parents:
            _take_off(empty, call, row["started_at"])
        for step_id in row.get("depends_on", ())[:1]:
            parent = row["execution_id"], step_id
            if parent in calls:
                _take_off(empty, parent, _start(facts, parent))
    return empty


def _start(facts: Facts, call: Key) -> datetime:
    return facts.steps[call].registers[SPAN].fields["started_at"]


def _take_off(facts: Facts, call: Key, started_at: datetime) -> None:
    facts.step(*call).set(USAGE, {"tokens_used": None, "cost": None}, at=started_at, rank=_TAKEN_OFF)

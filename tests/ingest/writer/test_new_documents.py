from datetime import UTC, datetime, timedelta
from typing import Any

from execution_monitor.ingest.writer.facts import DocumentFacts
from execution_monitor.ingest.writer.new_documents import new_step
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.storage.documents import ExecutionStatus

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OWNER = Owner("acme", "ada")


def facts_of(**registers: dict[str, Any]) -> DocumentFacts:
    facts = DocumentFacts(lambda _, value: value)
    for name, fields in registers.items():
        facts.set(name, fields, at=NOON)
    return facts


def stored(facts: DocumentFacts) -> dict[str, Any]:
    return dict(new_step(OWNER, "run", "load", facts, NOON))


def test_a_new_step_has_what_is_reported_and_defaults_for_all_else():
    facts = facts_of(span={"step_name": "Load", "started_at": NOON, "model": None}, usage={"tokens_used": None})
    facts.outcome(ExecutionStatus.COMPLETED, at=NOON, completed_at=NOON + timedelta(seconds=1.5))
    step = stored(facts)
    assert set(step.pop("ingest")) == {"span", "usage", "outcome", "created"}
    naive = NOON.replace(tzinfo=None)
    assert step == {
        "_id": OWNER.step("run", "load"),
        "execution_id": "run",
        "tenant_id": "acme",
        "step_id": "load",
        "step_name": "Load",
        "status": "completed",
        "attempt": 1,
        "step_index": 0,
        "cost": 0.0,
        "version": 1,
        "created": naive,
        "started_at": naive,
        "completed_at": naive + timedelta(seconds=1.5),
        "duration": 1.5,
    }


def test_a_field_that_reports_over_two_protocols_have_in_common_is_stored_once():
    step = new_step(OWNER, "run", "load", facts_of(span={"step_name": "one"}, name={"step_name": "two"}), NOON)
    assert bytes(step.raw).count(b"step_name") == 1
    assert step["step_name"] == "two"

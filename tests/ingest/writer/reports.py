"""Reports of engines as tests generate them, and what a database should hold after them in whatever order."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, ExecutionStatus, LogEntry, Step

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
# A report is what it says and where; a tuple, so that hypothesis can show it.
Report = tuple[Any, ...]
_STAMPS_AND_COUNTERS = ("ingest", "updated", "version")

_runs = st.sampled_from(["run-1", "run-2"])
_steps = st.sampled_from(["extract", "load", "train"])
_seconds = st.integers(0, 5)
_statuses = st.sampled_from(ExecutionStatus)
_attempts = st.integers(1, 2)
# Text that would be an expression, and names that would be operators.
_payloads = st.sampled_from([1, "$user_id", {"a.b": 1, "$where": [None, "$$NOW"]}, "text"])
_reports: st.SearchStrategy[Report] = st.one_of(
    st.tuples(st.just("execution"), _runs, _seconds, _statuses, _attempts, st.sampled_from(["etl", "train"])),
    st.tuples(st.just("step"), _runs, _steps, _seconds, _statuses, _attempts, st.sampled_from([0.0, 0.1, 2.5])),
    st.tuples(st.just("line"), _runs, _steps, _seconds),
    st.tuples(st.just("payload"), _runs, _seconds, _payloads),
    st.tuples(st.just("child"), _runs, _seconds, st.sampled_from(["task-1", "task-2"])),
    st.tuples(st.just("run"), _runs, st.sampled_from(["task-1", "task-2"])),
)


def _first_of_each_run(found: Sequence[Report]) -> list[Report]:
    """Of a run's id only one execution is reported, as engines do."""
    owners: dict[str, str] = {}
    return [each for each in found if each[0] != "run" or owners.setdefault(each[2], each[1]) == each[1]]


reports = st.lists(_reports, max_size=12).map(_first_of_each_run)


def keep(_: str, value: Any) -> Any:
    return value


def facts_of(found: Iterable[Report]) -> Facts:
    facts = Facts(keep)
    for report in found:
        _add(facts, *report)
    return facts


def _add(facts: Facts, kind: str, run: str, *values: Any) -> None:
    if kind == "execution":
        second, status, attempt, name = values
        execution, at = facts.execution(run), NOON + timedelta(seconds=second)
        execution.created(at)
        execution.set_known({"workflow_name": name, "triggered_by": None}, at=at)
        _report_outcome(execution, status, at, attempt)
    elif kind == "step":
        step_id, second, status, attempt, cost = values
        step, at = facts.step(run, step_id), NOON + timedelta(seconds=second)
        step.created(at)
        step.set_known({"step_name": step_id.title(), "cost": cost, "tokens_used": second}, at=at)
        _report_outcome(step, status, at, attempt)
    elif kind == "line":
        step_id, second = values
        at = NOON + timedelta(seconds=second)
        facts.log(run, f"{step_id}-{second}", at=at, message=f"{step_id} at {second}", step_id=step_id)
    elif kind == "payload":
        second, payload = values
        at = NOON + timedelta(seconds=second)
        facts.execution(run).set("payload", {"input_parameters": payload, "session_id": None}, at=at)
        facts.execution(run).created(at)
    elif kind == "child":
        second, parent = values
        facts.execution(run).parent_run(parent, at=NOON + timedelta(seconds=second))
        facts.execution(run).created(NOON)
    else:
        (parent,) = values
        facts.execution(run).created(NOON)
        facts.run(parent, run)


def _report_outcome(document: Any, stored_status: str, at: datetime, attempt: int) -> None:
    status = ExecutionStatus(stored_status)
    if status is not ExecutionStatus.PENDING:
        document.started(at, attempt=attempt)
    error = {"message": f"failed at {at}"} if status is ExecutionStatus.FAILED else None
    ended = at + timedelta(milliseconds=1_500) if status.is_terminal else None
    document.outcome(status, at=at, attempt=attempt, completed_at=ended, error=error)


async def stored_documents(database: Database) -> dict[str, list[dict[str, Any]]]:
    """All documents that were reported, without what may differ: stamps, versions and times of updates."""
    found: dict[str, list[dict[str, Any]]] = {}
    for document in (Execution, Step, LogEntry):
        rows = await database.collection(document).find().sort("_id").to_list()
        found[document.__name__] = [
            {name: value for name, value in sorted(row.items()) if name not in _STAMPS_AND_COUNTERS} for row in rows
        ]
    return found

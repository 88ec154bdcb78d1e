"""What Airflow says beyond OpenLineage: the tasks of a DAG before they run, their states at its end, and clearings."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import sha1
from uuid import UUID

from execution_monitor.ingest.openlineage.events import DagRun, DeclaredTask, RunEvent, Task
from execution_monitor.ingest.openlineage.identity import job_facets_of, run_facets_of
from execution_monitor.ingest.writer.facts import HEARSAY, OWN_WORD, DocumentFacts, Facts
from execution_monitor.storage.documents import ExecutionStatus

# Where a task stands in a list of Python.
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
# The states of a task that is over, and what of it is not known otherwise.
_STATES = {
    "success": (ExecutionStatus.COMPLETED, None),
    "failed": (ExecutionStatus.FAILED, None),
    "skipped": (ExecutionStatus.CANCELLED, "skipped"),
    "upstream_failed": (ExecutionStatus.CANCELLED, "a task before it failed"),
    "removed": (ExecutionStatus.CANCELLED, "removed from the DAG"),
}
# The DAG knows which tasks send events; a task does not know it of those before it.
_DAGS_WORD = OWN_WORD + 1
# The place of the further instances of a mapped task, of which the DAG does not know: behind all that it declares.
_BEHIND_DECLARED = 10_000
_MAX_INDEX = 2**31 - 1
# Of a task itself, which knows its attempts: what its DAG says of it is older than any attempt.
_NO_ATTEMPT = 0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Of 160 bits, 76 are kept.
_DIGEST_SHIFT = 84
# RFC 9562, section 5.7.
_VERSION_AND_VARIANT = 0xF << 76 | 0x3 << 62
_VERSION_7 = 7 << 76 | 2 << 62


def report_dag_run(event: RunEvent, execution: DocumentFacts) -> None:
    """Report what the event of a DAG says of its run."""
    facet, at = run_facets_of(event).airflow_dag_run, event.event_time
    if facet is None or facet.dag_run is None:
        return
    dag_run = facet.dag_run
    execution.set_known(
        {
            "execution_name": dag_run.run_id,
            "triggered_by": dag_run.triggered_by or dag_run.run_type,
            "input_parameters": dag_run.conf or None,
        },
        at=at,
    )
    before = _run_before_clearing(event, dag_run)
    if before is not None:
        execution.retry_of_run(before, at=at)


def declare_tasks(event: RunEvent, facts: Facts) -> None:
    """Report all tasks that the start of a DAG names, pending and in their order, so that progress has its total.

    Tasks without events of their own are left out: they would stay pending for ever.
    """
    declared = job_facets_of(event).airflow
    if declared is None:
        return
    tasks, dag, at = declared.tasks, event.job.name, event.event_time
    upstream = _upstream_in(tasks)
    for index, name in enumerate(_in_order(upstream)):
        task = tasks[name]
        if not task.emits_ol_events:
            continue
        step = facts.step(event.run.run_id, f"{dag}.{name}")
        step.created(at)
        step.outcome(ExecutionStatus.PENDING, at=at, attempt=_NO_ATTEMPT)
        depends_on = [f"{dag}.{each}" for each in _emitting(upstream[name], upstream, tasks)]
        step.set("depends_on", {"depends_on": depends_on}, at=at, rank=_DAGS_WORD)
        step.set("step_index", {"step_index": index}, at=at)
        operator = (task.operator or "").rpartition(".")[2].lstrip("_")
        step.set_known({"step_name": name, "step_type": operator or None}, at=at, rank=HEARSAY)


def report_states(event: RunEvent, facts: Facts) -> None:
    """Report the states of tasks that the end of a DAG names: the only word of those that were skipped."""
    states = run_facets_of(event).airflow_state
    if states is None:
        return
    at = event.event_time
    for name, state in states.tasks_state.items():
        known = _STATES.get(state or "")
        if known is None:
            continue
        step = facts.step(event.run.run_id, f"{event.job.name}.{name}")
        step.created(at)
        step.set_known({"step_name": name, "step_index": _BEHIND_DECLARED}, at=at, rank=HEARSAY)
        status, detail = known
        step.outcome(status, at=at, attempt=_NO_ATTEMPT, detail=detail)


def upstream_of(job_name: str, task: Task) -> list[str] | None:
    """The steps that `task` waits for; None where it does not say."""
    if task.task_id is None or task.upstream_task_ids is None:
        return None
    dag = job_name.removesuffix(task.task_id)
    return sorted(f"{dag}{one or other}" for one, other in _QUOTED.findall(task.upstream_task_ids))


def index_of_instance(map_index: int | None) -> int | None:
    """The place of an instance of a mapped task among all steps; None where its DAG declares it."""
    return None if map_index is None or map_index <= 0 else min(_BEHIND_DECLARED + map_index, _MAX_INDEX)


def _upstream_in(tasks: Mapping[str, DeclaredTask]) -> dict[str, list[str]]:
    upstream: dict[str, list[str]] = {name: [] for name in sorted(tasks)}
    for name in upstream:
        for each in tasks[name].downstream_task_ids or ():
            if each in upstream:
                upstream[each].append(name)
    return upstream


def _in_order(upstream: Mapping[str, list[str]]) -> Iterable[str]:
    """The tasks, each behind those that it waits for; in a circle, which no DAG has, in any order."""
    waits = {name: set(before) for name, before in upstream.items()}
    after: dict[str, list[str]] = {name: [] for name in upstream}
    for name, before in upstream.items():
        for each in before:
            after[each].append(name)
    ready = [name for name, before in waits.items() if not before]
    for name in ready:
        for each in after[name]:
            waits[each].discard(name)
            if not waits[each]:
                ready.append(each)
    return dict.fromkeys([*ready, *upstream])


def _emitting(names: Iterable[str], upstream: Mapping[str, list[str]], tasks: Mapping[str, DeclaredTask]) -> list[str]:
    """`names` with those that send no events replaced by what these wait for."""
    found: set[str] = set()
    seen: set[str] = set()
    pending = list(names)
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        if tasks[name].emits_ol_events:
            found.add(name)
        else:
            pending.extend(upstream[name])
    return sorted(found)


def _run_before_clearing(event: RunEvent, dag_run: DagRun) -> str | None:
    """The id of the run that was cleared, for the run that clearing it began; Airflow sends no id of it.

    Ids are computed from the DAG, a time and how often it was cleared: the one before is known where the one of this
    run comes out as it was sent.
    """
    if not dag_run.clear_number or dag_run.clear_number < 0 or dag_run.dag_id is None:
        return None
    for time in map(_utc, (dag_run.logical_date, dag_run.run_after)):
        if time is None or time < _EPOCH:
            continue
        name = f"{event.job.namespace}.{dag_run.dag_id}"
        if _run_id(time, f"{name}.{dag_run.clear_number}") == event.run.run_id:
            return _run_id(time, f"{name}.{dag_run.clear_number - 1}")
    return None


def _run_id(time: datetime, name: str) -> str:
    """The id that the OpenLineage client makes of a time and a name: a UUID of version 7 with a digest."""
    digest = sha1(time.isoformat().encode() + name.encode()).digest()  # noqa: S324 - as the client does
    number = int(time.timestamp() * 1_000) << 80 | int.from_bytes(digest, "big") >> _DIGEST_SHIFT
    return str(UUID(int=number & ~_VERSION_AND_VARIANT | _VERSION_7))


def _utc(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None

"""What an event of OpenLineage reports, as facts of its execution, its step and its failed attempts.

All of it follows from the event alone, and times are as the sender's clock has them: were one replaced by the time of
arrival, the same event sent again would report something else.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from execution_monitor.ingest.openlineage.airflow import (
    declare_tasks,
    index_of_instance,
    report_dag_run,
    report_states,
    upstream_of,
)
from execution_monitor.ingest.openlineage.events import Dataset, ErrorMessage, RunEvent, Tags
from execution_monitor.ingest.openlineage.identity import Identity, identify, job_facets_of, run_facets_of
from execution_monitor.ingest.step_positions import position_of_start
from execution_monitor.ingest.writer.facts import HEARSAY, DocumentFacts, Facts
from execution_monitor.storage.documents import ExecutionStatus, LogLevel

_STATUSES = {
    "START": ExecutionStatus.RUNNING,
    "RUNNING": ExecutionStatus.RUNNING,
    "COMPLETE": ExecutionStatus.COMPLETED,
    "FAIL": ExecutionStatus.FAILED,
    "ABORT": ExecutionStatus.CANCELLED,
}
# A child's word of its parent is older than any attempt.
_NO_ATTEMPT = 0
# What every client says of itself.
_CLIENT = "OPENLINEAGE_CLIENT"
_MAX_TAGS = 64
_MAX_DATASETS = 100
# The last line of a traceback of Python: the class of the exception, and its message.
_EXCEPTION = re.compile(r"([A-Za-z_][\w.]*)(?::|$)", re.ASCII)


def map_event(event: RunEvent, facts: Facts, *, keeps_statements: bool = False) -> str | None:
    """Add what `event` reports to `facts`; returns the id of its execution, or None for an event that is passed over.

    With `keeps_statements` the SQL statements of a step are steps, too; else they are passed over.

    Raises:
        BadUserInput: an id cannot be stored; nothing of the event is added.
    """
    identity = identify(event)
    if identity.is_statement and not keeps_statements:
        return None
    # Joined at the end, so that what is wrong with an event leaves nothing of it.
    own = Facts(facts.clean)
    own.run(event.run.run_id, identity.execution_id)
    execution = own.execution(identity.execution_id)
    execution.created(event.event_time)
    if identity.step_id is None:
        _map_execution(event, identity, execution, own)
    else:
        _map_hearsay(event, identity, execution)
        _map_step(event, identity, own.step(identity.execution_id, identity.step_id))
        _log_failure(event, identity, identity.step_id, own)
    facts.join(own)
    return identity.execution_id


def _map_execution(event: RunEvent, identity: Identity, execution: DocumentFacts, facts: Facts) -> None:
    at, job, run = event.event_time, event.job, run_facets_of(event)
    execution.set_known(
        {"workflow_name": job.name, "workflow_template_id": f"{job.namespace}/{job.name}"},
        at=at,
    )
    tags = [*_tags_in(job_facets_of(event).tags), *_tags_in(run.tags), *_origin_tags(job.namespace, identity)]
    execution.set("tags", {"tags": tags[:_MAX_TAGS]}, at=at)
    if identity.parent_run_id is not None:
        execution.parent_run(identity.parent_run_id, at=at)
    _map_outcome(event, identity, execution)
    report_dag_run(event, execution)
    declare_tasks(event, facts)
    report_states(event, facts)


def _map_hearsay(event: RunEvent, identity: Identity, execution: DocumentFacts) -> None:
    """What a step's event says of its execution, which counts until the execution's own events say it."""
    at, parent = event.event_time, run_facets_of(event).parent
    execution.outcome(ExecutionStatus.RUNNING, at=at, attempt=_NO_ATTEMPT)
    job = parent.job if parent is not None else None
    namespace, name = (job.namespace, job.name) if job is not None else (None, None)
    if identity.is_statement:
        # Its parent is a model.
        name = None
    # Less than hearsay, where it has no name: an execution must have one.
    fallback = identity.engine or event.job.namespace
    execution.set("workflow_name", {"workflow_name": name or fallback}, at=at, rank=HEARSAY if name else 0)
    if name and namespace:
        execution.set_known({"workflow_template_id": f"{namespace}/{name}"}, at=at, rank=HEARSAY)
    tags = _origin_tags(namespace or event.job.namespace, identity)
    execution.set("tags", {"tags": tags}, at=at, rank=HEARSAY)


def _map_step(event: RunEvent, identity: Identity, step: DocumentFacts) -> None:
    at = event.event_time
    step.created(at)
    # The order of an engine that numbers its steps goes before that of their starts.
    step.set("step_index", {"step_index": position_of_start(at)}, at=at, rank=HEARSAY, earliest=True)
    step.set_known(
        {
            "step_name": _step_name(event),
            "step_type": _step_type(event),
            "step_index": index_of_instance(_map_index(event)),
            "depends_on": _depends_on(event, identity),
            "input_data": _names_of(event.inputs),
            "result": _names_of(event.outputs),
        },
        at=at,
    )
    _map_outcome(event, identity, step)


def _map_outcome(event: RunEvent, identity: Identity, document: DocumentFacts) -> None:
    at, event_type = event.event_time, (event.event_type or "").upper()
    status = _STATUSES.get(event_type)
    if status is None:
        return
    if event_type == "START":
        document.started(at, attempt=identity.attempt)
    if event_type == "RUNNING" and identity.step_id is None:
        document.alive(at)
    document.outcome(
        status,
        at=at,
        attempt=identity.attempt,
        completed_at=at if status.is_terminal else None,
        error=_error_of(event) if status is ExecutionStatus.FAILED else None,
        detail=_detail_of(identity) if status is ExecutionStatus.CANCELLED else None,
    )


def _detail_of(identity: Identity) -> str:
    return "skipped" if identity.engine == "dbt" and identity.step_id is not None else "aborted"


def _error_of(event: RunEvent) -> dict[str, Any] | None:
    message = run_facets_of(event).error_message
    if message is None:
        failed = _failed_assertions(event.inputs or ())
        return {"message": failed} if failed else None
    error = {"message": message.message, "type": _type_of(message), "stack_trace": message.stack_trace}
    return {name: value for name, value in error.items() if value}


def _type_of(error: ErrorMessage) -> str | None:
    """The class of the exception, if the last line of the stack trace names it beside the message."""
    lines = (error.stack_trace or "").rstrip().rsplit("\n", 1)
    found = _EXCEPTION.match(lines[-1])
    is_named = found is not None and error.message.partition("\n")[0] in lines[-1]
    return found[1] if is_named and found is not None else None


def _failed_assertions(inputs: Iterable[Dataset | None]) -> str:
    """The tests of data that failed, of which `dbt-ol` sends the results without a message."""
    failed = [
        assertion
        for dataset in inputs
        if dataset is not None
        for assertion in dataset.assertions or ()
        if assertion is not None and not assertion.success
    ]
    return "; ".join(
        f"{each.name or each.assertion}: {each.actual} where {each.expected} is expected"
        if each.actual is not None and each.expected is not None
        else f"{each.name or each.assertion} failed"
        for each in failed
    )


def _log_failure(event: RunEvent, identity: Identity, step_id: str, facts: Facts) -> None:
    """A line for each failed attempt, whose error the next attempt replaces."""
    error = _error_of(event) if (event.event_type or "").upper() == "FAIL" else None
    if error is None:
        return
    facts.log(
        identity.execution_id,
        f"{event.run.run_id}:failed",
        at=event.event_time,
        level=LogLevel.ERROR,
        message=f"Attempt {identity.attempt} of {_step_name(event)} failed: {error['message']}",
        step_id=step_id,
        attributes={"attempt": identity.attempt, **{name: each for name, each in error.items() if name != "message"}},
    )


def _step_name(event: RunEvent) -> str:
    """The name of the step in its workflow."""
    run, node = run_facets_of(event), job_facets_of(event).dbt_node
    if node is not None and node.alias:
        return node.alias
    parent = run.parent.job.name if run.parent and run.parent.job else None
    name = event.job.name.removeprefix(f"{parent}.") or event.job.name
    map_index = _map_index(event)
    return name if map_index is None or map_index < 0 else f"{name}[{map_index}]"


def _map_index(event: RunEvent) -> int | None:
    airflow = run_facets_of(event).airflow
    return airflow.task_instance.map_index if airflow is not None and airflow.task_instance is not None else None


def _step_type(event: RunEvent) -> str | None:
    """The class of an Airflow operator, else the type of the job."""
    run, job_type = run_facets_of(event), job_facets_of(event).job_type
    task = run.airflow.task if run.airflow else None
    if task is not None and task.operator_class:
        return task.operator_class.lstrip("_")
    return job_type.job_type.lower() if job_type and job_type.job_type else None


def _depends_on(event: RunEvent, identity: Identity) -> list[str] | None:
    run = run_facets_of(event)
    if identity.is_statement and run.parent and run.parent.job and run.parent.job.name:
        return [run.parent.job.name]
    if run.airflow is not None and run.airflow.task is not None:
        return upstream_of(event.job.name, run.airflow.task)
    return None


def _tags_in(facet: Tags | None) -> list[dict[str, str]]:
    tags = facet.tags if facet is not None else ()
    return [{"key": each.key, "value": each.value or ""} for each in tags if each and each.source != _CLIENT]


def _origin_tags(namespace: str, identity: Identity) -> list[dict[str, str]]:
    engine = [{"key": "engine", "value": identity.engine}] if identity.engine else []
    return [{"key": "namespace", "value": namespace}, *engine]


def _names_of(datasets: Sequence[Dataset | None] | None) -> list[str] | None:
    """The names of datasets; None without any, so that an event which does not know them yet keeps those known."""
    names = [f"{each.namespace}/{each.name}" for each in datasets or () if each is not None]
    return names[:_MAX_DATASETS] or None

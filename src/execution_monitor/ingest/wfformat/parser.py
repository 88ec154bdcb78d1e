"""Parses WfFormat files: the one function that the table of formats needs, `parse`."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.core.recorded_run import RecordedRun, Span, identity_digest, sort_by_dependencies
from execution_monitor.ingest.wfformat.fields import Measurements
from execution_monitor.ingest.wfformat.model import ExecutedTask, Instance, SpecifiedTask, parse_instance
from execution_monitor.storage.rows import BsonDocument

# Engines append this to distinguish runs of one workflow: Pegasus a time stamp and the index 0, WfBench the seconds
# since 1970, some the suffix of the file. Other numbers belong to the name: chain-5.
_RUN_SUFFIX = re.compile(r"(-\d{8}T\d{6}Z)?(-0|-\d{10})?(\.json)?\Z")
_NO_SLUG = re.compile(r"[^a-z0-9]+")
_SLUG_LENGTH = 60
_METRICS = tuple(name for name in Measurements.model_fields if name not in {"executed_at", "command", "machines"})


def parse(content: bytes) -> RecordedRun:
    """Return the run that a WfFormat file records; raises `BadUserInput` that names the field in question."""
    instance = parse_instance(content)
    try:
        return _to_run(instance)
    except OverflowError as error:
        raise BadUserInput("workflow.execution: it ends after the year 9999") from error


def _to_run(instance: Instance) -> RecordedRun:
    spans, started_at = spans_of(instance), instance.workflow.execution.executed_at
    seconds = instance.workflow.execution.makespan_in_seconds
    executed = {task.id: task for task in instance.workflow.execution.tasks}
    sizes = {file.id: file.size_in_bytes for file in instance.workflow.specification.files}
    steps = [
        _to_step(task, executed[task.id], sizes)
        | {
            "started_at": started_at + _seconds(spans[task.id].start),
            "completed_at": started_at + _seconds(spans[task.id].end),
            "duration": executed[task.id].runtime_in_seconds,
        }
        for task in instance.workflow.specification.tasks
    ]
    completed_at = started_at + _seconds(seconds)
    execution = _to_execution(instance)
    return RecordedRun(_execution_id_of(instance), started_at, completed_at, seconds, execution, steps, spans)


def spans_of(instance: Instance) -> dict[str, Span]:
    """Return when each task ran, parents before children.

    Most engines do not record it: then a task starts as soon as all of its parents have ended.
    """
    executed = {task.id: task for task in instance.workflow.execution.tasks}
    parents = {task.id: task.parents for task in instance.workflow.specification.tasks}
    spans: dict[str, Span] = {}
    for task_id in sort_by_dependencies(parents):
        task = executed[task_id]
        start = max((spans[parent].end for parent in parents[task_id]), default=0.0)
        if task.executed_at is not None:
            start = max(0.0, (task.executed_at - instance.workflow.execution.executed_at).total_seconds())
        spans[task_id] = Span(start, start + task.runtime_in_seconds)
    return spans


def _to_execution(instance: Instance) -> BsonDocument:
    workflow_name = _RUN_SUFFIX.sub("", instance.name) or instance.name
    engine = instance.runtime_system
    tags = {
        "schema_version": instance.schema_version,
        "runtime_system": engine.name if engine else None,
        "runtime_version": engine.version if engine else None,
    }
    return {
        "execution_name": instance.workflow.run_name or instance.name,
        "workflow_name": workflow_name,
        "workflow_template_id": instance.workflow.repo or _slug(workflow_name),
        "triggered_by": instance.author.name if instance.author else "load",
        "tags": [{"key": key, "value": value} for key, value in tags.items() if value],
        "attempt": 1,
        "total_cost": 0.0,
        "tokens_used": 0,
        "input_parameters": _without_none({"description": instance.description, "repo": instance.workflow.repo}),
        "performance_data": _to_performance(instance),
        "version": 1,
    }


def _to_performance(instance: Instance) -> BsonDocument:
    """What the whole run used; a total is left out when no task has its value."""
    tasks = instance.workflow.execution.tasks

    def total(metric: str) -> Any:
        known = [value for task in tasks if (value := getattr(task, metric)) is not None]
        return sum(known) if known else None

    return _without_none(
        {
            "makespan_seconds": instance.workflow.execution.makespan_in_seconds,
            "task_seconds": total("runtime_in_seconds"),
            # A task without a number of cores counts as one core.
            "core_seconds": sum(task.runtime_in_seconds * (task.core_count or 1) for task in tasks),
            "read_bytes": total("read_bytes"),
            "written_bytes": total("written_bytes"),
            "energy_in_kwh": total("energy_in_kwh"),
            "machines": [machine.model_dump(exclude_none=True) for machine in instance.workflow.execution.machines]
            or None,
        }
    )


def _to_step(task: SpecifiedTask, executed: ExecutedTask, sizes: Mapping[str, int]) -> BsonDocument:
    def files(ids: list[str]) -> list[BsonDocument]:
        return [_without_none({"name": each, "bytes": sizes.get(each)}) for each in ids]

    command = executed.command
    return {
        "step_id": task.id,
        "step_name": task.name,
        "step_type": task.type or "task",
        "attempt": 1,
        "depends_on": list(dict.fromkeys(task.parents)),
        "input_data": _without_none(
            {
                "program": command.program if command else None,
                "arguments": command.arguments if command else None,
                "files": files(task.input_files),
            }
        ),
        "result": _without_none(
            {
                "files": files(task.output_files),
                "machines": executed.machines or None,
                **{metric: getattr(executed, metric) for metric in _METRICS},
            }
        ),
        "version": 1,
    }


def _execution_id_of(instance: Instance) -> str:
    identity = (instance.name, instance.workflow.run_name, instance.workflow.execution.executed_at, instance.created_at)
    return f"{_slug(instance.workflow.run_name or instance.name)}-{identity_digest(*identity).hex()[:10]}"


def _slug(name: str) -> str:
    return _NO_SLUG.sub("-", name.lower())[:_SLUG_LENGTH].strip("-") or "run"


def _seconds(seconds: float) -> timedelta:
    return timedelta(milliseconds=round(seconds * 1000))


def _without_none(values: BsonDocument) -> BsonDocument:
    return {key: value for key, value in values.items() if value is not None}

"""Recorded runs as the documents they are stored as."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.wfformat.fields import Measured
from execution_monitor.ingest.wfformat.model import ExecutedTask, RecordedRun, SpecifiedTask
from execution_monitor.ingest.wfformat.schedule import Span, spans_of
from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.documents import ExecutionStatus

Stored = dict[str, Any]

# What engines append to tell runs of one workflow apart: Pegasus a stamp and the index 0, WfBench the seconds since
# 1970, some the file's own ending. Other numbers belong to the name: chain-5.
_RUN_SUFFIX = re.compile(r"(-\d{8}T\d{6}Z)?(-0|-\d{10})?(\.json)?\Z")
_NO_SLUG = re.compile(r"[^a-z0-9]+")
_SLUG_LENGTH = 60
# An ObjectId has 12 bytes.
_DIGEST_BYTES = 12
_METRICS = tuple(name for name in Measured.model_fields if name not in {"executed_at", "command", "machines"})


@dataclass(frozen=True, slots=True)
class Recorded:
    """One run as an execution and its steps, both complete; `spans` are by step_id, parents before children."""

    execution: Stored
    steps: list[Stored]
    spans: dict[str, Span]


def to_documents(run: RecordedRun, *, tenant: str, user: str) -> Recorded:
    """The documents of `run` as it ended; the same run always has the same ids, whatever else of it changes.

    Raises `BadUserInput` for a run that ends after the last year there is.
    """
    try:
        return _to_documents(run, tenant, user)
    except OverflowError as error:
        raise BadUserInput("workflow.execution: it ends after the year 9999") from error


def _to_documents(run: RecordedRun, tenant: str, user: str) -> Recorded:
    spans, began = spans_of(run), run.workflow.execution.executed_at
    execution_id = _execution_id_of(run)
    ended = began + _seconds(run.workflow.execution.makespan_in_seconds)
    executed = {task.id: task for task in run.workflow.execution.tasks}
    sizes = {file.id: file.size_in_bytes for file in run.workflow.specification.files}
    steps = [
        _to_step(task, executed[task.id], sizes)
        | {
            "_id": _object_id(tenant, execution_id, task.id),
            "execution_id": execution_id,
            "tenant_id": tenant,
            "step_index": index,
            "status": ExecutionStatus.COMPLETED.value,
            "created": began,
            "started_at": began + _seconds(spans[task.id].start),
            "completed_at": began + _seconds(spans[task.id].end),
            "duration": executed[task.id].runtime_in_seconds,
        }
        for index, task in enumerate(run.workflow.specification.tasks)
    ]
    execution = _to_execution(run) | {
        "_id": _object_id(tenant, execution_id),
        "execution_id": execution_id,
        "tenant_id": tenant,
        "user_id": user,
        "status": ExecutionStatus.COMPLETED.value,
        "created": began,
        "updated": ended,
        "started_at": began,
        "completed_at": ended,
        "total_duration": run.workflow.execution.makespan_in_seconds,
        "progress": {"current_step": len(steps), "total_steps": len(steps), "percentage": 100.0},
        "steps_completed": len(steps),
        "steps_failed": 0,
    }
    return Recorded(execution, steps, spans)


def _to_execution(run: RecordedRun) -> Stored:
    workflow_name = _RUN_SUFFIX.sub("", run.name) or run.name
    engine = run.runtime_system
    tags = {
        "schema_version": run.schema_version,
        "runtime_system": engine.name if engine else None,
        "runtime_version": engine.version if engine else None,
    }
    return {
        "execution_name": run.workflow.run_name or run.name,
        "workflow_name": workflow_name,
        "workflow_template_id": run.workflow.repo or _slug(workflow_name),
        "triggered_by": run.author.name if run.author else "load",
        "tags": [{"key": key, "value": value} for key, value in tags.items() if value],
        "attempt": 1,
        "total_cost": 0.0,
        "tokens_used": 0,
        "input_parameters": _told({"description": run.description, "repo": run.workflow.repo}),
        "performance_data": _to_performance(run),
        "version": 1,
    }


def _to_performance(run: RecordedRun) -> Stored:
    """What the whole run took; a total over tasks is left out when none of them tells."""
    tasks = run.workflow.execution.tasks

    def total(metric: str) -> Any:
        told = [value for task in tasks if (value := getattr(task, metric)) is not None]
        return sum(told) if told else None

    return _told(
        {
            "makespan_seconds": run.workflow.execution.makespan_in_seconds,
            "task_seconds": total("runtime_in_seconds"),
            # A task that does not tell its cores is counted with one.
            "core_seconds": sum(task.runtime_in_seconds * (task.core_count or 1) for task in tasks),
            "read_bytes": total("read_bytes"),
            "written_bytes": total("written_bytes"),
            "energy_in_kwh": total("energy_in_kwh"),
            "machines": [machine.model_dump(exclude_none=True) for machine in run.workflow.execution.machines] or None,
        }
    )


def _to_step(task: SpecifiedTask, executed: ExecutedTask, sizes: Mapping[str, int]) -> Stored:
    def files(ids: list[str]) -> list[Stored]:
        return [_told({"name": each, "bytes": sizes.get(each)}) for each in ids]

    command = executed.command
    return {
        "step_id": task.id,
        "step_name": task.name,
        "step_type": task.type or "task",
        "attempt": 1,
        "depends_on": list(dict.fromkeys(task.parents)),
        "input_data": _told(
            {
                "program": command.program if command else None,
                "arguments": command.arguments if command else None,
                "files": files(task.input_files),
            }
        ),
        "result": _told(
            {
                "files": files(task.output_files),
                "machines": executed.machines or None,
                **{metric: getattr(executed, metric) for metric in _METRICS},
            }
        ),
        "version": 1,
    }


def _execution_id_of(run: RecordedRun) -> str:
    identity = (run.name, run.workflow.run_name, run.workflow.execution.executed_at, run.created_at)
    return f"{_slug(run.workflow.run_name or run.name)}-{digest_of(*identity, size=_DIGEST_BYTES).hex()[:10]}"


def _object_id(*identity: object) -> ObjectId:
    return ObjectId(digest_of(*identity, size=_DIGEST_BYTES))


def _slug(name: str) -> str:
    return _NO_SLUG.sub("-", name.lower())[:_SLUG_LENGTH].strip("-") or "run"


def _seconds(seconds: float) -> timedelta:
    return timedelta(milliseconds=round(seconds * 1000))


def _told(values: Stored) -> Stored:
    return {key: value for key, value in values.items() if value is not None}

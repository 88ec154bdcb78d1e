"""Recorded runs as the documents they are stored as."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bson import ObjectId

from execution_monitor.ingest.wfformat import ExecutedTask, RecordedRun, SpecifiedTask, in_order
from execution_monitor.storage.documents import ExecutionStatus

Stored = dict[str, Any]

# The part of a name that tells runs of one workflow apart: stamps, counters, the file's own ending.
_RUN_SUFFIX = re.compile(r"(-\d{8}T\d{6}Z)?(-\d+)?(\.json)?$")
_NO_SLUG = re.compile(r"[^a-z0-9]+")
_DIGEST_BYTES = 12


@dataclass(frozen=True, slots=True)
class Span:
    """When a task ran, in seconds from the start of the run."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """One run as an execution and its steps, both complete."""

    execution: Stored
    steps: list[Stored]


def spans_of(run: RecordedRun) -> dict[str, Span]:
    """When each task ran: as recorded, else as soon as all it waits for had ended."""
    executed = {task.id: task for task in run.workflow.execution.tasks}
    parents = {task.id: task.parents for task in run.workflow.specification.tasks}
    spans: dict[str, Span] = {}
    for task_id in in_order(parents):
        task = executed[task_id]
        earliest = max((spans[parent].end for parent in parents[task_id]), default=0.0)
        start = earliest
        if task.executed_at is not None:
            start = max(0.0, (task.executed_at - run.workflow.execution.executed_at).total_seconds())
        spans[task_id] = Span(start, start + task.runtime_in_seconds)
    return spans


def to_documents(run: RecordedRun, *, tenant: str, user: str) -> Recorded:
    """The documents of `run` as it ended; the same run always has the same ids."""
    spans, began = spans_of(run), run.workflow.execution.executed_at
    execution_id = _execution_id_of(run)
    ended = began + _seconds(run.workflow.execution.makespan_in_seconds)
    measured = {task.id: task for task in run.workflow.execution.tasks}
    sizes = {file.id: file.size_in_bytes for file in run.workflow.specification.files}
    steps = [
        _to_step(task, measured[task.id], sizes)
        | {
            "_id": _object_id(tenant, execution_id, task.id),
            "execution_id": execution_id,
            "tenant_id": tenant,
            "step_index": index,
            "status": ExecutionStatus.COMPLETED.value,
            "created": began,
            "started_at": began + _seconds(spans[task.id].start),
            "completed_at": began + _seconds(spans[task.id].end),
            "duration": measured[task.id].runtime_in_seconds,
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
    return Recorded(execution, steps)


def _to_execution(run: RecordedRun) -> Stored:
    tasks = run.workflow.execution.tasks
    workflow_name = _RUN_SUFFIX.sub("", run.name) or run.name
    tags = {"schema_version": run.schema_version}
    if run.runtime_system is not None:
        tags |= {"runtime_system": run.runtime_system.name, "runtime_version": run.runtime_system.version or ""}
    return _without_nothing(
        {
            "execution_name": run.workflow.run_name or run.name,
            "workflow_name": workflow_name,
            "workflow_template_id": run.workflow.repo or _slug(workflow_name),
            "triggered_by": run.author.name if run.author else None,
            "tags": [{"key": key, "value": value} for key, value in tags.items()],
            "attempt": 1,
            "total_cost": 0.0,
            "tokens_used": 0,
            "input_parameters": _without_nothing({"description": run.description, "repo": run.workflow.repo}),
            "performance_data": {
                "machines": run.workflow.execution.machines,
                "task_seconds": sum(task.runtime_in_seconds for task in tasks),
                "read_bytes": sum(task.read_bytes or 0 for task in tasks),
                "written_bytes": sum(task.written_bytes or 0 for task in tasks),
            },
            "version": 1,
        }
    )


def _to_step(task: SpecifiedTask, measured: ExecutedTask, sizes: Mapping[str, int]) -> Stored:
    def files(ids: list[str]) -> list[Stored]:
        return [_without_nothing({"name": each, "bytes": sizes.get(each)}) for each in ids]

    return {
        "step_id": task.id,
        "step_name": task.name,
        "step_type": "task",
        "attempt": 1,
        "depends_on": list(dict.fromkeys(task.parents)),
        "input_data": _without_nothing(
            {
                "program": measured.command.program if measured.command else None,
                "arguments": measured.command.arguments if measured.command else None,
                "files": files(task.input_files),
            }
        ),
        "result": _without_nothing(
            {
                "files": files(task.output_files),
                "machines": measured.machines or None,
                **measured.model_dump(exclude={"id", "runtime_in_seconds", "executed_at", "command", "machines"}),
            }
        ),
        "version": 1,
    }


def _execution_id_of(run: RecordedRun) -> str:
    identity = (run.name, run.workflow.run_name, run.workflow.execution.executed_at, run.created_at)
    return f"{_slug(run.workflow.run_name or run.name)}-{_digest(*identity).hex()[:10]}"


def _object_id(*identity: object) -> ObjectId:
    return ObjectId(_digest(*identity))


def _digest(*identity: object) -> bytes:
    return hashlib.blake2b(repr(identity).encode(), digest_size=_DIGEST_BYTES).digest()


def _slug(name: str) -> str:
    return _NO_SLUG.sub("-", name.lower()).strip("-")[:60] or "run"


def _seconds(seconds: float) -> timedelta:
    return timedelta(milliseconds=round(seconds * 1000))


def _without_nothing(values: Stored) -> Stored:
    return {key: value for key, value in values.items() if value is not None}

"""Recorded runs: what the parser of every format returns, and the documents that a run is stored as."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId

from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.rows import BsonDocument

# An ObjectId has 12 bytes.
_DIGEST_BYTES = 12


@dataclass(frozen=True, slots=True)
class Span:
    """When a task ran, in seconds from the start of the run."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """One completed run, as the parser of its format returns it. Dates are in UTC and whole milliseconds.

    Attributes:
        execution_id: Identifies the run: the same for the same run, whatever else of it changes.
        started_at: When the run began.
        completed_at: When it ended.
        seconds: How long it took.
        execution: The fields of the execution that its format knows, by their stored names; `performance_data` among
            them.
        steps: The same for each step, of which there is at least one; `step_id`, `step_name`, `depends_on`,
            `started_at`, `completed_at`, `duration` and `result` among them.
        spans: When each task ran, by `step_id`, parents before children.
    """

    execution_id: str
    started_at: datetime
    completed_at: datetime
    seconds: float
    execution: BsonDocument
    steps: Sequence[BsonDocument]
    spans: Mapping[str, Span]


@dataclass(frozen=True, slots=True)
class RunDocuments:
    """A run as an execution and its steps, both complete; `spans` are by `step_id`, parents before children."""

    execution: BsonDocument
    steps: list[BsonDocument]
    spans: Mapping[str, Span]


def to_documents(run: RecordedRun, *, tenant: str, user: str) -> RunDocuments:
    """Make the documents of `run`, owned by `user` of `tenant`; the same run always has the same ids."""
    ids = {"execution_id": run.execution_id, "tenant_id": tenant}
    completed = {"status": ExecutionStatus.COMPLETED.value, "created": run.started_at}
    steps = [
        step | ids | completed | {"_id": _object_id(tenant, run.execution_id, step["step_id"]), "step_index": index}
        for index, step in enumerate(run.steps)
    ]
    execution = (
        run.execution
        | ids
        | completed
        | {
            "_id": _object_id(tenant, run.execution_id),
            "user_id": user,
            "updated": run.completed_at,
            "started_at": run.started_at,
            "completed_at": run.completed_at,
            "total_duration": run.seconds,
            "progress": {"current_step": len(steps), "total_steps": len(steps), "percentage": 100.0},
            "steps_completed": len(steps),
            "steps_failed": 0,
        }
    )
    return RunDocuments(execution, steps, run.spans)


def _object_id(*identity: object) -> ObjectId:
    return ObjectId(identity_digest(*identity))


def identity_digest(*identity: object) -> bytes:
    """Return 12 bytes that are always the same for the same `identity`; stored ids are made of them."""
    return digest_of(*identity, size=_DIGEST_BYTES)


def sort_by_dependencies(parents: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the tasks, each after all of its parents.

    Raises:
        ValueError: A parent is not a task, or a task waits for itself.
    """
    missing_parents = {task: len(set(of_task)) for task, of_task in parents.items()}
    children: dict[str, list[str]] = {task: [] for task in parents}
    for task, of_task in parents.items():
        for parent in set(of_task):
            if parent not in children:
                raise ValueError(f"the parents of the task {task!r:.80} name {parent!r:.80}, which is no task")
            children[parent].append(task)
    ready = [task for task, missing in missing_parents.items() if missing == 0]
    for task in ready:
        for child in children[task]:
            missing_parents[child] -= 1
            if missing_parents[child] == 0:
                ready.append(child)
    if len(ready) < len(parents):
        stuck = next(task for task, missing in missing_parents.items() if missing > 0)
        raise ValueError(f"the task {stuck!r:.80} waits, over its parents, for a circle of tasks")
    return ready

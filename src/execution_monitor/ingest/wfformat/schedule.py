"""When the tasks of a recorded run ran, which most engines leave open."""

from dataclasses import dataclass

from execution_monitor.ingest.wfformat.model import RecordedRun, in_order


@dataclass(frozen=True, slots=True)
class Span:
    """When a task ran, in seconds from the start of the run."""

    start: float
    end: float


def spans_of(run: RecordedRun) -> dict[str, Span]:
    """When each task ran: as recorded, else as soon as all it waits for had ended. Parents come before children."""
    executed = {task.id: task for task in run.workflow.execution.tasks}
    parents = {task.id: task.parents for task in run.workflow.specification.tasks}
    spans: dict[str, Span] = {}
    for task_id in in_order(parents):
        task = executed[task_id]
        start = max((spans[parent].end for parent in parents[task_id]), default=0.0)
        if task.executed_at is not None:
            start = max(0.0, (task.executed_at - run.workflow.execution.executed_at).total_seconds())
        spans[task_id] = Span(start, start + task.runtime_in_seconds)
    return spans

"""WfFormat 1.4 to 1.6, the WfCommons format of recorded workflow runs: bytes to one checked shape.

Source: the format's README, schema and migration tool (wfcommons/WfFormat). By its README every valid 1.5 file is a
valid 1.6 file, which adds derived metrics alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson
from pydantic import Field, ValidationError, field_validator

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.wfformat.fields import (
    Amount,
    Count,
    Header,
    Machine,
    Measured,
    Moment,
    Name,
    Part,
    RuntimeSystem,
    Text,
)
from execution_monitor.ingest.wfformat.v1_4 import Run14, upgrade

VERSIONS = ("1.4", "1.5", "1.6")


class SpecifiedTask(Part):
    """A task as the workflow states it."""

    id: Name
    name: Name
    type: Text | None = None  # of 1.4: compute, transfer or auxiliary
    parents: list[Text]
    input_files: list[Text] = Field(default_factory=list[Text])
    output_files: list[Text] = Field(default_factory=list[Text])


class ExecutedTask(Measured):
    """What was measured of a task."""

    id: Name
    runtime_in_seconds: Amount


class File(Part):
    """A file that tasks read or write."""

    id: Text
    size_in_bytes: Count


class Specification(Part):
    """The workflow as it was meant."""

    tasks: list[SpecifiedTask] = Field(min_length=1)
    files: list[File] = Field(default_factory=list[File])


class ExecutionPart(Part):
    """The workflow as it went."""

    makespan_in_seconds: Amount
    executed_at: Moment
    tasks: list[ExecutedTask] = Field(min_length=1)
    machines: list[Machine] = Field(default_factory=list[Machine])


class Workflow(Part):
    """Both halves."""

    specification: Specification
    execution: ExecutionPart
    repo: Name | None = None
    run_name: Name | None = None


class RecordedRun(Header):
    """One recorded run, checked: every task was executed, every parent exists, and nothing waits for itself."""

    runtime_system: RuntimeSystem | None = None
    workflow: Workflow

    @field_validator("workflow")
    @classmethod
    def _check_references(cls, workflow: Workflow) -> Workflow:
        specified = _names_once([task.id for task in workflow.specification.tasks], "specification")
        executed = _names_once([task.id for task in workflow.execution.tasks], "execution")
        for task in sorted(specified ^ executed):
            missing = "execution" if task in specified else "specification"
            raise ValueError(f"the task {task!r:.80} is missing from the tasks of {missing}")
        in_order({task.id: task.parents for task in workflow.specification.tasks})
        return workflow


def in_order(parents: Mapping[str, Sequence[str]]) -> list[str]:
    """The tasks, each behind all of its parents; raises `ValueError` when a parent is none or waits for its child."""
    waiting = {task: len(set(of_task)) for task, of_task in parents.items()}
    children: dict[str, list[str]] = {task: [] for task in parents}
    for task, of_task in parents.items():
        for parent in set(of_task):
            if parent not in children:
                raise ValueError(f"the parents of the task {task!r:.80} name {parent!r:.80}, which is no task")
            children[parent].append(task)
    ready = [task for task, missing in waiting.items() if missing == 0]
    for task in ready:
        for child in children[task]:
            waiting[child] -= 1
            if waiting[child] == 0:
                ready.append(child)
    if len(ready) < len(parents):
        stuck = next(task for task, missing in waiting.items() if missing > 0)
        raise ValueError(f"the task {stuck!r:.80} waits, over its parents, for a circle of tasks")
    return ready


def parse_run(content: bytes) -> RecordedRun:
    """The run that `content` records; raises `BadUserInput` that names the field in question."""
    try:
        raw: Any = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise BadUserInput(f"it is not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise BadUserInput("it is not a JSON object")
    stated = cast("dict[str, Any]", raw)
    version = stated.get("schemaVersion")
    if not isinstance(version, str) or version not in VERSIONS:
        found = f"not {version!r:.40}" if isinstance(version, str) else "as text"
        raise BadUserInput(f"schemaVersion: it must be one of {', '.join(VERSIONS)}, {found}")
    try:
        if version == "1.4":
            return RecordedRun.model_validate(upgrade(Run14.model_validate(stated)))
        return RecordedRun.model_validate(stated)
    except ValidationError as error:
        raise BadUserInput(_describe(error)) from error


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"


def _names_once(names: list[str], place: str) -> set[str]:
    once: set[str] = set()
    for name in names:
        if name in once:
            raise ValueError(f"two tasks of {place} have the id {name!r:.80}")
        once.add(name)
    return once

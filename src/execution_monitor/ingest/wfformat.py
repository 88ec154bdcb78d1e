"""WfFormat 1.4 to 1.6, the WfCommons format of recorded workflow runs: bytes to one checked shape.

Source: the format's README and schema (wfcommons/WfFormat). Unknown properties are permitted there, and here.
"""

from datetime import datetime
from typing import Annotated, Any, cast

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.dates import parse_date
from execution_monitor.ingest.wfformat_14 import upgrade

VERSIONS = ("1.4", "1.5", "1.6")

# What BSON has as an integer.
_WHOLE = Annotated[int, Field(ge=0, lt=2**63)]
_AMOUNT = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_TEXT = Annotated[str, Field(min_length=1, max_length=4_096)]


def _to_moment(value: Any) -> Any:
    return parse_date(value) if isinstance(value, str) else value


Moment = Annotated[datetime, BeforeValidator(_to_moment)]


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Command(_Part):
    """What a task ran."""

    program: str | None = None
    arguments: list[str] = Field(default_factory=list[str])


class SpecifiedTask(_Part):
    """A task as the workflow states it."""

    id: _TEXT
    name: _TEXT
    parents: list[str] = Field(default_factory=list[str])
    input_files: list[str] = Field(default_factory=list[str])
    output_files: list[str] = Field(default_factory=list[str])


class ExecutedTask(_Part):
    """What was measured of a task."""

    id: _TEXT
    runtime_in_seconds: _AMOUNT
    executed_at: Moment | None = None
    command: Command | None = None
    core_count: _AMOUNT | None = None
    avg_cpu: _AMOUNT | None = Field(default=None, alias="avgCPU")
    read_bytes: _WHOLE | None = None
    written_bytes: _WHOLE | None = None
    memory_in_bytes: _WHOLE | None = None
    energy_in_kwh: _AMOUNT | None = Field(default=None, alias="energyInKWh")
    avg_power_in_w: _AMOUNT | None = None
    priority: int | None = Field(default=None, ge=-(2**63), lt=2**63)
    machines: list[str] = Field(default_factory=list[str])


class File(_Part):
    """A file that tasks read or write."""

    id: str
    size_in_bytes: _WHOLE


class Specification(_Part):
    """The workflow as it was meant."""

    tasks: list[SpecifiedTask] = Field(min_length=1)
    files: list[File] = Field(default_factory=list[File])


class ExecutionPart(_Part):
    """The workflow as it went."""

    makespan_in_seconds: _AMOUNT
    executed_at: Moment
    tasks: list[ExecutedTask] = Field(min_length=1)
    machines: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])


class Workflow(_Part):
    """Both halves."""

    specification: Specification
    execution: ExecutionPart
    repo: str | None = None
    run_name: str | None = None


class NamedVersion(_Part):
    """A system, or a person."""

    name: str
    version: str | None = None


class RecordedRun(_Part):
    """One recorded run, checked: every task was executed, every parent exists, and nothing waits for itself."""

    name: _TEXT
    schema_version: str
    description: str | None = None
    created_at: Moment | None = None
    runtime_system: NamedVersion | None = None
    author: NamedVersion | None = None
    workflow: Workflow

    @field_validator("workflow")
    @classmethod
    def _check_references(cls, workflow: Workflow) -> Workflow:
        parents = {task.id: task.parents for task in workflow.specification.tasks}
        if len(parents) < len(workflow.specification.tasks):
            raise ValueError(
                f"two tasks have the id {_first_twice([task.id for task in workflow.specification.tasks])}"
            )
        executed = [task.id for task in workflow.execution.tasks]
        if len(set(executed)) < len(executed):
            raise ValueError(f"the task {_first_twice(executed)} was executed twice")
        for each in sorted(parents.keys() ^ set(executed)):
            raise ValueError(f"the task {each} stands in only one of specification and execution")
        for task, of_task in parents.items():
            for parent in of_task:
                if parent not in parents:
                    raise ValueError(f"the task {task} waits for {parent}, which does not exist")
        in_order(parents)
        return workflow


def in_order(parents: dict[str, list[str]]) -> list[str]:
    """The tasks, each behind all of its parents; raises `ValueError` where one waits for itself."""
    waiting = {task: len(set(of_task)) for task, of_task in parents.items()}
    children: dict[str, list[str]] = {task: [] for task in parents}
    for task, of_task in parents.items():
        for parent in set(of_task):
            children[parent].append(task)
    ready = [task for task, missing in waiting.items() if missing == 0]
    for task in ready:
        for child in children[task]:
            waiting[child] -= 1
            if waiting[child] == 0:
                ready.append(child)
    if len(ready) < len(parents):
        stuck = next(task for task, missing in waiting.items() if missing > 0)
        raise ValueError(f"the task {stuck} waits for itself, over its parents")
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
    if version not in VERSIONS:
        raise BadUserInput(f"schemaVersion must be one of {', '.join(VERSIONS)}, not {version!r:.40}")
    try:
        return RecordedRun.model_validate(upgrade(stated) if version == "1.4" else stated)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
        raise BadUserInput(f"{place}: {first['msg'].removeprefix('Value error, ')}") from error


def _first_twice(names: list[str]) -> str:
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))

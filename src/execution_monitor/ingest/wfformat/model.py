"""WfFormat 1.4 to 1.6, the WfCommons format of recorded workflow runs: from bytes to one validated model.

Source: the format's README, schema and migration tool (wfcommons/WfFormat). By its README every valid 1.5 file is a
valid 1.6 file, which only adds derived metrics.
"""

from typing import Any, cast

import orjson
from pydantic import Field, ValidationError, field_validator

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.core.recorded_run import sort_by_dependencies
from execution_monitor.ingest.wfformat.fields import (
    Amount,
    Count,
    Header,
    Machine,
    Measurements,
    Name,
    RuntimeSystem,
    Text,
    Timestamp,
    WfObject,
)
from execution_monitor.ingest.wfformat.v1_4 import Instance14, upgrade

VERSIONS = ("1.4", "1.5", "1.6")


class SpecifiedTask(WfObject):
    """A task of the workflow."""

    id: Name
    name: Name
    type: Text | None = None  # of 1.4: compute, transfer or auxiliary
    parents: list[Text]
    input_files: list[Text] = Field(default_factory=list[Text])
    output_files: list[Text] = Field(default_factory=list[Text])


class ExecutedTask(Measurements):
    """A task with its measurements."""

    id: Name
    runtime_in_seconds: Amount


class File(WfObject):
    """A file that tasks read or write."""

    id: Text
    size_in_bytes: Count


class Specification(WfObject):
    """The workflow as it was specified."""

    tasks: list[SpecifiedTask] = Field(min_length=1)
    files: list[File] = Field(default_factory=list[File])


class Execution(WfObject):
    """The workflow as it was executed."""

    makespan_in_seconds: Amount
    executed_at: Timestamp
    tasks: list[ExecutedTask] = Field(min_length=1)
    machines: list[Machine] = Field(default_factory=list[Machine])


class Workflow(WfObject):
    """The specification and the execution of a workflow."""

    specification: Specification
    execution: Execution
    repo: Name | None = None
    run_name: Name | None = None


class Instance(Header):
    """One recorded run; validated: each task was executed, each parent exists, and no task waits for itself."""

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
        sort_by_dependencies({task.id: task.parents for task in workflow.specification.tasks})
        return workflow


def parse_instance(content: bytes) -> Instance:
    """Return the instance in `content`; raises `BadUserInput` that names the field in question."""
    try:
        raw: Any = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise BadUserInput(f"it is not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise BadUserInput("it is not a JSON object")
    properties = cast("dict[str, Any]", raw)
    version = properties.get("schemaVersion")
    if not isinstance(version, str) or version not in VERSIONS:
        found = f"not {version!r:.40}" if isinstance(version, str) else "as text"
        raise BadUserInput(f"schemaVersion: it must be one of {', '.join(VERSIONS)}, {found}")
    try:
        if version == "1.4":
            return Instance.model_validate(upgrade(Instance14.model_validate(properties)))
        return Instance.model_validate(properties)
    except ValidationError as error:
        raise BadUserInput(_describe(error)) from error


def _describe(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in first["loc"]).lstrip(".")
    return f"{path}: {first['msg'].removeprefix('Value error, ')}"


def _names_once(names: list[str], section: str) -> set[str]:
    once: set[str] = set()
    for name in names:
        if name in once:
            raise ValueError(f"two tasks of {section} have the id {name!r:.80}")
        once.add(name)
    return once

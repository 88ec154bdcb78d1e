"""WfFormat 1.4, converted to the model of 1.5: each task becomes a specified and an executed one.

Source: the migration tool of wfcommons/WfFormat.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

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


class TaskFile(WfObject):
    """A file that one task reads or writes."""

    name: Name
    path: Text = ""
    size_in_bytes: Count
    link: Text

    @property
    def id(self) -> str:
        """The id that the file has in 1.5."""
        return f"{self.path}{self.name}"

    @property
    def is_input(self) -> bool:
        """Whether the task reads it."""
        return self.link.lower() == "input"


class Task(Measurements):
    """A task as it was specified and as it was executed."""

    name: Name
    id: Name | None = None
    type: Text | None = None
    # References are names or ids, and a dependency may be declared at either end alone.
    parents: list[Text] = Field(default_factory=list[Text])
    children: list[Text] = Field(default_factory=list[Text])
    files: list[TaskFile] = Field(default_factory=list[TaskFile])
    # Optional here, not in 1.5.
    runtime_in_seconds: Amount = 0.0

    def id_at(self, index: int) -> str:
        """The id of the task in 1.5: in 1.4 an id is unique only together with the name, which often contains it."""
        if self.id is None:
            return f"{self.name}_{index}"
        return self.name if self.id in self.name else f"{self.name}_{self.id}"


_OF_EXECUTION = {*Measurements.model_fields, "runtime_in_seconds"}


class Workflow14(WfObject):
    """All tasks, with the measurements of the run."""

    makespan_in_seconds: Amount
    executed_at: Timestamp
    tasks: list[Task] = Field(min_length=1)
    machines: list[Machine] = Field(default_factory=list[Machine])


class Instance14(Header):
    """A file of version 1.4."""

    wms: RuntimeSystem | None = None
    workflow: Workflow14


def upgrade(run: Instance14) -> dict[str, Any]:
    """Convert `run` to the model of 1.5, by field names; its references are not validated yet."""
    named = [(task.id_at(index), task) for index, task in enumerate(run.workflow.tasks)]
    parents = _parents_of(named)
    return {
        **run.model_dump(exclude={"wms", "workflow"}),
        "runtime_system": run.wms,
        "workflow": {
            "specification": {
                "tasks": [_specified(name, task, parents[name]) for name, task in named],
                "files": [
                    {"id": file.id, "size_in_bytes": file.size_in_bytes} for _, task in named for file in task.files
                ],
            },
            "execution": {
                **dict(run.workflow),
                "tasks": [_executed(name, task) for name, task in named],
            },
        },
    }


def _specified(name: str, task: Task, parents: Iterable[str]) -> dict[str, Any]:
    return {
        "id": name,
        "name": task.name,
        "type": task.type,
        "parents": list(parents),
        "input_files": [file.id for file in task.files if file.is_input],
        "output_files": [file.id for file in task.files if not file.is_input],
    }


def _executed(name: str, task: Task) -> dict[str, Any]:
    return {"id": name, **{field: value for field, value in task if field in _OF_EXECUTION}}


def _parents_of(named: list[tuple[str, Task]]) -> Mapping[str, Iterable[str]]:
    """The parents of each task, by its id: as declared at either end, else the tasks that write what it reads."""
    ids: dict[str, str] = {}
    writers: dict[str, str] = {}
    for name, task in named:
        for reference in (task.name, task.id or name, name):
            ids.setdefault(reference, name)
        for file in task.files:
            if not file.is_input:
                writers.setdefault(file.id, name)
    # Dictionaries keep the order, and each parent once.
    parents: dict[str, dict[str, None]] = {name: {} for name, _ in named}
    for name, task in named:
        parents[name] |= {ids.get(each, each): None for each in task.parents}
        for child in task.children:
            parents.setdefault(ids.get(child, child), {})[name] = None
    for name, task in named:
        if not parents[name]:
            read = [writers[file.id] for file in task.files if file.is_input and file.id in writers]
            parents[name] |= {writer: None for writer in read if writer != name}
    return parents

"""WfFormat 1.4 in the shape of 1.5: tasks split into what was meant and what was measured."""

from typing import Any, cast

# Both say the same; the names are 1.4's and 1.5's.
_MEASURED = {
    "runtimeInSeconds": "runtimeInSeconds",
    "executedAt": "executedAt",
    "command": "command",
    "cores": "coreCount",
    "avgCPU": "avgCPU",
    "readBytes": "readBytes",
    "writtenBytes": "writtenBytes",
    "memoryInBytes": "memoryInBytes",
    "energy": "energyInKWh",
    "avgPower": "avgPowerInW",
    "priority": "priority",
}


def upgrade(raw: dict[str, Any]) -> dict[str, Any]:
    """`raw` in the shape of 1.5. What is missing or of the wrong type stays so, for the check to name it."""
    workflow = raw.get("workflow")
    if not isinstance(workflow, dict):
        return raw
    stated = cast("dict[str, Any]", workflow)
    tasks: Any = stated.get("tasks")
    if not isinstance(tasks, list):
        return {**raw, "workflow": {**stated, "specification": {"tasks": tasks}}}
    readable = _objects(cast("list[Any]", tasks))
    ids = _ids_by_reference(readable)
    children = _parents_by_child(readable, ids)
    execution = {name: stated[name] for name in ("makespanInSeconds", "executedAt", "machines") if name in stated}
    return {
        **raw,
        "runtimeSystem": raw.get("runtimeSystem", raw.get("wms")),
        "workflow": {
            **stated,
            "specification": {
                "tasks": [_specified(task, index, ids, children) for index, task in enumerate(readable)],
                "files": _files(readable),
            },
            "execution": {**execution, "tasks": [_executed(task, index) for index, task in enumerate(readable)]},
        },
    }


def _id_of(task: dict[str, Any], index: int) -> Any:
    """Up to 1.4 an id is unique only together with the name, which often holds it already."""
    name, own = str(task.get("name", "")), task.get("id")
    if own is None:
        return f"{name}_{index}"
    return name if str(own) in name else f"{name}_{own}"


def _ids_by_reference(tasks: list[dict[str, Any]]) -> dict[str, Any]:
    ids: dict[str, Any] = {}
    for index, task in enumerate(tasks):
        task_id = _id_of(task, index)
        for reference in (task.get("name"), task.get("id"), task_id):
            ids.setdefault(str(reference), task_id)
    return ids


def _parents_by_child(tasks: list[dict[str, Any]], ids: dict[str, Any]) -> dict[Any, list[Any]]:
    """The parents that name a task as their child: a dependency may be declared on either end alone."""
    parents: dict[Any, list[Any]] = {}
    for index, task in enumerate(tasks):
        for child in _list(task, "children"):
            parents.setdefault(_resolve(child, ids), []).append(_id_of(task, index))
    return parents


def _specified(
    task: dict[str, Any], index: int, ids: dict[str, Any], parents_by_child: dict[Any, list[Any]]
) -> dict[str, Any]:
    own = _id_of(task, index)
    parents = [_resolve(each, ids) for each in _list(task, "parents")] + parents_by_child.get(own, [])
    files = _objects(_list(task, "files"))
    return {
        "id": own,
        "name": task.get("name"),
        "parents": list(dict.fromkeys(parents)),
        "inputFiles": [_file_id(each) for each in files if str(each.get("link")).lower() == "input"],
        "outputFiles": [_file_id(each) for each in files if str(each.get("link")).lower() != "input"],
    }


def _executed(task: dict[str, Any], index: int) -> dict[str, Any]:
    measured = {new: task[old] for old, new in _MEASURED.items() if old in task}
    # 1.4 lets the runtime out, 1.5 does not.
    measured.setdefault("runtimeInSeconds", 0)
    if "machine" in task:
        measured["machines"] = [task["machine"]]
    return {"id": _id_of(task, index), **measured}


def _files(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    files = [each for task in tasks for each in _objects(_list(task, "files"))]
    return [{"id": _file_id(each), "sizeInBytes": each.get("sizeInBytes")} for each in files]


def _file_id(file: dict[str, Any]) -> str:
    return f"{file.get('path', '')}{file.get('name', '')}"


def _resolve(reference: Any, ids: dict[str, Any]) -> Any:
    return ids.get(str(reference), str(reference))


def _list(task: dict[str, Any], name: str) -> list[Any]:
    value = task.get(name)
    return cast("list[Any]", value) if isinstance(value, list) else []


def _objects(values: list[Any]) -> list[dict[str, Any]]:
    return [cast("dict[str, Any]", value) for value in values if isinstance(value, dict)]

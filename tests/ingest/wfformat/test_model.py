import copy
from collections.abc import Callable
from typing import Any

import pytest

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.wfformat.model import parse_instance
from tests.ingest.recordings import BACASS, CHAIN, SRASEARCH, encode, small_run


@pytest.mark.parametrize(
    ("path", "system", "tasks"),
    [
        pytest.param(CHAIN, "Pegasus", 5, id="a chain of Pegasus"),
        pytest.param(BACASS, "Nextflow", 11, id="a pipeline of Nextflow"),
        pytest.param(SRASEARCH, "Pegasus", 22, id="a search of Pegasus"),
    ],
)
def test_real_runs_are_read(path: Any, system: str, tasks: int):
    run = parse_instance(path.read_bytes())

    assert run.runtime_system
    assert run.runtime_system.name == system
    assert len(run.workflow.specification.tasks) == tasks


@pytest.mark.parametrize("version", ["1.5", "1.6"])
def test_later_versions_have_the_same_shape(version: str):
    assert parse_instance(encode(small_run(schemaVersion=version))).schema_version == version


def test_properties_that_the_format_does_not_know_are_permitted():
    assert parse_instance(encode(small_run(ours={"deep": [1]}))).name == "diamond"


def old_run(**changes: Any) -> dict[str, Any]:
    return {
        "name": "old",
        "schemaVersion": "1.4",
        "wms": {"name": "Makeflow", "version": "7"},
        "workflow": {
            "makespanInSeconds": 12,
            "executedAt": "20200401T035043+0000",
            "machines": [{"nodeName": "m1"}],
            "tasks": [
                {
                    "name": "split",
                    "id": "ID1",
                    "runtimeInSeconds": 4,
                    "machine": "m1",
                    "cores": 2,
                    "children": ["blast"],
                    "files": [
                        {"link": "input", "name": "in.fa", "sizeInBytes": 5},
                        {"link": "output", "name": "out.0", "sizeInBytes": 2},
                    ],
                },
                {"name": "blast", "id": "ID2", "command": {"program": "blastall"}},
                {"name": "cat", "id": "ID3", "parents": ["blast"], "runtimeInSeconds": 1},
            ],
            **changes,
        },
    }


def test_version_1_4_is_read_into_the_same_shape():
    run = parse_instance(encode(old_run()))

    tasks = {task.name: task for task in run.workflow.specification.tasks}
    measured = {task.id: task for task in run.workflow.execution.tasks}
    assert run.runtime_system
    assert run.runtime_system.name == "Makeflow"
    assert tasks["split"].input_files == ["in.fa"]
    assert tasks["split"].output_files == ["out.0"]
    assert measured["split_ID1"].machines == ["m1"]
    assert measured["split_ID1"].core_count == 2
    assert measured["blast_ID2"].runtime_in_seconds == 0


def test_version_1_4_may_declare_a_dependency_on_either_end_and_by_name():
    tasks = {task.name: task for task in parse_instance(encode(old_run())).workflow.specification.tasks}

    assert tasks["blast"].parents == ["split_ID1"]
    assert tasks["cat"].parents == ["blast_ID2"]


def test_version_1_4_without_declared_dependencies_takes_them_from_its_files():
    old = old_run()
    for task in old["workflow"]["tasks"]:
        task.pop("parents", None)
        task.pop("children", None)
    old["workflow"]["tasks"][1]["files"] = [{"link": "input", "name": "out.0", "sizeInBytes": 2}]

    tasks = {task.name: task for task in parse_instance(encode(old)).workflow.specification.tasks}

    assert tasks["split"].parents == []
    assert tasks["blast"].parents == ["split_ID1"]


def test_version_1_4_has_names_of_its_own_for_measures():
    old = old_run(machines=[{"nodeName": "m1", "cpu": {"count": 8, "speed": 2400}}])
    old["workflow"]["tasks"][0] |= {"energy": 0.5, "avgPower": 12, "readBytes": 1024.0, "type": "compute"}

    run = parse_instance(encode(old))

    task = run.workflow.execution.tasks[0]
    (machine,) = run.workflow.execution.machines
    assert (task.energy_in_kwh, task.avg_power_in_w, task.read_bytes) == (0.5, 12, 1024)
    assert run.workflow.specification.tasks[0].type == "compute"
    assert machine.cpu
    assert (machine.cpu.core_count, machine.cpu.speed_in_mhz) == (8, 2400)


@pytest.mark.parametrize(
    ("task", "sentence"),
    [
        pytest.param({"runtimeInSeconds": -1}, "workflow.tasks[0].runtimeInSeconds: Input should be", id="runtime"),
        pytest.param({"cores": "two"}, "workflow.tasks[0].cores: Input should be", id="cores"),
        pytest.param({"files": [{"name": "a", "link": "input"}]}, "workflow.tasks[0].files[0].sizeInBytes", id="file"),
        pytest.param({"parents": ["nobody"]}, "the parents of the task 'split_ID1' name 'nobody'", id="parent"),
        pytest.param({"name": "cat", "id": "ID3"}, "two tasks of specification have the id 'cat_ID3'", id="twice"),
    ],
)
def test_a_broken_run_of_version_1_4_names_the_field_as_1_4_does(task: dict[str, Any], sentence: str):
    old = old_run()
    old["workflow"]["tasks"][0] |= task

    with pytest.raises(BadUserInput) as refusal:
        parse_instance(encode(old))

    assert sentence in refusal.value.message


def change(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def apply(run: dict[str, Any]) -> None:
        target: Any = run
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = to

    return apply


def remove(*path: Any) -> Callable[[dict[str, Any]], None]:
    def apply(run: dict[str, Any]) -> None:
        target: Any = run
        for key in path[:-1]:
            target = target[key]
        del target[path[-1]]

    return apply


SPECIFIED = ("workflow", "specification", "tasks")
EXECUTED = ("workflow", "execution", "tasks")


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        pytest.param(remove("name"), "name: Field required", id="no name"),
        pytest.param(change("name", to=7), "name: Input should be a valid string", id="a name that is no text"),
        pytest.param(remove("workflow"), "workflow: Field required", id="no workflow"),
        pytest.param(change("workflow", to=[]), "workflow: Input should be", id="a workflow that is a list"),
        pytest.param(
            change("schemaVersion", to="1.3"), "schemaVersion: it must be one of 1.4, 1.5, 1.6, not '1.3'", id="1.3"
        ),
        pytest.param(
            remove("schemaVersion"), "schemaVersion: it must be one of 1.4, 1.5, 1.6, as text", id="no version"
        ),
        pytest.param(
            change("schemaVersion", to=1.5), "schemaVersion: it must be one of", id="a version that is no text"
        ),
        pytest.param(
            remove(*EXECUTED, 1, "runtimeInSeconds"),
            "workflow.execution.tasks[1].runtimeInSeconds: Field required",
            id="no runtime",
        ),
        pytest.param(
            change(*EXECUTED, 0, "runtimeInSeconds", to=-1),
            "workflow.execution.tasks[0].runtimeInSeconds: Input should be greater than or equal to 0",
            id="a negative runtime",
        ),
        pytest.param(
            change("workflow", "execution", "executedAt", to="soon"),
            "workflow.execution.executedAt: 'soon' is no date",
            id="an impossible date",
        ),
        pytest.param(
            change("workflow", "specification", "files", 0, "sizeInBytes", to=2**63),
            "workflow.specification.files[0].sizeInBytes: Input should be less than",
            id="a number beyond what BSON holds",
        ),
        pytest.param(
            change(*SPECIFIED, 1, "parents", to=["nobody"]),
            "workflow: the parents of the task 'left' name 'nobody', which is no task",
            id="an unknown parent",
        ),
        pytest.param(
            change(*SPECIFIED, 0, "parents", to=["left"]),
            "workflow: the task 'split' waits, over its parents, for a circle of tasks",
            id="a circle",
        ),
        pytest.param(
            change(*SPECIFIED, 2, "id", to="left"), "two tasks of specification have the id 'left'", id="one id twice"
        ),
        pytest.param(
            change(*EXECUTED, 2, "id", to="left"), "two tasks of execution have the id 'left'", id="executed twice"
        ),
        pytest.param(
            remove(*EXECUTED, 2), "the task 'right' is missing from the tasks of execution", id="never executed"
        ),
        pytest.param(remove(*SPECIFIED, 2), "'right' is missing from the tasks of specification", id="never specified"),
        pytest.param(remove(*SPECIFIED, 1, "parents"), "tasks[1].parents: Field required", id="no parents"),
        pytest.param(
            change(*EXECUTED, 0, "runtimeInSeconds", to="ten"),
            "workflow.execution.tasks[0].runtimeInSeconds: Input should be a valid number",
            id="a runtime that is text",
        ),
        pytest.param(
            change(*EXECUTED, 0, "runtimeInSeconds", to=True),
            "workflow.execution.tasks[0].runtimeInSeconds: Input should be a valid number",
            id="a runtime that is a truth",
        ),
        pytest.param(
            change("createdAt", to=1_700_000_000),
            "createdAt: Input should be a valid datetime",
            id="a date that is a number",
        ),
        pytest.param(
            change(*SPECIFIED, 0, "name", to="a\0b"),
            "workflow.specification.tasks[0].name: it holds a NUL character",
            id="a NUL character",
        ),
        pytest.param(
            change(*EXECUTED, 1, "coreCount", to="two"),
            "workflow.execution.tasks[1].coreCount",
            id="a word for a number",
        ),
        pytest.param(
            change("workflow", "execution", "machines", 0, "nodeName", to=None),
            "workflow.execution.machines[0].nodeName",
            id="a machine without a name",
        ),
        pytest.param(
            change(*SPECIFIED, to=[]), "workflow.specification.tasks: List should have at least 1", id="no tasks"
        ),
    ],
)
def test_a_broken_run_names_the_field(break_it: Callable[[dict[str, Any]], None], sentence: str):
    run = copy.deepcopy(small_run())
    break_it(run)

    with pytest.raises(BadUserInput) as refusal:
        parse_instance(encode(run))

    assert sentence in refusal.value.message
    assert "\n" not in refusal.value.message


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"{", "it is not JSON", id="truncated"),
        pytest.param(b"[]", "it is not a JSON object", id="a list"),
        pytest.param(b"\xff\xfe", "it is not JSON", id="no UTF-8"),
        pytest.param(b"[" * 100_000, "it is not JSON", id="nested beyond reason"),
        pytest.param(b'{"name": "\\ud800"}', "it is not JSON", id="half a character"),
        pytest.param(b'{"schemaVersion": "1.4", "name": "x", "workflow": {"tasks": 3}}', "workflow", id="1.4, no list"),
        pytest.param(b'{"schemaVersion": ' + b"[" * 1_000 + b"]" * 1_000 + b"}", "schemaVersion", id="a deep version"),
        pytest.param(
            b'{"schemaVersion": "1.4", "name": "x", "workflow": 3}', "workflow: Input should", id="1.4, no object"
        ),
    ],
)
def test_content_that_is_not_a_run_is_refused(content: bytes, sentence: str):
    with pytest.raises(BadUserInput, match=sentence):
        parse_instance(content)

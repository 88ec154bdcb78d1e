import copy
from collections.abc import Callable
from typing import Any

import pytest

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.wfformat import in_order, parse_run
from tests.ingest.recordings import BACASS, CHAIN, SRASEARCH, encode, made_up


@pytest.mark.parametrize(
    ("path", "system", "tasks"),
    [
        pytest.param(CHAIN, "Pegasus", 5, id="a chain of Pegasus"),
        pytest.param(BACASS, "Nextflow", 11, id="a pipeline of Nextflow"),
        pytest.param(SRASEARCH, "Pegasus", 22, id="a search of Pegasus"),
    ],
)
def test_real_runs_are_read(path: Any, system: str, tasks: int):
    run = parse_run(path.read_bytes())

    assert run.runtime_system
    assert run.runtime_system.name == system
    assert len(run.workflow.specification.tasks) == tasks


@pytest.mark.parametrize("version", ["1.5", "1.6"])
def test_later_versions_have_the_same_shape(version: str):
    assert parse_run(encode(made_up(schemaVersion=version))).schema_version == version


def test_properties_that_the_format_does_not_know_are_permitted():
    assert parse_run(encode(made_up(ours={"deep": [1]}))).name == "diamond"


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
    run = parse_run(encode(old_run()))

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
    tasks = {task.name: task for task in parse_run(encode(old_run())).workflow.specification.tasks}

    assert tasks["blast"].parents == ["split_ID1"]
    assert tasks["cat"].parents == ["blast_ID2"]


def change(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def apply(run: dict[str, Any]) -> None:
        place: Any = run
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return apply


def remove(*path: Any) -> Callable[[dict[str, Any]], None]:
    def apply(run: dict[str, Any]) -> None:
        place: Any = run
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

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
            change("schemaVersion", to="1.3"), "schemaVersion must be one of 1.4, 1.5, 1.6, not '1.3'", id="1.3"
        ),
        pytest.param(remove("schemaVersion"), "schemaVersion must be one of", id="no version"),
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
            "workflow: the task left waits for nobody, which does not exist",
            id="an unknown parent",
        ),
        pytest.param(
            change(*SPECIFIED, 0, "parents", to=["left"]),
            "waits for itself, over its parents",
            id="a circle",
        ),
        pytest.param(change(*SPECIFIED, 2, "id", to="left"), "two tasks have the id left", id="one id twice"),
        pytest.param(change(*EXECUTED, 2, "id", to="left"), "the task left was executed twice", id="executed twice"),
        pytest.param(remove(*EXECUTED, 2), "the task right stands in only one of", id="never executed"),
        pytest.param(
            change(*SPECIFIED, to=[]), "workflow.specification.tasks: List should have at least 1", id="no tasks"
        ),
    ],
)
def test_a_broken_run_names_the_field(break_it: Callable[[dict[str, Any]], None], sentence: str):
    run = copy.deepcopy(made_up())
    break_it(run)

    with pytest.raises(BadUserInput) as refusal:
        parse_run(encode(run))

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
        pytest.param(b'{"schemaVersion": "1.4", "workflow": {"tasks": 3}}', "name: Field required", id="1.4, no list"),
        pytest.param(
            b'{"schemaVersion": "1.4", "name": "x", "workflow": 3}', "workflow: Input should", id="1.4, no object"
        ),
    ],
)
def test_what_is_no_run_is_refused(content: bytes, sentence: str):
    with pytest.raises(BadUserInput, match=sentence):
        parse_run(content)


def test_tasks_are_put_behind_their_parents():
    ordered = in_order({"c": ["a", "b"], "b": ["a"], "a": [], "d": []})

    assert ordered.index("a") < ordered.index("b") < ordered.index("c")
    assert set(ordered) == {"a", "b", "c", "d"}

"""Random selection sets of executions: as text, and as the fields that must be resolved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

VARIABLES = {
    "yes": "Boolean! = false",
    "no": "Boolean! = true",
    "left": "Boolean = true",
    "omitted": "Boolean! = false",
}
# `left` and `omitted` keep their defaults.
VALUES = {"yes": True, "no": False}
_CONDITIONS = {"true": True, "false": False, "$yes": True, "$no": False, "$left": True, "$omitted": False}

_DEEPEST = 4


@dataclass(frozen=True)
class Shape:
    """A type: its fields without a selection set, and those with one, with their types."""

    name: str
    leaves: tuple[str, ...]
    inner: Mapping[str, "Shape"] = field(default_factory=dict[str, "Shape"])
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])


_ERROR = Shape("ExecutionError", ("message", "code", "stackTrace"))
_PAGE_INFO = Shape("PageInfo", ("hasNextPage", "hasPreviousPage", "startCursor", "endCursor"))
_STEP = Shape(
    "ExecutionStep",
    (
        "id",
        "stepId",
        "name",
        "kind",
        "index",
        "status",
        "durationSeconds",
        "dependsOn",
        "input",
        "result",
        "model",
        "inputTokens",
    ),
    {"error": _ERROR},
)
_LINE = Shape("ExecutionLogEntry", ("at", "level", "message", "stepId", "attributes"))
_EXECUTION = Shape(
    "Execution",
    (
        *("id", "executionId", "name", "workflowName", "status", "statusDetail", "createdAt", "updatedAt", "startedAt"),
        *("durationSeconds", "stepsCompleted", "userId", "tenantId", "attempt", "totalCost", "performance"),
        *("inputParameters", "finalResult", "recoveredBy", "retryOfExecutionId", "__typename"),
    ),
    {
        "progress": Shape("ExecutionProgress", ("currentStep", "percentage")),
        "tags": Shape("Tag", ("key", "value")),
        "error": _ERROR,
        "steps": Shape(
            "ExecutionStepConnection",
            ("__typename",),
            {
                "nodes": _STEP,
                "edges": Shape("ExecutionStepEdge", ("cursor",), {"node": _STEP}),
                "pageInfo": _PAGE_INFO,
            },
        ),
        "logs": Shape(
            "ExecutionLogConnection",
            ("__typename",),
            {
                "nodes": _LINE,
                "edges": Shape("ExecutionLogEdge", ("cursor",), {"node": _LINE}),
                "pageInfo": _PAGE_INFO,
            },
        ),
    },
    {"steps": "(first: 2)", "logs": "(last: 2)"},
)
CONNECTION = Shape(
    "ExecutionConnection",
    ("totalCount", "totalCountIsExact", "__typename"),
    {"nodes": _EXECUTION, "edges": Shape("ExecutionEdge", ("cursor",), {"node": _EXECUTION}), "pageInfo": _PAGE_INFO},
)


@dataclass
class Resolved:
    """The fields of one object that must be resolved, each with those below it."""

    fields: list[tuple[str, "Resolved"]] = field(default_factory=list[tuple[str, "Resolved"]])

    def below(self, *path: str) -> Iterator["Resolved"]:
        """What is selected below `path`, once for each time that it is selected."""
        if not path:
            yield self
        for name, inner in self.fields:
            if path and name == path[0]:
                yield from inner.below(*path[1:])

    def names(self, *path: str) -> set[str]:
        """The fields selected below `path`."""
        return {name for each in self.below(*path) for name, _ in each.fields}


@dataclass
class Operation:
    """An operation while it is generated."""

    selection: str = ""
    fragments: list[str] = field(default_factory=list[str])
    spreadable: dict[str, list[tuple[str, Resolved]]] = field(
        default_factory=dict[str, list[tuple[str, Resolved]]]
    )  # by type, fragments that may be spread again
    used: set[str] = field(default_factory=set[str])
    resolved: Resolved = field(default_factory=Resolved)
    aliases: int = 0

    @property
    def text(self) -> str:
        """The document."""
        declared = " ".join(f"${name}: {VARIABLES[name]}" for name in sorted(self.used))
        head = f"query Q({declared})" if declared else "query Q"
        return " ".join([f"{head} {{ executions(first: 3) {self.selection} }}", *self.fragments])

    @property
    def variables(self) -> dict[str, bool]:
        """The values of the variables that have one."""
        return {name: value for name, value in VALUES.items() if name in self.used}


@st.composite
def _operations(draw: DrawFn) -> Operation:
    operation = Operation()
    operation.selection, operation.resolved = _selection(draw, operation, CONNECTION, 0)
    return operation


operations: SearchStrategy[Operation] = _operations()


def _selection(draw: DrawFn, operation: Operation, shape: Shape, depth: int) -> tuple[str, Resolved]:
    pieces: list[str] = []
    resolved = Resolved()
    for _ in range(draw(st.integers(1, 3))):
        text, found = _piece(draw, operation, shape, depth)
        pieces.append(text)
        resolved.fields.extend(found.fields)
    return f"{{ {' '.join(pieces)} }}", resolved


def _piece(draw: DrawFn, operation: Operation, shape: Shape, depth: int) -> tuple[str, Resolved]:
    kind = draw(st.sampled_from(["field"] * 5 + ["inline", "inline on", "fragment", "again"]))
    directives, holds = _directives(draw, operation)
    if kind == "again" and (known := operation.spreadable.get(shape.name)):
        name, found = draw(st.sampled_from(known))
        return f"...{name}{directives}", found if holds else Resolved()
    if kind == "field" or depth >= _DEEPEST or kind == "again":
        text, found = _field(draw, operation, shape, directives, depth)
        return text, found if holds else Resolved()
    selection, found = _selection(draw, operation, shape, depth + 1)
    if kind == "fragment":
        name = f"F{len(operation.fragments)}"
        operation.fragments.append(f"fragment {name} on {shape.name} {selection}")
        operation.spreadable.setdefault(shape.name, []).append((name, found))
        text = f"...{name}{directives}"
    else:
        text = f"... {f'on {shape.name}' if kind == 'inline on' else ''}{directives} {selection}"
    return text, found if holds else Resolved()


def _field(draw: DrawFn, operation: Operation, shape: Shape, directives: str, depth: int) -> tuple[str, Resolved]:
    name = draw(st.sampled_from([*shape.leaves, *[each for each in shape.inner for _ in range(3)]]))
    inner, found = "", Resolved()
    if name in shape.inner:
        inner, found = _selection(draw, operation, shape.inner[name], depth)
    alias = ""
    if draw(st.booleans()):
        operation.aliases += 1
        alias = f"a{operation.aliases}: "
    return f"{alias}{name}{shape.arguments.get(name, '')}{directives} {inner}", Resolved([(name, found)])


def _directives(draw: DrawFn, operation: Operation) -> tuple[str, bool]:
    """At most one `@skip` and one `@include`, and whether both keep the field."""
    text, holds = "", True
    for directive in draw(st.sampled_from([*[()] * 5, ("skip",), ("include",), ("skip", "include")])):
        # Mostly they do, else hardly a field would be left.
        keeps = draw(st.sampled_from([True, True, True, True, False]))
        wanted = keeps is (directive == "include")
        condition = draw(st.sampled_from([text for text, value in _CONDITIONS.items() if value is wanted]))
        operation.used.update({condition[1:]} if condition.startswith("$") else ())
        text += f" @{directive}(if: {condition})"
        holds = holds and keeps
    return text, holds

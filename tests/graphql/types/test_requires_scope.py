"""Every field of the schema is guarded by a scope, or is on a list that says why it needs none."""

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    is_required_argument,
)

from execution_monitor.auth.caller import Scope
from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.types.requires_scope import Requires, RequiresScope
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.support.client import execute
from tests.support.documents import execution, store, store_steps_and_logs
from tests.support.tokens import SECRET

SCHEMA = create_schema()
GRAPHQL: Any = SCHEMA._schema  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - Strawberry has no public way to it
ROOTS = [root for root in (GRAPHQL.query_type, GRAPHQL.mutation_type, GRAPHQL.subscription_type) if root is not None]

# What anybody with a valid token may ask for. Nothing else can be reached without a guard.
OPEN = {
    "Query.viewer": "tells callers what their own token says and how late live is, also those who may do nothing else",
    "Viewer": "as above",
}
# What needs more than the field that leads to it; all else is as open as what leads to it.
NEEDS_MORE = {
    "Execution.inputParameters": Scope.EXECUTIONS_PAYLOAD,
    "Execution.finalResult": Scope.EXECUTIONS_PAYLOAD,
    "ExecutionStep.input": Scope.EXECUTIONS_PAYLOAD,
    "ExecutionStep.result": Scope.EXECUTIONS_PAYLOAD,
}
# Whoever passed the guard of a root has been found to see the object: visibility is decided there, in one place.
BEHIND_A_GUARD = {
    "AuditEvent": "of the caller's own tenant, given out by a guarded root",
    "AuditEventConnection": "a page of such events",
    "AuditEventEdge": "of such a page",
    "Execution": "given out by guarded roots, as far as the caller sees it",
    "ExecutionActivity": "told by a guarded subscription",
    "ExecutionConnection": "a page of visible executions, its count and its cursors",
    "ExecutionEdge": "of such a page",
    "ExecutionError": "of a visible execution or step",
    "ExecutionLogConnection": "of a visible execution",
    "ExecutionLogEdge": "of a visible execution",
    "ExecutionLogEntry": "of a visible execution",
    "ExecutionProgress": "of a visible execution",
    "ExecutionStep": "of a visible execution",
    "ExecutionStepConnection": "of a visible execution",
    "ExecutionStepEdge": "of a visible execution",
    "ExecutionUpdate": "told by a guarded subscription",
    "LogAppended": "told by a guarded subscription",
    "Node": "given out by guarded roots",
    "PageInfo": "of a page that was given out",
    "StepUpdate": "told by a guarded subscription",
    "Tag": "of a visible execution",
}


def scope_of(field: GraphQLField) -> str | None:
    """The scope that the schema says a field needs."""
    directives = strawberry_of(field).directives
    return next((each.scope for each in directives if isinstance(each, RequiresScope)), None)


def strawberry_of(field: GraphQLField) -> Any:
    return field.extensions["strawberry-definition"]


def object_types() -> Iterator[GraphQLObjectType | GraphQLInterfaceType]:
    for name, kind in GRAPHQL.type_map.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) and not name.startswith("__"):
            yield kind


def fields() -> Iterator[tuple[str, str, GraphQLField]]:
    for kind in object_types():
        for name, field in kind.fields.items():
            yield kind.name, f"{kind.name}.{name}", field


GUARDED = {path: scope for _, path, field in fields() if (scope := scope_of(field)) is not None}


def named_type_of(field: Any) -> Any:
    kind = field.type
    while hasattr(kind, "of_type"):
        kind = kind.of_type
    return kind


def reachable_unguarded() -> set[str]:
    """Every field that can be asked for without passing a guard."""
    found: set[str] = set()
    pending = list(ROOTS)
    seen = {root.name for root in ROOTS}
    while pending:
        kind = pending.pop()
        for name, field in kind.fields.items():
            if scope_of(field) is not None:
                continue
            found.add(f"{kind.name}.{name}")
            shown = named_type_of(field)
            if (
                isinstance(shown, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)
                and shown.name not in seen
            ):
                seen.add(shown.name)
                kinds = [shown] if isinstance(shown, GraphQLObjectType) else GRAPHQL.get_possible_types(shown)
                pending.extend(kinds)
    return found


def test_without_a_guard_nothing_is_reached_but_what_is_open():
    listed = {path for kind, path, _ in fields() if path in OPEN or kind in OPEN}

    assert reachable_unguarded() == listed


def test_every_field_is_guarded_or_listed_with_a_reason():
    unlisted = [
        path
        for kind, path, _ in fields()
        if path not in GUARDED and path not in OPEN and kind not in OPEN and kind not in BEHIND_A_GUARD
    ]

    assert unlisted == []


def test_the_lists_name_nothing_that_does_not_exist():
    known = {name for kind, path, _ in fields() for name in (kind, path)} | set(GRAPHQL.type_map)

    assert [name for name in (*OPEN, *NEEDS_MORE, *BEHIND_A_GUARD) if name not in known] == []
    assert all((*OPEN.values(), *BEHIND_A_GUARD.values()))


def test_what_needs_more_than_its_root_is_what_is_listed():
    roots = {root.name for root in ROOTS}

    assert {path: scope for path, scope in GUARDED.items() if path.partition(".")[0] not in roots} == NEEDS_MORE


@pytest.mark.parametrize("path", GUARDED)
def test_what_the_schema_says_is_what_refuses(path: str):
    kind, _, name = path.partition(".")
    field = GRAPHQL.type_map[kind].fields[name]

    guards = [each for each in strawberry_of(field).extensions if isinstance(each, Requires)]

    assert [guard.scope.value for guard in guards] == [GUARDED[path]]
    assert f'requiresScope(scope: "{GUARDED[path]}")' in SCHEMA.as_str()


def test_nothing_is_refused_that_the_schema_does_not_say():
    silent = [
        path
        for _, path, field in fields()
        if path not in GUARDED and any(isinstance(each, Requires) for each in strawberry_of(field).extensions)
    ]

    assert silent == []


def test_a_schema_that_is_made_again_says_everything_once():
    assert create_schema().as_str() == SCHEMA.as_str()


VALUES = {"ID!": '"x"', "[ID!]!": "[]", "String!": '"x"', "String": '"x"'}


def asking_for(path: str) -> str:
    """An operation that asks for one guarded field."""
    kind, _, name = path.partition(".")
    inside = {
        "Execution": f'{{ execution(executionId: "e001") {{ {name} }} }}',
        "ExecutionStep": f'{{ execution(executionId: "e001") {{ steps {{ nodes {{ {name} }} }} }} }}',
    }
    if kind in inside:
        return inside[kind]
    field = GRAPHQL.type_map[kind].fields[name]
    # A subscription goes on for ever, unless it is asked to begin where nothing can.
    asked = {argument: stated for argument, stated in field.args.items() if is_required_argument(stated)}
    if kind == "Subscription":
        asked["after"] = field.args["after"]
    arguments = ", ".join(f"{argument}: {VALUES[str(stated.type)]}" for argument, stated in asked.items())
    return f"{kind.lower()} {{ {name}{f'({arguments})' if arguments else ''} {{ __typename }} }}"


def token_without(scope: str | None) -> str:
    """A token with every scope but one, and but those that hold it."""
    scopes = [each for each in Scope if scope is None or not each.startswith(scope)]
    claims = {"sub": "ada", "tenant_id": "acme", "exp": int(time.time()) + 300, "scope": scopes}
    return jwt.encode(claims, SECRET)  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's


@pytest.mark.parametrize("path", GUARDED)
async def test_a_guard_refuses_whoever_has_every_other_scope_and_nobody_else(server: str, path: str):
    await store(execution(1, input_parameters={"a": 1}, final_result=[1]))
    await store_steps_and_logs("e001", 1)
    refused, allowed = token_without(GUARDED[path]), token_without(None)

    codes = [await codes_of(server, token, asking_for(path)) for token in (refused, allowed)]

    assert codes[0] == ["FORBIDDEN"]
    assert "FORBIDDEN" not in codes[1]


async def codes_of(server: str, token: str, operation: str) -> list[str]:
    if not operation.startswith("subscription"):
        return (await execute(server, token, operation)).codes
    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": operation})
        return [error["extensions"]["code"] for error in (await socket.receive())["payload"]]

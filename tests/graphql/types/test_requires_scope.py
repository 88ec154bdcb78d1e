"""Every root field but `viewer` requires a scope, and so does every other field, or a table says why not."""

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import jwt
import pytest
import strawberry
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

# Fields that every valid token may select. No other field can be reached without a scope.
OPEN = {
    "Query.viewer": "returns the caller's own claims and how late live is, also to callers without any scope",
    "Viewer": "as above",
}
# Fields that require more than the field above them; all others are as open as the field above them.
REQUIRES_MORE = {
    "Execution.inputParameters": Scope.EXECUTIONS_PAYLOAD,
    "Execution.finalResult": Scope.EXECUTIONS_PAYLOAD,
    "ExecutionStep.input": Scope.EXECUTIONS_PAYLOAD,
    "ExecutionStep.result": Scope.EXECUTIONS_PAYLOAD,
}
# A root field returns only objects that the caller may see: visibility is decided there, in one place.
BELOW_A_GUARDED_ROOT = {
    "AccessKey": "returned by guarded root fields, if the caller may see it",
    "AccessKeyConnection": "a page of such keys",
    "AccessKeyEdge": "of such a page",
    "AnnotateErrorGroupPayload": "of a group of which the caller sees an execution",
    "AppendLogsPayload": "counts of what a guarded mutation was sent",
    "AuditEvent": "of the caller's own tenant, returned by a guarded root field",
    "AuditEventConnection": "a page of such events",
    "AuditEventEdge": "of such a page",
    "CreateAccessKeyPayload": "of the key that a guarded mutation made",
    "DeleteViewPayload": "the id that a guarded mutation was sent",
    "Distribution": "of visible executions",
    "ErrorGroup": "of errors of visible executions; its sample is one of them",
    "ErrorGroupAnnotation": "of a group of which the caller sees an execution",
    "Execution": "returned by guarded root fields, if the caller may see it",
    "ExecutionActivity": "an event of a guarded subscription",
    "ExecutionConnection": "a page of visible executions, its count and its cursors",
    "ExecutionEdge": "of such a page",
    "ExecutionError": "of a visible execution or step",
    "ExecutionFacets": "values of visible executions",
    "ExecutionLogConnection": "of a visible execution",
    "ExecutionLogEdge": "of a visible execution",
    "ExecutionLogEntry": "of a visible execution",
    "ExecutionProgress": "of a visible execution",
    "ExecutionStatistics": "what visible executions add up to",
    "ExecutionStep": "of a visible execution",
    "ExecutionStepConnection": "of a visible execution",
    "ExecutionStepEdge": "of a visible execution",
    "ExecutionUpdate": "an event of a guarded subscription",
    "FacetValue": "of visible executions",
    "LogAppended": "an event of a guarded subscription",
    "Node": "returned by guarded root fields",
    "PageInfo": "of a page that was returned",
    "Rejection": "of what a guarded mutation was sent",
    "ReportExecutionPayload": "of a guarded mutation; its execution is null to callers who may not read it",
    "ReportStepsPayload": "counts of what a guarded mutation was sent",
    "RevokeAccessKeyPayload": "of the key that a guarded mutation revoked",
    "SaveViewPayload": "of the view that a guarded mutation saved",
    "SavedView": "returned by guarded root fields, if the caller may see it",
    "SearchProgress": "of a page, counted in visible executions",
    "StatisticsBucket": "what visible executions add up to",
    "StatisticsGroup": "what visible executions add up to",
    "StatusCount": "of visible executions",
    "StepStatistics": "what steps of visible executions add up to",
    "StepUpdate": "an event of a guarded subscription",
    "Tag": "of a visible execution",
    "CreateWebhookPayload": "of the webhook that a guarded mutation made",
    "DeleteWebhookPayload": "the id that a guarded mutation was sent",
    "ReplayDeliveriesPayload": "a count of what a guarded mutation sends again",
    "RotateWebhookSecretPayload": "of the caller's own webhook",
    "TestWebhookPayload": "of the caller's own webhook",
    "UpdateWebhookPayload": "of a webhook that the caller may list",
    "Webhook": "returned by guarded root fields, if the caller may list it",
    "WebhookConnection": "a page of such webhooks",
    "WebhookEdge": "of such a page",
    "WebhookDelivery": "of the caller's own webhook, returned by a guarded root field",
    "WebhookDeliveryConnection": "a page of such deliveries",
    "WebhookDeliveryEdge": "of such a page",
    "AcknowledgeAlertPayload": "of an alert that the caller may see",
    "Alert": "returned by guarded root fields, if the caller may see it",
    "AlertChannel": "of a rule that the caller may see, without its secrets",
    "AlertConnection": "a page of such alerts",
    "AlertEdge": "of such a page",
    "AlertPreview": "what a rule would find in executions that the caller may see",
    "AlertRule": "returned by guarded root fields, if the caller may see it",
    "AlertRuleConnection": "a page of such rules",
    "AlertRuleEdge": "of such a page",
    "AlertUpdate": "an event of a guarded subscription",
    "CreateAlertRulePayload": "of the rule that a guarded mutation made",
    "DeleteAlertRulePayload": "the id that a guarded mutation was sent",
    "SnoozeAlertPayload": "of an alert that the caller may see",
    "UpdateAlertRulePayload": "of a rule that the caller may see",
}


def scope_of(field: GraphQLField) -> str | None:
    """The scope of the directive `@requiresScope` of a field."""
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
    """Every field that can be selected without a scope."""
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


def open_root_fields(graphql: Any) -> list[str]:
    """The root fields that require no scope, of queries, mutations and subscriptions."""
    roots = (graphql.query_type, graphql.mutation_type, graphql.subscription_type)
    named = [(f"{root.name}.{name}", field) for root in roots if root for name, field in root.fields.items()]
    return [path for path, field in named if scope_of(field) is None]


def test_every_root_field_but_viewer_requires_a_scope():
    assert open_root_fields(GRAPHQL) == ["Query.viewer"]


def test_a_root_field_without_a_scope_is_found():
    @strawberry.type
    class Query:
        @strawberry.field(extensions=[Requires(Scope.EXECUTIONS_READ)])
        def guarded(self) -> int:
            return 1

        @strawberry.field
        def unguarded(self) -> int:
            return 1

    @strawberry.type
    class Mutation:
        @strawberry.mutation
        def unguarded(self) -> int:
            return 1

    @strawberry.type
    class Subscription:
        @strawberry.subscription(extensions=[Requires(Scope.EXECUTIONS_READ)])
        async def guarded(self) -> AsyncIterator[int]:
            yield 1

        @strawberry.subscription
        async def unguarded(self) -> AsyncIterator[int]:
            yield 1

    schema: Any = strawberry.Schema(Query, Mutation, Subscription)

    assert open_root_fields(schema._schema) == ["Query.unguarded", "Mutation.unguarded", "Subscription.unguarded"]  # noqa: SLF001


def test_only_open_fields_are_reached_without_a_scope():
    listed = {path for kind, path, _ in fields() if path in OPEN or kind in OPEN}

    assert reachable_unguarded() == listed


def test_every_field_requires_a_scope_or_is_listed_with_a_reason():
    unlisted = [
        path
        for kind, path, _ in fields()
        if path not in GUARDED and path not in OPEN and kind not in OPEN and kind not in BELOW_A_GUARDED_ROOT
    ]

    assert unlisted == []


def test_the_tables_name_only_fields_and_types_that_exist():
    known = {name for kind, path, _ in fields() for name in (kind, path)} | set(GRAPHQL.type_map)

    assert [name for name in (*OPEN, *REQUIRES_MORE, *BELOW_A_GUARDED_ROOT) if name not in known] == []
    assert all((*OPEN.values(), *BELOW_A_GUARDED_ROOT.values()))


def test_fields_that_require_more_than_their_root_are_listed():
    roots = {root.name for root in ROOTS}

    assert {path: scope for path, scope in GUARDED.items() if path.partition(".")[0] not in roots} == REQUIRES_MORE


@pytest.mark.parametrize("path", GUARDED)
def test_the_scope_in_the_schema_is_the_one_that_is_enforced(path: str):
    kind, _, name = path.partition(".")
    field = GRAPHQL.type_map[kind].fields[name]

    guards = [each for each in strawberry_of(field).extensions if isinstance(each, Requires)]

    assert [guard.scope.value for guard in guards] == [GUARDED[path]]
    assert f'requiresScope(scope: "{GUARDED[path]}")' in SCHEMA.as_str()


def test_no_field_is_refused_without_the_directive():
    silent = [
        path
        for _, path, field in fields()
        if path not in GUARDED and any(isinstance(each, Requires) for each in strawberry_of(field).extensions)
    ]

    assert silent == []


def test_a_second_schema_has_each_directive_once():
    assert create_schema().as_str() == SCHEMA.as_str()


VALUES = {
    "ID!": '"x"',
    "[ID!]!": "[]",
    "String!": '"x"',
    "String": '"x"',
    "AnnotateErrorGroupInput!": "{}",
    "CreateAccessKeyInput!": '{ name: "nightly" }',
    "SaveViewInput!": '{ name: "x", address: "x" }',
    "ReportExecutionInput!": '{ executionId: "x", reportedAt: "2026-01-01T00:00:00Z" }',
    "ReportStepsInput!": '{ executionId: "x", steps: [] }',
    "CreateWebhookInput!": '{ name: "x", url: "x" }',
    "UpdateWebhookInput!": "{}",
    "RotateWebhookSecretInput!": "{}",
    "ReplayDeliveriesInput!": "{}",
    "CreateAlertRuleInput!": '{ name: "x", condition: { duration: { longerThanSeconds: 1 } }, channels: [] }',
    "UpdateAlertRuleInput!": "{}",
    "AcknowledgeAlertInput!": "{}",
    "SnoozeAlertInput!": '{ until: "2026-01-01T00:00:00Z" }',
    "AppendLogsInput!": '{ executionId: "x", entries: [] }',
}


def operation_with(path: str) -> str:
    """An operation that selects one guarded field."""
    kind, _, name = path.partition(".")
    inside = {
        "Execution": f'{{ execution(executionId: "e001") {{ {name} }} }}',
        "ExecutionStep": f'{{ execution(executionId: "e001") {{ steps {{ nodes {{ {name} }} }} }} }}',
    }
    if kind in inside:
        return inside[kind]
    field = GRAPHQL.type_map[kind].fields[name]
    needed = {name: argument for name, argument in field.args.items() if is_required_argument(argument)}
    if kind == "Subscription":
        # It would never end, but for a cursor that is refused.
        needed["after"] = field.args["after"]
    arguments = ", ".join(f"{name}: {VALUES[str(argument.type)]}" for name, argument in needed.items())
    return f"{kind.lower()} {{ {name}{f'({arguments})' if arguments else ''} {{ __typename }} }}"


def token_without(scope: str | None) -> str:
    """A token with every scope but `scope` and those that begin with it."""
    scopes = [each for each in Scope if scope is None or not each.startswith(scope)]
    claims = {"sub": "ada", "tenant_id": "acme", "exp": int(time.time()) + 300, "scope": scopes}
    return jwt.encode(claims, SECRET)  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's


@pytest.mark.parametrize("path", GUARDED)
async def test_a_field_is_forbidden_without_its_scope_even_with_all_others(server: str, path: str):
    await store(execution(1, input_parameters={"a": 1}, final_result=[1]))
    await store_steps_and_logs("e001", 1)
    refused, allowed = token_without(GUARDED[path]), token_without(None)

    codes = [await codes_of(server, token, operation_with(path)) for token in (refused, allowed)]

    assert codes[0] == ["FORBIDDEN"]
    assert "FORBIDDEN" not in codes[1]


async def codes_of(server: str, token: str, operation: str) -> list[str]:
    if not operation.startswith("subscription"):
        return (await execute(server, token, operation)).codes
    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": operation})
        return [error["extensions"]["code"] for error in (await socket.receive())["payload"]]

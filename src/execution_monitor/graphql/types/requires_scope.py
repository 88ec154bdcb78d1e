"""Scopes that fields require: `Requires` adds the directive `@requiresScope` to a field, and enforces it."""

from typing import Any

import strawberry
from graphql import OperationType
from strawberry.extensions import FieldExtension
from strawberry.schema_directive import Location
from strawberry.types.field import StrawberryField
from typing_extensions import override

from execution_monitor.auth.caller import Scope
from execution_monitor.graphql.context import ContextInfo


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="requiresScope",
    description="The field answers FORBIDDEN to callers without this scope.",
)
class RequiresScope:
    """The directive, as the schema prints it."""

    scope: str


class Requires(FieldExtension):
    """Field extension: refuses callers without `scope`, and adds the directive to the schema."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    @override
    def apply(self, field: StrawberryField) -> None:
        # Creating another schema applies it to the same field again.
        if not any(isinstance(each, RequiresScope) for each in field.directives):
            field.directives = [*field.directives, RequiresScope(scope=self.scope.value)]

    @override
    def resolve(self, next_: Any, source: Any, info: ContextInfo, **kwargs: Any) -> Any:
        caller = info.context.caller
        if info.operation.operation is OperationType.MUTATION and info.path.prev is None:
            caller.require_mutation(self.scope)
        else:
            caller.require(self.scope)
        return next_(source, info, **kwargs)

    @override
    def resolve_async(self, next_: Any, source: Any, info: ContextInfo, **kwargs: Any) -> Any:
        # `next_` returns a coroutine, which the caller awaits.
        return self.resolve(next_, source, info, **kwargs)


def scopes_needed(field: StrawberryField) -> frozenset[Scope]:
    """The scopes that `field` itself requires."""
    return frozenset(each.scope for each in field.extensions if isinstance(each, Requires))

"""What an operation selects, as graphql-core collects it: fragments, aliases, `@skip` and `@include` resolved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLSchema, OperationDefinitionNode
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetails,
    FragmentDetails,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from strawberry.types.field import StrawberryField

from execution_monitor.auth.caller import Scope
from execution_monitor.graphql.selection import Selected
from execution_monitor.graphql.types.requires_scope import scopes_needed


class NotCompilable(Exception):
    """The operation holds something that is not compiled."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects the fields of one operation for one set of variables."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDetails]
    operation: OperationDefinitionNode
    variables: VariableValues
    scopes: set[Scope] = field(default_factory=set[Scope])  # that the fields collected so far need

    def roots(self, root: GraphQLObjectType) -> "list[Field]":
        """The root fields."""
        return self._fields(collect_fields(self.schema, self.fragments, self.variables, root, self.operation), root)

    def below(self, details: list[FieldDetails], shown: GraphQLObjectType) -> "list[Field]":
        """The fields that `details` select of an object of the type `shown`."""
        found = collect_subfields(self.schema, self.fragments, self.variables, self.operation, shown, details)
        return self._fields(found, shown)

    def _fields(self, found: CollectedFields, shown: GraphQLObjectType) -> "list[Field]":
        if found.new_defer_usages:
            raise NotCompilable("@defer")
        fields = [
            Field(key, details[0].node.name.value, shown, details, self)
            for key, details in found.grouped_field_set.items()
        ]
        # Here, where no field gets by, so that no way of compiling one can forget its guard.
        self.scopes.update(*(each.scopes for each in fields))
        return fields


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the type `parent` as an operation asks for it, under one response key, perhaps several times."""

    key: str
    name: str
    parent: GraphQLObjectType
    details: list[FieldDetails]
    collector: Collector

    @property
    def definition(self) -> GraphQLField:
        """How the schema defines it; raises `NotCompilable` for `__schema` and `__type`, which tell of the schema."""
        found = self.parent.fields.get(self.name)
        if found is None:
            raise NotCompilable(self.name)
        return found

    @property
    def type(self) -> Any:
        """The type of its value; graphql-core leaves its generics open."""
        definition: Any = self.definition
        return definition.type

    @property
    def nodes(self) -> list[FieldNode]:
        """Where the document asks for it."""
        return [each.node for each in self.details]

    @property
    def declared(self) -> StrawberryField:
        """Our own definition of the field."""
        return self.definition.extensions["strawberry-definition"]

    @property
    def metadata(self) -> Mapping[Any, Any]:
        """What our own definition says of it; nothing of `__typename`."""
        return {} if self.name == "__typename" else self.declared.metadata

    @property
    def scopes(self) -> frozenset[Scope]:
        """What a caller must be allowed to for the field itself."""
        return frozenset() if self.name.startswith("__") else scopes_needed(self.declared)

    def below(self, shown: GraphQLObjectType) -> "list[Field]":
        """What is selected of the object of the type `shown` that this field leads to."""
        return self.collector.below(self.details, shown)


def by_name(fields: Sequence[Field]) -> Selected:
    """The nodes of `fields`, by field name."""
    found: dict[str, list[FieldNode]] = {}
    for each in fields:
        found.setdefault(each.name, []).extend(each.nodes)
    return found

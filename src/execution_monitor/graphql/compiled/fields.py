"""The fields that an operation selects, as graphql-core collects them, and their arguments.

Fragments, aliases, `@skip` and `@include` are resolved.
"""

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
from graphql.execution.values import VariableValues, get_argument_values
from strawberry import Schema
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

from execution_monitor.auth.caller import Scope
from execution_monitor.graphql.selection import Selected
from execution_monitor.graphql.types.requires_scope import scopes_needed


class NotCompilable(Exception):
    """The operation has something that only graphql-core can run; the message names it, if there is one."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects the fields of one operation for one set of variables."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDetails]
    operation: OperationDefinitionNode
    variables: VariableValues
    scopes: set[Scope] = field(default_factory=set[Scope])  # of the fields collected so far

    def roots(self, root: GraphQLObjectType) -> "list[Field]":
        """The root fields."""
        return self._fields(collect_fields(self.schema, self.fragments, self.variables, root, self.operation), root)

    def below(self, details: list[FieldDetails], return_type: GraphQLObjectType) -> "list[Field]":
        """The fields that `details` select of an object of the type `return_type`."""
        found = collect_subfields(self.schema, self.fragments, self.variables, self.operation, return_type, details)
        return self._fields(found, return_type)

    def _fields(self, found: CollectedFields, return_type: GraphQLObjectType) -> "list[Field]":
        if found.new_defer_usages:
            raise NotCompilable("@defer")
        fields = [
            Field(key, details[0].node.name.value, return_type, details, self)
            for key, details in found.grouped_field_set.items()
        ]
        # All fields come by here, so that no way of compiling one can forget its scope.
        self.scopes.update(*(each.scopes for each in fields))
        return fields


@dataclass(frozen=True, slots=True)
class Field:
    """A selected field of the type `parent`, under one response key; a document may select it several times."""

    key: str
    name: str
    parent: GraphQLObjectType
    details: list[FieldDetails]
    collector: Collector

    @property
    def definition(self) -> GraphQLField:
        """Its definition in the schema; raises `NotCompilable` for `__schema` and `__type`, which no type defines."""
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
        """Its nodes in the document."""
        return [each.node for each in self.details]

    @property
    def declared(self) -> StrawberryField:
        """Its definition in Strawberry."""
        return self.definition.extensions["strawberry-definition"]

    @property
    def metadata(self) -> Mapping[Any, Any]:
        """The metadata of its definition; none for `__typename`."""
        return {} if self.name == "__typename" else self.declared.metadata

    @property
    def scopes(self) -> frozenset[Scope]:
        """The scopes that the field itself needs."""
        return frozenset() if self.name.startswith("__") else scopes_needed(self.declared)

    def below(self, return_type: GraphQLObjectType) -> "list[Field]":
        """The fields selected of the object type `return_type`, which this field returns."""
        return self.collector.below(self.details, return_type)


def by_name(fields: Sequence[Field]) -> Selected:
    """The nodes of `fields`, by field name."""
    found: dict[str, list[FieldNode]] = {}
    for each in fields:
        found.setdefault(each.name, []).extend(each.nodes)
    return found


@dataclass(frozen=True, slots=True)
class Arguments:
    """Reads arguments of one operation as resolvers take them: coerced by graphql-core, converted by Strawberry."""

    schema: Schema
    variables: VariableValues

    def of(self, field: Field) -> dict[str, Any]:
        """The arguments of `field` by their Python names.

        Raises:
            GraphQLError: graphql-core cannot coerce them.
            ExecutionMonitorError: a scalar or an input of ours refuses them.
        """
        values = get_argument_values(field.definition, field.nodes[0], self.variables)
        return convert_arguments(
            values,
            field.declared.arguments,
            self.schema.schema_converter.scalar_registry,
            self.schema.config,
        )

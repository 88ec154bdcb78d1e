"""Arguments as resolvers take them: coerced by graphql-core, converted by Strawberry."""

from dataclasses import dataclass
from typing import Any

from graphql.execution.values import VariableValues, get_argument_values
from strawberry import Schema
from strawberry.types.arguments import convert_arguments

from execution_monitor.graphql.compiled.fields import Field


@dataclass(frozen=True, slots=True)
class Arguments:
    """Reads arguments of one operation for one set of variables."""

    schema: Schema
    variables: VariableValues

    def of(self, field: Field) -> dict[str, Any]:
        """The arguments of `field` by their Python names; raises as graphql-core and Strawberry do."""
        values = get_argument_values(field.definition, field.nodes[0], self.variables)
        return convert_arguments(
            values,
            field.declared.arguments,
            self.schema.schema_converter.scalar_registry,
            self.schema.config,
        )

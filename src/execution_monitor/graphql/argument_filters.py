"""Filters outside of GraphQL: the JSON of an `ExecutionFilter`, read as the argument of a list is."""

from typing import Any, cast

import strawberry
from graphql import GraphQLError
from graphql.utilities import (
    coerce_input_value,  # pyright: ignore[reportUnknownVariableType] - the types of its lists are open
    validate_input_value,  # pyright: ignore[reportUnknownVariableType] - likewise
)
from strawberry.types.arguments import convert_argument

from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.graphql.inputs.filters import ExecutionFilter, to_filter
from execution_monitor.storage.filters import Filter


def read_argument_filter(schema: strawberry.Schema, given: object) -> Filter:
    """The filter that `given`, the JSON of an `ExecutionFilter`, means.

    Raises:
        ValueError: it cannot be read; the message says what to mend.
    """
    core = schema._schema  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - Strawberry has no public way to it
    input_type: Any = core.type_map[ExecutionFilter.__name__]
    try:
        validate_input_value(given, input_type, _refuse)
        coerced = coerce_input_value(given, input_type)
        arguments = (schema.schema_converter.scalar_registry, schema.config)
        return to_filter(cast("ExecutionFilter", convert_argument(coerced, ExecutionFilter, *arguments)))
    except ExecutionMonitorError as error:
        raise ValueError(error.message) from error


def _refuse(error: GraphQLError, path: list[str | int]) -> None:
    place = f"{'.'.join(map(str, path))}: " if path else ""
    raise ValueError(f"{place}{error.message}") from error

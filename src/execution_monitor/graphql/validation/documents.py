"""GraphQL documents: parsed and validated within limits, and the recent ones remembered."""

from dataclasses import dataclass
from functools import lru_cache

import strawberry
from graphql import (
    DocumentNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
)
from strawberry.schema.schema import validate_document

from execution_monitor.graphql.validation.cost import Costs

# GraphiQL's introspection query has 400, a filter written out with all the values it may hold 1,000. The time to
# validate grows with the square: 5,000 can hold up every other caller for a second.
MAX_TOKENS = 2_000
# Parsing and validating cost as much as executing. A character that is remembered takes up to 170 bytes.
REMEMBERED_DOCUMENTS = 256
LONGEST_REMEMBERED = 5_000


@dataclass(frozen=True, slots=True)
class Document:
    """A document, what is wrong with it, and what its operations cost, which is known only when nothing is wrong."""

    node: DocumentNode
    errors: tuple[GraphQLError, ...]
    costs: Costs

    @property
    def operations(self) -> list[OperationDefinitionNode]:
        """The operations that it defines."""
        return [each for each in self.node.definitions if isinstance(each, OperationDefinitionNode)]


class Documents:
    """Reads documents, the recent ones from memory; with `allows_introspection`, those that select the schema, too."""

    def __init__(self, *, allows_introspection: bool = True) -> None:
        self._rules = [*specified_rules, *([] if allows_introspection else [NoSchemaIntrospectionCustomRule])]
        self._recent = lru_cache(REMEMBERED_DOCUMENTS)(self._read)

    def read(self, text: str, schema: strawberry.Schema) -> Document:
        """The document that `text` spells, validated against `schema`; raises `GraphQLError` for bad syntax."""
        return self._recent(text, schema) if len(text) <= LONGEST_REMEMBERED else self._read(text, schema)

    def _read(self, text: str, schema: strawberry.Schema) -> Document:
        node = parse_document(text)
        core = schema._schema  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as Strawberry's own extensions do
        errors = validate_document(core, node, tuple(self._rules))
        costs = Costs(core, node)
        return Document(node, tuple(errors or costs.problems()), costs)


def parse_document(text: str) -> DocumentNode:
    """`text` parsed; raises `GraphQLError` when it has bad syntax, is nested too deeply or is longer than the limit."""
    return parse(text, max_tokens=MAX_TOKENS)

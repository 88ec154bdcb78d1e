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

# GraphiQL's introspection query has 400, a filter with all the values it may hold written out 1,000. The time to
# validate grows with the square: 5,000 can block every other request for a second.
MAX_TOKENS = 2_000
# Parsing and validating take as long as executing. A remembered character takes up to 170 bytes.
REMEMBERED_DOCUMENTS = 256
LONGEST_REMEMBERED = 5_000


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A parsed document with its validation errors; `costs` holds for one without errors only."""

    node: DocumentNode
    errors: tuple[GraphQLError, ...]
    costs: Costs

    @property
    def operations(self) -> list[OperationDefinitionNode]:
        """Its operations, in order."""
        return [each for each in self.node.definitions if isinstance(each, OperationDefinitionNode)]


class Documents:
    """Parses and validates documents, and remembers the recent ones.

    With `allows_introspection` they may select `__schema` and `__type`.
    """

    def __init__(self, *, allows_introspection: bool = True) -> None:
        self._rules = [*specified_rules, *([] if allows_introspection else [NoSchemaIntrospectionCustomRule])]
        self._recent = lru_cache(REMEMBERED_DOCUMENTS)(self._read)

    def read(self, text: str, schema: strawberry.Schema) -> ParsedDocument:
        """`text` parsed and validated against `schema`, with the errors that this found.

        Raises:
            GraphQLError: bad syntax, or beyond the limits of the parser.
        """
        return self._recent(text, schema) if len(text) <= LONGEST_REMEMBERED else self._read(text, schema)

    def _read(self, text: str, schema: strawberry.Schema) -> ParsedDocument:
        node = parse_document(text)
        core = schema._schema  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as Strawberry's own extensions do
        errors = validate_document(core, node, tuple(self._rules))
        costs = Costs(core, node)
        return ParsedDocument(node, tuple(errors or costs.problems()), costs)


def parse_document(text: str) -> DocumentNode:
    """`text` parsed, not validated.

    Raises:
        GraphQLError: bad syntax, nested too deeply, or longer than `MAX_TOKENS`.
    """
    return parse(text, max_tokens=MAX_TOKENS)

"""GraphQL documents: parsed and validated within limits, and the recent ones remembered."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import strawberry
from graphql import DocumentNode, GraphQLError, OperationDefinitionNode, parse, specified_rules
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import validate_document
from typing_extensions import override

from execution_monitor.errors import BadUserInput

# GraphiQL's introspection query has 400, a filter written out with all the values it may hold 1,000. The time to
# validate grows with the square: 5,000 can hold up every other caller for a second.
MAX_TOKENS = 2_000
# Parsing and validating cost as much as executing. A character that is remembered takes up to 170 bytes.
REMEMBERED_DOCUMENTS = 256
LONGEST_REMEMBERED = 5_000


@dataclass(frozen=True, slots=True)
class Document:
    """A document, and what is wrong with it."""

    node: DocumentNode
    errors: tuple[GraphQLError, ...]

    @property
    def operations(self) -> list[OperationDefinitionNode]:
        """The operations that it defines."""
        return [each for each in self.node.definitions if isinstance(each, OperationDefinitionNode)]


class Documents:
    """Reads documents, the recent ones from memory."""

    def __init__(self) -> None:
        self._recent = lru_cache(REMEMBERED_DOCUMENTS)(_read)

    def read(self, text: str, schema: strawberry.Schema) -> Document:
        """The document that `text` spells, validated against `schema`; raises `GraphQLError` for bad syntax."""
        return self._recent(text, schema) if len(text) <= LONGEST_REMEMBERED else _read(text, schema)


class DocumentReading(SchemaExtension):
    """Lets one operation be parsed and validated by `Documents`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._errors: tuple[GraphQLError, ...] = ()

    @override
    def on_parse(self) -> Iterator[None]:
        """Set the document, or raise its syntax error."""
        context = self.execution_context
        document = self._documents.read(context.query or "", context.schema)
        context.graphql_document = document.node
        # Strawberry would run the first one; the specification wants an error (section 6.1.1, GetOperation).
        unnamed = context._provided_operation_name is None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - Strawberry has no public way to it
        self._errors = (*document.errors, *_ambiguity(document)) if unnamed else document.errors
        yield

    @override
    def on_validate(self) -> Iterator[None]:
        """Set the errors that keep the operation from running."""
        self.execution_context.pre_execution_errors = list(self._errors)
        yield


def parse_document(text: str) -> DocumentNode:
    """`text` parsed; raises `GraphQLError` when it has bad syntax, is nested too deeply or is longer than the limit."""
    return parse(text, max_tokens=MAX_TOKENS)


def _read(text: str, schema: strawberry.Schema) -> Document:
    node = parse_document(text)
    core = schema._schema  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as Strawberry's own extensions do
    return Document(node, tuple(validate_document(core, node, tuple(specified_rules))))


def _ambiguity(document: Document) -> Iterator[GraphQLError]:
    if len(document.operations) > 1:
        problem = BadUserInput("Several operations were sent; name one in operationName.")
        yield GraphQLError(problem.message, original_error=problem)

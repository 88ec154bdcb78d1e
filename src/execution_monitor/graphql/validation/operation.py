"""Validated operations: parsed, found valid, their variables coerced; or the errors why they cannot run."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, NoReturn, cast

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    get_operation_ast,
    value_from_ast_untyped,
)
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from execution_monitor.asgi.operations import Kind
from execution_monitor.errors import BadUserInput, ExecutionMonitorError, TooExpensive
from execution_monitor.graphql.errors import ClientSafeSchema, to_client_errors
from execution_monitor.graphql.validation.documents import Document
from execution_monitor.graphql.validation.request import GraphQLRequest
from execution_monitor.lru_cache import Recent

# A dashboard asks the same again and again; a cursor is used once or twice. One takes some ten kilobytes.
REMEMBERED_REQUESTS = 1_024
LONGEST_REMEMBERED = 7_000  # characters of the document, and bytes of the variables
# graphql-core leaves its generics open.
_EXECUTOR: Any = StrawberryGraphQLCoreExecutionContext


class RequestErrors(ExecutionMonitorError):
    """Why an operation could not begin: `errors` as clients are shown them; `kind` is None where none was found."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, errors: Sequence[GraphQLError], kind: Kind | None = None) -> None:
        self.errors = to_client_errors(errors)
        self.kind = kind
        super().__init__(self.errors[0]["message"])

    @property
    def codes(self) -> Sequence[str]:
        """The code of each error."""
        return [error["extensions"]["code"] for error in self.errors]


class SyntaxErrors(RequestErrors):
    """Why a document could not be parsed."""

    status = HTTPStatus.BAD_REQUEST


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class ValidatedOperation:
    """An operation with its variables, found valid: what is known of it whoever asks.

    `executor` is graphql-core's, to be read and to be copied for events; what runs as a whole is built anew, because it
    keeps what becomes of it.
    """

    request: GraphQLRequest
    kind: Kind
    definition: OperationDefinitionNode
    executor: Any
    cost: int
    build_executor: Callable[[], Any]

    def arguments(self) -> Mapping[str, Any]:
        """The root fields, as `name` or `alias: name`, with arguments as JSON; also those that @skip leaves out."""
        return _arguments_of(self.definition, self.executor.fragment_definitions, self.request)


class OperationValidator:
    """Reads the questions to one schema that cost `max_cost` points at most, the recent ones from memory."""

    def __init__(self, schema: ClientSafeSchema, *, max_cost: int) -> None:
        self._schema = schema
        self._max_cost = max_cost
        self._recent: Recent[ValidatedOperation] = Recent(REMEMBERED_REQUESTS)

    def validate(self, asked: GraphQLRequest) -> ValidatedOperation:
        """What `asked` means; raises `RequestErrors`."""
        variables = _spell(asked.variables)
        if variables is None or len(asked.query) + len(variables) > LONGEST_REMEMBERED:
            return self._validate(asked)
        key = (asked.query, asked.operation_name, variables)
        found = self._recent.get(key)
        if found is None:
            found = self._validate(asked)
            self._recent.put(key, found)
        return found

    def _validate(self, asked: GraphQLRequest) -> ValidatedOperation:
        schema = self._schema
        try:
            document = schema.documents.read(asked.query, schema)
        except GraphQLError as error:
            raise SyntaxErrors([error]) from error
        except Exception as error:
            raise RequestErrors([GraphQLError(str(error), original_error=error)]) from error
        definition = get_operation_ast(document.node, asked.operation_name)
        if definition is None:
            _refuse(schema, [*document.errors, _no_operation(document, asked.operation_name)])
        kind = Kind(definition.operation.value)
        if document.errors:
            _refuse(schema, document.errors, kind)
        build_executor = partial(
            _EXECUTOR.build,
            schema._schema,  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - Strawberry has no public way to it
            document.node,
            raw_variable_values=asked.variables,
            operation_name=asked.operation_name,
            is_awaitable=optimized_is_awaitable,
        )
        executor: Any = build_executor()
        if isinstance(executor, list):
            _refuse(schema, cast("list[GraphQLError]", executor), kind)
        cost = document.costs.of(definition, executor.variable_values.coerced)
        if cost > self._max_cost:
            problem = TooExpensive(cost, self._max_cost)
            _refuse(schema, [GraphQLError(problem.message, definition, original_error=problem)], kind)
        return ValidatedOperation(asked, kind, definition, executor, cost, build_executor)


def _spell(variables: Mapping[str, Any] | None) -> bytes | None:
    """`variables` as a text that no others have; None for what JSON cannot hold, which no client sent."""
    try:
        return orjson.dumps(variables)
    except orjson.JSONEncodeError:
        return None


def _refuse(schema: ClientSafeSchema, errors: Iterable[GraphQLError], kind: Kind | None = None) -> NoReturn:
    found = list(errors)
    schema.process_errors(found)
    raise RequestErrors(found, kind)


def _no_operation(document: Document, name: str | None) -> GraphQLError:
    # Others would run the first one; the specification wants an error (section 6.1.1, GetOperation).
    several = name is None and len(document.operations) > 1
    problem = BadUserInput(
        "Several operations were sent; name one in operationName."
        if several
        else "operationName must name one of the operations."
    )
    return GraphQLError(problem.message, original_error=problem)


def _arguments_of(
    definition: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode], asked: GraphQLRequest
) -> Mapping[str, Any]:
    variables = {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in definition.variable_definitions or ()
        if each.default_value is not None
    } | (asked.variables or {})
    found: dict[str, Any] = {}
    seen: set[str] = set()
    pending: list[SelectionSetNode] = [definition.selection_set]
    while pending:
        for node in pending.pop().selections:
            if isinstance(node, FieldNode):
                name = node.name.value
                found[name if node.alias is None else f"{node.alias.value}: {name}"] = {
                    argument.name.value: value_from_ast_untyped(argument.value, variables)
                    for argument in node.arguments or ()
                }
            elif not isinstance(node, FragmentSpreadNode):
                pending.append(cast("Any", node).selection_set)
            elif node.name.value not in seen:
                seen.add(node.name.value)
                pending.append(fragments[node.name.value].selection_set)
    return found

"""An operation made ready to run: read, found valid, its variables filled in; or the reasons why it cannot begin."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

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

from execution_monitor.access.caller import Caller
from execution_monitor.access.operations import Kind, Operation, Origin
from execution_monitor.errors import BadUserInput, ExecutionMonitorError, TooExpensive
from execution_monitor.graphql.documents import Document
from execution_monitor.graphql.errors import QuietSchema, to_client_errors
from execution_monitor.graphql.requests import GraphQLRequest

# graphql-core leaves its generics open.
_EXECUTOR: Any = StrawberryGraphQLCoreExecutionContext


class RequestErrors(ExecutionMonitorError):
    """Why an operation could not begin: `errors` as clients are shown them; `kind` is None where none was found."""

    def __init__(self, errors: Sequence[GraphQLError], kind: Kind | None = None) -> None:
        self.errors = to_client_errors(errors)
        self.kind = kind
        super().__init__(self.errors[0]["message"])

    @property
    def codes(self) -> Sequence[str]:
        """The code of each error."""
        return [error["extensions"]["code"] for error in self.errors]


class KindNotTaken(Exception):
    """An operation of a kind that may not come this way."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that is ready to run; `executor` is graphql-core's, without a context."""

    asked: GraphQLRequest
    operation: Operation
    definition: OperationDefinitionNode
    executor: Any


def prepare(  # noqa: PLR0913 - who asks for what, and what is allowed
    schema: QuietSchema,
    asked: GraphQLRequest,
    caller: Caller,
    origin: Origin,
    kinds: Collection[Kind] = frozenset(Kind),
    *,
    max_cost: int,
) -> Prepared:
    """`asked` made ready; raises `RequestErrors`, or `KindNotTaken` for one of no kind in `kinds`.

    It may cost `max_cost` points.
    """
    try:
        document = schema.documents.read(asked.query, schema)
    except GraphQLError as error:
        raise RequestErrors([error]) from error
    except Exception as error:
        raise RequestErrors([GraphQLError(str(error), original_error=error)]) from error
    definition = get_operation_ast(document.node, asked.operation_name)
    if definition is None:
        _refuse(schema, [*document.errors, _no_operation(document, asked.operation_name)])
    kind = Kind(definition.operation.value)
    if kind not in kinds:
        raise KindNotTaken(kind)
    if document.errors:
        _refuse(schema, document.errors, kind)
    executor: Any = _EXECUTOR.build(
        schema._schema,  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - Strawberry has no public way to it
        document.node,
        raw_variable_values=asked.variables,
        operation_name=asked.operation_name,
        is_awaitable=optimized_is_awaitable,
    )
    if isinstance(executor, list):
        _refuse(schema, cast("list[GraphQLError]", executor), kind)
    cost = document.costs.of(definition, executor.variable_values.coerced)
    if cost > max_cost:
        problem = TooExpensive(cost, max_cost)
        _refuse(schema, [GraphQLError(problem.message, definition, original_error=problem)], kind)
    operation = Operation(
        caller,
        origin,
        kind,
        name=None if definition.name is None else definition.name.value,
        cost=cost,
        arguments=lambda: _arguments_of(definition, executor.fragment_definitions, asked),
    )
    return Prepared(asked, operation, definition, executor)


def _refuse(schema: QuietSchema, errors: Iterable[GraphQLError], kind: Kind | None = None) -> NoReturn:
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
    """The root fields, as `name` or `alias: name`, with their arguments as JSON; also those that @skip leaves out."""
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

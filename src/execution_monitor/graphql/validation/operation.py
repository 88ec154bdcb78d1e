"""Validated operations: parsed, found valid, their variables coerced, their cost known; or the errors why not."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, NoReturn, cast

import orjson
from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    OperationDefinitionNode,
    get_operation_ast,
    value_from_ast_untyped,
)
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from execution_monitor.asgi.operations import Operation, OperationKind
from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import BadUserInput, ExecutionMonitorError, TooExpensive
from execution_monitor.graphql.errors import ClientSafeSchema, to_client_errors
from execution_monitor.graphql.selection import walk_fields
from execution_monitor.graphql.validation.documents import ParsedDocument
from execution_monitor.graphql.validation.request import GraphQLRequest
from execution_monitor.lru_cache import LruCache

# A dashboard sends the same requests again and again; a cursor is used once or twice. One takes some ten kilobytes.
REMEMBERED_REQUESTS = 1_024
LONGEST_REMEMBERED = 7_000  # characters of the document, and bytes of the variables
# graphql-core leaves its generics open.
_EXECUTOR: Any = StrawberryGraphQLCoreExecutionContext


class RequestErrors(ExecutionMonitorError):
    """Request errors (GraphQL, section 7.1.1): why an operation did not begin to run.

    `errors` are as the response has them; `kind` is None where the document holds no operation to run.
    """

    status = HTTPStatus.UNPROCESSABLE_ENTITY

    def __init__(self, errors: Sequence[GraphQLError], kind: OperationKind | None = None) -> None:
        self.errors = to_client_errors(errors)
        self.kind = kind
        super().__init__(self.errors[0]["message"])

    @property
    def codes(self) -> Sequence[str]:
        """The `extensions.code` of each error."""
        return [error["extensions"]["code"] for error in self.errors]


class SyntaxErrors(RequestErrors):
    """A document that cannot be parsed."""

    status = HTTPStatus.BAD_REQUEST


class OperationKindNotAllowed(Exception):
    """An operation of a kind that its transport does not allow, such as a mutation in a GET."""

    def __init__(self, kind: OperationKind) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class ValidatedOperation:
    """An operation with coerced variables and a known cost; the same for every caller, so that it is cached.

    `executor` is graphql-core's, to be read and to be copied for events. What runs as a whole takes a new one from
    `build_executor`, because an executor keeps the errors of its run.
    """

    request: GraphQLRequest
    kind: OperationKind
    definition: OperationDefinitionNode
    executor: Any
    cost: int
    build_executor: Callable[[], Any]

    def arguments(self) -> Mapping[str, Any]:
        """The root fields, as `name` or `alias: name`, with their arguments; also those that `@skip` leaves out."""
        variables = {
            each.variable.name.value: value_from_ast_untyped(each.default_value)
            for each in self.definition.variable_definitions or ()
            if each.default_value is not None
        } | (self.request.variables or {})
        fragments: Mapping[str, FragmentDefinitionNode] = self.executor.fragment_definitions
        found: dict[str, Any] = {}
        for field, _ in walk_fields([self.definition.selection_set], fragments):
            name = field.name.value
            found[name if field.alias is None else f"{field.alias.value}: {name}"] = {
                argument.name.value: value_from_ast_untyped(argument.value, variables)
                for argument in field.arguments or ()
            }
        return found


@dataclass(frozen=True, slots=True)
class ExecutableOperation:
    """A validated operation of one caller; `operation` is what observers see of it."""

    validated: ValidatedOperation
    operation: Operation


class OperationValidator:
    """Validates requests against one schema, and remembers the recent ones; an operation costs at most `max_cost`."""

    def __init__(self, schema: ClientSafeSchema, *, max_cost: int) -> None:
        self._schema = schema
        self._max_cost = max_cost
        self._recent: LruCache[ValidatedOperation] = LruCache(REMEMBERED_REQUESTS)

    def prepare(
        self,
        request: GraphQLRequest,
        caller: Caller,
        origin: Origin,
        kinds: Collection[OperationKind] = frozenset(OperationKind),
    ) -> ExecutableOperation:
        """The operation of `request`, ready to run for `caller`.

        Raises:
            OperationKindNotAllowed: the operation is of none of `kinds`, whether or not it is valid.
            RequestErrors: the document or the variables are not valid, or the operation costs too much.
        """
        try:
            validated = self.validate(request)
        except RequestErrors as error:
            if error.kind is not None and error.kind not in kinds:
                raise OperationKindNotAllowed(error.kind) from error
            raise
        if validated.kind not in kinds:
            raise OperationKindNotAllowed(validated.kind)
        name = validated.definition.name
        return ExecutableOperation(
            validated,
            Operation(
                caller,
                origin,
                validated.kind,
                name=None if name is None else name.value,
                cost=validated.cost,
                arguments=validated.arguments,
            ),
        )

    def validate(self, request: GraphQLRequest) -> ValidatedOperation:
        """The operation of `request`, from memory where the same was validated before.

        Raises:
            RequestErrors: as `prepare` does.
        """
        variables = _serialise(request.variables)
        if variables is None or len(request.query) + len(variables) > LONGEST_REMEMBERED:
            return self._validate(request)
        key = (request.query, request.operation_name, variables)
        found = self._recent.get(key)
        if found is None:
            found = self._validate(request)
            self._recent.put(key, found)
        return found

    def _validate(self, request: GraphQLRequest) -> ValidatedOperation:
        schema = self._schema
        document = self._parse(request.query)
        definition = get_operation_ast(document.node, request.operation_name)
        if definition is None:
            _refuse(schema, [*document.errors, _no_operation(document, request.operation_name)])
        kind = OperationKind(definition.operation.value)
        if document.errors:
            _refuse(schema, document.errors, kind)
        build_executor = partial(
            _EXECUTOR.build,
            schema._schema,  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - Strawberry has no public way to it
            document.node,
            raw_variable_values=request.variables,
            operation_name=request.operation_name,
            is_awaitable=optimized_is_awaitable,
        )
        executor: Any = build_executor()
        if isinstance(executor, list):
            _refuse(schema, cast("list[GraphQLError]", executor), kind)
        cost = document.costs.of(definition, executor.variable_values.coerced)
        if cost > self._max_cost:
            problem = TooExpensive(cost, self._max_cost)
            _refuse(schema, [GraphQLError(problem.message, definition, original_error=problem)], kind)
        return ValidatedOperation(request, kind, definition, executor, cost, build_executor)

    def _parse(self, text: str) -> ParsedDocument:
        try:
            return self._schema.documents.read(text, self._schema)
        except GraphQLError as error:
            raise SyntaxErrors([error]) from error
        except Exception as error:
            raise RequestErrors([GraphQLError(str(error), original_error=error)]) from error


def _serialise(variables: Mapping[str, Any] | None) -> bytes | None:
    """`variables` as part of a cache key; None for what JSON cannot hold, which no client sends."""
    try:
        return orjson.dumps(variables)
    except orjson.JSONEncodeError:
        return None


def _refuse(schema: ClientSafeSchema, errors: Iterable[GraphQLError], kind: OperationKind | None = None) -> NoReturn:
    found = list(errors)
    schema.process_errors(found)
    raise RequestErrors(found, kind)


def _no_operation(document: ParsedDocument, name: str | None) -> GraphQLError:
    # Other servers would run the first one; the specification wants an error (section 6.1.1, GetOperation).
    several = name is None and len(document.operations) > 1
    problem = BadUserInput(
        "Several operations were sent; name one in operationName."
        if several
        else "operationName must name one of the operations."
    )
    return GraphQLError(problem.message, original_error=problem)

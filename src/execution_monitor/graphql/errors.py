"""How failures look to GraphQL clients: their own mistakes with a stable code, everything else masked."""

import re
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import strawberry
import structlog
from graphql import GraphQLError, OperationDefinitionNode
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext
from typing_extensions import override

from execution_monitor.errors import BadUserInput, ExecutionMonitorError, QueryTooComplex

log = structlog.get_logger()


# What a value that was echoed may take of a message.
_MAX_MESSAGE_LENGTH = 500

_SUGGESTION = re.compile(r" Did you mean .*\?$", re.DOTALL)
# graphql-core has no class for these.
_LIMITS = ("Syntax Error: Document is nested too deeply", "Syntax Error: Document contains more than")


class QuietSchema(strawberry.Schema):
    """A schema that leaves reporting errors to `to_client_error`, which knows which of them are ours."""

    suggests: bool = True  # names of the schema, to those who may not read it

    @override
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Take out suggestions unless they may be shown; Strawberry would log clients' mistakes with stack traces."""
        if not self.suggests:
            for error in errors:
                error.message = _SUGGESTION.sub("", error.message)


class RequireOperationName(SchemaExtension):
    """Refuses several operations of which none is named (GraphQL, section 6.1); Strawberry runs the first."""

    @override
    def on_validate(self) -> Iterator[None]:
        """Add the error to those of validation."""
        context = self.execution_context
        document = context.graphql_document
        operations = (
            [each for each in document.definitions if isinstance(each, OperationDefinitionNode)] if document else []
        )
        if context._provided_operation_name is None and len(operations) > 1:  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - it has no other name
            context.pre_execution_errors = [GraphQLError("Several operations were sent; name one in operationName.")]
        yield


def to_client_error(error: GraphQLError) -> dict[str, Any]:
    """`error` as the response shows it: a safe message, where it happened, and `extensions.code`."""
    shown, code = _explain(error)
    formatted: dict[str, Any] = {"message": shown[:_MAX_MESSAGE_LENGTH]}
    if error.locations:
        formatted["locations"] = [{"line": each.line, "column": each.column} for each in error.locations]
    if error.path:
        formatted["path"] = error.path
    formatted["extensions"] = code
    return formatted


def to_client_errors(errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
    """Each of `errors` as the response shows it."""
    return [to_client_error(error) for error in errors]


def _explain(error: GraphQLError) -> tuple[str, dict[str, Any]]:
    cause = _cause_of(error)
    if isinstance(cause, ExecutionMonitorError):
        return cause.message, {"code": cause.code}
    if isinstance(cause, RecursionError):
        return "This operation is nested too deeply; flatten it.", {"code": QueryTooComplex.code}
    if error.message.startswith(_LIMITS):
        return error.message, {"code": QueryTooComplex.code}
    if cause is None:
        return error.message, {"code": BadUserInput.code}
    if not error.path:
        # Python's words about a literal that it could not read, such as a number of 6,000 digits.
        return "A value in this operation cannot be read as the type expected there.", {"code": BadUserInput.code}
    error_id = uuid.uuid4().hex
    log.error("resolver_failed", error_id=error_id, path=error.path, exc_info=cause)
    return (
        f"Something went wrong here; the server's log has the details under {error_id}.",
        {"code": ExecutionMonitorError.code, "errorId": error_id},
    )


def _cause_of(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause

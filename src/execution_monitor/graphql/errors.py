"""How failures look to GraphQL clients: their own mistakes with a stable code, everything else masked."""

import uuid
from collections.abc import Sequence
from typing import Any

import strawberry
import structlog
from graphql import GraphQLError
from strawberry.types import ExecutionContext
from typing_extensions import override

from execution_monitor.errors import BadUserInput, ExecutionMonitorError, QueryTooComplex

log = structlog.get_logger()


class QuietSchema(strawberry.Schema):
    """A schema that leaves reporting errors to `to_client_error`, which knows which of them are ours."""

    @override
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Do nothing: Strawberry would log clients' mistakes with stack traces."""


def to_client_error(error: GraphQLError) -> dict[str, Any]:
    """`error` as the response shows it: a safe message, where it happened, and `extensions.code`."""
    shown, code = _explain(error)
    formatted: dict[str, Any] = {"message": shown}
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
    # Without a cause, or without a path, graphql-core itself found the document or its variables wrong.
    if cause is None or not error.path:
        return error.message, {"code": BadUserInput.code}
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

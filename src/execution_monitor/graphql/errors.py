"""GraphQL errors as clients see them: their own mistakes with a stable code, all others masked under an id."""

import re
from collections.abc import Sequence
from typing import Any

import strawberry
import structlog
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from typing_extensions import override

from execution_monitor.asgi.request_id import current_request_id
from execution_monitor.errors import BadUserInput, ExecutionMonitorError, QueryTooComplex
from execution_monitor.graphql.validation.documents import Documents

log = structlog.get_logger()

# A message quotes what the client sent, which may be a megabyte.
MAX_MESSAGE_LENGTH = 500

# Messages of graphql-core when a document or variables exceed its limits; it has no type or code for these.
_OVER_LIMIT = re.compile(
    r"(Syntax Error: )?Document (contains more than|is nested too deeply)"
    r"|Validation aborted\."
    r"|Variable values are nested too deeply"
)
# Names of the schema, which clients that may not introspect it must not learn one by one.
_SUGGESTION = re.compile(r" Did you mean [a-z ]*'\w+'(,? (or )?'\w+')*\?")
# Which part of which variable is wrong; where a scalar of ours raised, the rest of the message is of Python.
_VARIABLE_PLACE = re.compile(r"Variable '\$\w+' has invalid value[^:]*: ")


class ClientSafeSchema(strawberry.Schema):
    """A Strawberry schema with limits on documents, whose errors suggest no names unless it allows introspection.

    What clients see of an error is up to `to_client_error`.
    """

    def __init__(  # noqa: PLR0913 - what a schema is made of
        self,
        query: type,
        *,
        mutation: type,
        subscription: type,
        types: Sequence[type],
        config: StrawberryConfig,
        allows_introspection: bool,
    ) -> None:
        self._introspects = allows_introspection
        self.documents = Documents(allows_introspection=allows_introspection)
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - its generics are open
            query,
            mutation=mutation,
            subscription=subscription,
            types=types,
            config=config,
        )

    @override
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Remove suggestions where introspection is off; Strawberry would log clients' mistakes with stack traces."""
        if not self._introspects:
            for error in errors:
                error.message = _SUGGESTION.sub("", error.message)


def to_client_error(error: GraphQLError) -> dict[str, Any]:
    """`error` as the response has it: `message`, `locations`, `path`, and `extensions` with a `code`."""
    message, extensions = _explain(error)
    formatted: dict[str, Any] = {"message": _shorten(message)}
    if error.locations:
        formatted["locations"] = [{"line": each.line, "column": each.column} for each in error.locations]
    if error.path:
        formatted["path"] = error.path
    formatted["extensions"] = extensions
    return formatted


def to_client_errors(errors: Sequence[GraphQLError]) -> list[dict[str, Any]]:
    """`errors` as the response has them."""
    return [to_client_error(error) for error in errors]


def to_request_error(error: ExecutionMonitorError) -> dict[str, Any]:
    """`error` as the response has it where no operation ran: `message`, and `extensions` with a `code`."""
    return {"message": error.message, "extensions": {"code": error.code, **error.details}}


def _shorten(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE_LENGTH else f"{message[: MAX_MESSAGE_LENGTH - 1]}…"


def _explain(error: GraphQLError) -> tuple[str, dict[str, Any]]:
    origin = _origin_of(error)
    cause = origin.original_error
    if isinstance(cause, ExecutionMonitorError):
        return _variable_place(error) + cause.message, {"code": cause.code, **cause.details}
    if isinstance(cause, RecursionError):
        return "This operation is nested too deeply; flatten it.", {"code": QueryTooComplex.code}
    if cause is None and _is_of_client(error, origin):
        code = QueryTooComplex.code if _OVER_LIMIT.match(error.message) else BadUserInput.code
        return error.message, {"code": code}
    if not error.path and error.nodes:
        # A value in the document or a variable made Python raise, such as a number of 6,000 digits.
        message = f"{_variable_place(error)}This value cannot be read as the type expected here."
        return message, {"code": BadUserInput.code}
    request_id = current_request_id()
    log.error("operation_failed", request_id=request_id, path=error.path, exc_info=cause or error)
    return (
        f"Something went wrong here; the server's log has the details under {request_id}.",
        {"code": ExecutionMonitorError.code, "requestId": request_id},
    )


def _origin_of(error: GraphQLError) -> GraphQLError:
    """The innermost of the errors that graphql-core wrapped into each other."""
    while isinstance(error.original_error, GraphQLError):
        error = error.original_error
    return error


def _variable_place(error: GraphQLError) -> str:
    found = _VARIABLE_PLACE.match(error.message)
    return found[0] if found else ""


def _is_of_client(error: GraphQLError, origin: GraphQLError) -> bool:
    """Whether graphql-core refused the document or its variables, and not a value that a resolver returned."""
    return not error.path or bool(origin.nodes)

"""GraphQL requests as they come over HTTP: GraphQL over HTTP, section "Request"."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import orjson
from graphql import FieldNode, GraphQLError, OperationDefinitionNode
from starlette.requests import Request

from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.validation.documents import parse_document


class UnsupportedMediaType(BadUserInput):
    """A request body that is not declared as JSON; a browser can send any other kind across origins unasked."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class BodyTooLarge(BadUserInput):
    """A request body beyond the limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class NotWellFormed(BadUserInput):
    """JSON that is no GraphQL request."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One operation to execute."""

    query: str  # empty where the document is named
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    document_id: str | None = None


def is_read(request: Request) -> bool:
    """Whether the operation stands in the address: HEAD is a GET whose answer stays unread."""
    return request.method in ("GET", "HEAD")


async def read_request(request: Request, max_body_bytes: int) -> GraphQLRequest:
    """The operation in `request`; raises `BadUserInput` for one that is not well-formed."""
    if is_read(request):
        return to_request(_read_parameters(request.query_params))
    content_type, _, parameter = request.headers.get("content-type", "").lower().partition(";")
    if content_type.strip() != "application/json" or ("charset" in parameter and "utf-8" not in parameter):
        raise UnsupportedMediaType("Send the operation as JSON, with the header Content-Type: application/json.")
    body = await _read_body(request, max_body_bytes)
    try:
        stated = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadUserInput(f"The body is not JSON: {error}.") from error
    return to_request(stated)


def _read_parameters(stated: Mapping[str, str]) -> Mapping[str, Any]:
    """What an address states; a parameter that is empty is none (section "GET")."""
    parameters: dict[str, Any] = {name: value for name, value in stated.items() if value}
    for name in ("variables", "extensions"):
        if name in parameters:
            try:
                parameters[name] = orjson.loads(parameters[name].encode())
            except orjson.JSONDecodeError as error:
                raise NotWellFormed(f"The parameter {name} is not JSON: {error}.") from error
    return parameters


async def _read_body(request: Request, limit: int) -> bytes:
    """The body, refused as soon as more than `limit` bytes have come, chunked or not."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(f"The request body is larger than {limit:,} bytes; send a smaller one.")
        chunks.append(chunk)
    return b"".join(chunks)


def to_request(stated: Any) -> GraphQLRequest:
    """The operation that a decoded body states; raises `NotWellFormed`."""
    if not isinstance(stated, dict):
        raise NotWellFormed('The body must be a JSON object such as {"query": "{ viewer { userId } }"}.')
    fields = cast("dict[str, Any]", stated)
    document_id = fields.get("documentId")
    if document_id is not None and not isinstance(document_id, str):
        raise NotWellFormed("documentId must be text or null.")
    query = fields.get("query")
    if query is None and document_id is not None:
        query = ""
    if document_id is not None and query:
        raise NotWellFormed("Send either query or documentId, not both.")
    if not isinstance(query, str) or not (query.strip() or document_id):
        raise NotWellFormed("The operation is missing: send it as text in query.")
    name = fields.get("operationName")
    if name is not None and not isinstance(name, str):
        raise NotWellFormed("operationName must be text or null.")
    _object_or_none(fields, "extensions")
    return GraphQLRequest(query, name or None, _object_or_none(fields, "variables"), document_id)


def _object_or_none(fields: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, dict):
        raise NotWellFormed(f"{name} must be an object or null.")
    return cast("dict[str, Any] | None", value)


def only_introspects(request: GraphQLRequest) -> bool:
    """Whether the operation is an introspection of the type system, and nothing else."""
    try:
        document = parse_document(request.query)
    except GraphQLError:
        return False
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    roots = [selection for each in operations for selection in each.selection_set.selections]
    return bool(roots) and all(isinstance(root, FieldNode) and root.name.value in _TYPE_SYSTEM for root in roots)


_TYPE_SYSTEM = frozenset({"__schema", "__type"})

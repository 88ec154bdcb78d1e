"""GraphQL requests, read from a JSON body or a query string (GraphQL over HTTP, section "Request")."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import orjson
from graphql import FragmentDefinitionNode, GraphQLError, OperationDefinitionNode
from starlette.requests import Request

from execution_monitor.asgi.request_bodies import media_type_of, read_body
from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.selection import walk_fields
from execution_monitor.graphql.validation.documents import parse_document

_MEDIA_TYPES = ("application/json",)


class NotWellFormed(BadUserInput):
    """JSON that is not a well-formed GraphQL request."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A request as a client sends it: document, operation name, variables."""

    query: str  # the text of the document; empty where `document_id` names it
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    document_id: str | None = None


def has_safe_method(request: Request) -> bool:
    """Whether the method is safe (RFC 9110, section 9.2.1), so that the query string holds the GraphQL request.

    HEAD is a GET without the body of its response.
    """
    return request.method in ("GET", "HEAD")


async def read_request(request: Request, max_body_bytes: int) -> GraphQLRequest:
    """Read the GraphQL request from `request`, of which at most `max_body_bytes` are kept in memory.

    Raises:
        UnsupportedMediaType: the body is not declared as JSON.
        BodyTooLarge: the body is longer than the limit.
        BadUserInput: the body is not JSON.
        NotWellFormed: the JSON is not a GraphQL request.
    """
    if has_safe_method(request):
        return parse_request(_parse_parameters(request.query_params))
    media_type_of(request, _MEDIA_TYPES)
    body = await read_body(request, max_body_bytes)
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadUserInput(f"The body is not JSON: {error}.") from error
    return parse_request(decoded)


def _parse_parameters(query_params: Mapping[str, str]) -> Mapping[str, Any]:
    """The members of the request; an empty parameter counts as absent (section "GET")."""
    parameters: dict[str, Any] = {name: value for name, value in query_params.items() if value}
    for name in ("variables", "extensions"):
        if name in parameters:
            try:
                parameters[name] = orjson.loads(parameters[name].encode())
            except orjson.JSONDecodeError as error:
                raise NotWellFormed(f"The parameter {name} is not JSON: {error}.") from error
    return parameters


def parse_request(decoded: Any) -> GraphQLRequest:
    """The GraphQL request that decoded JSON holds: a body, query parameters, or the payload of a `subscribe` message.

    Raises:
        NotWellFormed: a member is missing or of the wrong type.
    """
    if not isinstance(decoded, dict):
        raise NotWellFormed('The body must be a JSON object such as {"query": "{ viewer { userId } }"}.')
    fields = cast("dict[str, Any]", decoded)
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
    """Whether every root field of every operation is `__schema` or `__type`: types of the schema, and no data."""
    try:
        document = parse_document(request.query)
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        # Without variables nothing counts as left out.
        roots = {field.name.value for field, _ in walk_fields([each.selection_set for each in operations], fragments)}
    except (GraphQLError, KeyError):
        return False
    return bool(roots) and roots <= _TYPE_SYSTEM


_TYPE_SYSTEM = frozenset({"__schema", "__type"})

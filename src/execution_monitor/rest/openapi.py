"""The OpenAPI 3.1 document of REST, made from the models of its responses and the declared parameters."""

from collections.abc import Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from execution_monitor.asgi.problems import PROBLEM_JSON, Problem
from execution_monitor.auth.credentials import API_KEY
from execution_monitor.errors import (
    BadUserInput,
    DatabaseUnavailable,
    ExecutionMonitorError,
    Forbidden,
    NotFound,
    QueryTimeout,
    RateLimited,
    ResponseTooLarge,
    Unauthenticated,
)
from execution_monitor.rest.export_request import EXPORT_PARAMETERS, ExportFormat
from execution_monitor.rest.export_rows import FILES, ExportedExecution
from execution_monitor.rest.list_request import LIVE_PARAMETERS, PARAMETERS
from execution_monitor.rest.live_messages import MESSAGES, ExecutionUpdate
from execution_monitor.rest.models import ExecutionDetail, ExecutionList
from execution_monitor.rest.paths import LIST_PATH
from execution_monitor.rest.statistics_models import ExecutionStatistics
from execution_monitor.rest.statistics_request import STATISTICS_PARAMETERS

DETAIL_PATH = LIST_PATH + "/{execution_id}"
STREAM_PATH = LIST_PATH + "/stream"
SOCKET_PATH = LIST_PATH + "/ws"
STATISTICS_PATH = LIST_PATH + "/statistics"
EXPORT_PATH = LIST_PATH + "/export"
DOCUMENT_PATH = "/api/v1/openapi.json"

_COMPONENT = "#/components/schemas/{model}"

# How any request for executions may fail.
_FAILURES: tuple[type[ExecutionMonitorError], ...] = (
    Unauthenticated,
    Forbidden,
    RateLimited,
    ExecutionMonitorError,
    DatabaseUnavailable,
    QueryTimeout,
)
_HEADERS = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "The scheme to authenticate with: `Bearer`."),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", "Seconds until there are enough points."),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After", "Seconds to wait before the next attempt."),
}


def describe() -> bytes:
    """Make the document, as JSON."""
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Execution Monitor",
                "version": version("execution-monitor"),
                "description": (
                    "Executions of workflows, as their owners may see them. A query parameter that is not described "
                    "here is refused."
                ),
            },
            "servers": [{"url": "/"}],
            "security": [{"bearer": []}, {"accessKey": []}],
            "paths": {
                LIST_PATH: {"get": _describe_list()},
                STATISTICS_PATH: {"get": _describe_statistics()},
                EXPORT_PATH: {"get": _describe_export()},
                STREAM_PATH: {"get": _describe_stream()},
                DETAIL_PATH: {"get": _describe_detail()},
            },
            "components": {
                "schemas": _describe_models(
                    ExecutionList, ExecutionDetail, ExecutionStatistics, ExportedExecution, *MESSAGES, Problem
                ),
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer", "description": "A token (JWT), or an access key."},
                    "accessKey": {"type": "apiKey", "in": "header", "name": API_KEY, "description": "An access key."},
                },
            },
        }
    )


def _describe_list() -> dict[str, Any]:
    next_page = {
        "operationId": "listExecutions",
        "parameters": {"cursor": "$response.body#/pagination/next_cursor"},
        "description": "The next page; the other parameters stay the same.",
    }
    first_execution = {
        "operationId": "getExecution",
        "parameters": {"execution_id": "$response.body#/executions/0/execution_id"},
        "description": "Any of the executions in detail, such as the first.",
    }
    return {
        "operationId": "listExecutions",
        "summary": "A page of the executions that you may see",
        "parameters": [described for parameter in PARAMETERS for described in parameter.to_openapi()],
        "responses": _describe_responses(
            ExecutionList, BadUserInput, links={"nextPage": next_page, "execution": first_execution}
        ),
    }


def _describe_statistics() -> dict[str, Any]:
    return {
        "operationId": "getStatistics",
        "summary": "What the executions that you may see add up to",
        "description": (
            "Counts, durations, costs and tokens of the executions that match. Without `start_date`: of the last 30 "
            "days up to `end_date`, or up to now."
        ),
        "parameters": [described for parameter in STATISTICS_PARAMETERS for described in parameter.to_openapi()],
        "responses": _describe_responses(ExecutionStatistics, BadUserInput, ResponseTooLarge),
    }


def _describe_export() -> dict[str, Any]:
    responses = _describe_responses(ExportedExecution, BadUserInput, ResponseTooLarge)
    responses[str(HTTPStatus.OK.value)] = {
        "description": (
            "A file, sent while it is read. Where it does not have all that match, its last line says so: "
            "`# Incomplete: ` and the reason in the first cell of CSV, or an object with the one member `incomplete`. "
            "After an error the response has no end, either."
        ),
        "headers": {
            "Content-Disposition": {
                "description": "The name of the file.",
                "required": True,
                "schema": {"type": "string"},
            }
        },
        "content": {
            FILES[ExportFormat.CSV].media_type: {"schema": {"type": "string"}},
            FILES[ExportFormat.JSONL].media_type: {
                "schema": {
                    "type": "string",
                    "description": "Each line is such an object.",
                    "contentMediaType": "application/json",
                    "contentSchema": _refer_to(ExportedExecution),
                }
            },
        },
    }
    return {
        "operationId": "exportExecutions",
        "summary": "All executions that match and you may see, as one file",
        "description": "For spreadsheets and scripts. An export costs 1,000 points; a caller may run 4 at once.",
        "parameters": [described for parameter in EXPORT_PARAMETERS for described in parameter.to_openapi()],
        "responses": responses,
    }


def _describe_stream() -> dict[str, Any]:
    responses = _describe_responses(ExecutionUpdate, BadUserInput)
    responses[str(HTTPStatus.OK.value)] = {
        "description": (
            "Server-Sent Events until the token expires: each has an `id`, and a message as its `data`. Every 12 "
            "seconds a comment says by how many seconds they are late, `: behindSeconds=0`."
        ),
        "content": {"text/event-stream": {"schema": {"oneOf": [_refer_to(each) for each in MESSAGES]}}},
    }
    return {
        "operationId": "streamExecutions",
        "summary": "Every change of the executions that you may see, as it happens",
        "parameters": [
            *(described for parameter in LIVE_PARAMETERS for described in parameter.to_openapi()),
            {
                "name": "Last-Event-ID",
                "in": "header",
                "description": "The last `id` received: the stream begins right after it.",
                "schema": {"type": "string"},
            },
        ],
        "responses": responses,
    }


def _describe_detail() -> dict[str, Any]:
    return {
        "operationId": "getExecution",
        "summary": "One execution with its steps",
        "parameters": [
            {
                "name": "execution_id",
                "in": "path",
                "required": True,
                "description": (
                    "Its `execution_id`; a slash in it may be escaped or not. GraphQL alone has those whose id is "
                    "`export`, `statistics`, `stream` or `ws`."
                ),
                "schema": {"type": "string", "minLength": 1},
            }
        ],
        "responses": _describe_responses(ExecutionDetail, BadUserInput, ResponseTooLarge, NotFound),
    }


def _describe_responses(
    model: type[BaseModel], *failures: type[ExecutionMonitorError], links: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    content = {"application/json": {"schema": _refer_to(model)}}
    success: dict[str, Any] = {"description": "The requested data.", "content": content}
    if links:
        success["links"] = links
    problems = {str(failure.status.value): _describe_failure(failure) for failure in (*failures, *_FAILURES)}
    return {str(HTTPStatus.OK.value): success, **dict(sorted(problems.items()))}


def _describe_failure(failure: type[ExecutionMonitorError]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": f"{failure.status.phrase}: {failure.status.description}.",
        "content": {PROBLEM_JSON: {"schema": _refer_to(Problem)}},
    }
    if failure.status in _HEADERS:
        name, description = _HEADERS[failure.status]
        response["headers"] = {name: {"description": description, "required": True, "schema": {"type": "string"}}}
    return response


def _refer_to(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _COMPONENT.format(model=model.__name__)}


def _describe_models(*models: type[BaseModel]) -> dict[str, Any]:
    _, schemas = models_json_schema([(model, "serialization") for model in models], ref_template=_COMPONENT)
    return schemas["$defs"]

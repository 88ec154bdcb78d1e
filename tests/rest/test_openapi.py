"""The OpenAPI document: valid, complete, and true of the server."""

import json
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx2
import jsonschema_rs
from schemathesis.specs.openapi.definitions import OPENAPI_31
from starlette.routing import Route

from execution_monitor.app import create_app
from execution_monitor.auth.caller import Scope
from execution_monitor.rest.list_request import PARAMETERS
from execution_monitor.rest.openapi import DETAIL_PATH, DOCUMENT_PATH, STREAM_PATH, describe
from execution_monitor.rest.paths import LIST_PATH
from execution_monitor.rest.routes import rest_routes
from execution_monitor.settings import Settings
from execution_monitor.storage.filters import EVERYTHING
from tests.rest.client import Fetch, Store
from tests.rest.documents import A_FAILED_EXECUTION, ITS_STEPS, a_step, an_execution, executions
from tests.support.schemathesis_runs import report_of
from tests.support.servers import served, wait_until_ready
from tests.support.services import request_services

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
# `make fuzz` tries more.
EXAMPLES = 1_000 if os.environ.get("TEST_FUZZ") == "full" else 20


def document() -> dict[str, Any]:
    return json.loads(describe())


async def test_the_document_is_served_without_a_token(server: str):
    async with httpx2.AsyncClient(base_url=server) as client:
        response = await client.get("/api/v1/openapi.json")

    assert response.headers["content-type"] == "application/json"
    assert response.json() == document()
    assert document()["info"]["version"] == version("execution-monitor")


def test_the_document_is_openapi_3_1():
    validator = jsonschema_rs.validator_for(OPENAPI_31)

    assert [error.message for error in validator.iter_errors(document())] == []
    assert not validator.is_valid({**document(), "paths": []})


def test_every_parameter_that_is_read_is_described_and_no_other():
    described = [each["name"] for each in document()["paths"][LIST_PATH]["get"]["parameters"]]

    read: list[str] = []
    for parameter in PARAMETERS:
        read.extend((parameter.name, *getattr(parameter, "aliases", ())))
    assert described == read
    assert len(set(described)) == len(described)


def test_the_document_names_every_route_and_no_other():
    served_at = {
        (each.path_format, method.lower())
        for each in rest_routes(request_services(), lambda _: EVERYTHING)
        if isinstance(each, Route)
        for method in (each.methods or set()) - {"HEAD"}
    }

    described = {(path, method) for path, methods in document()["paths"].items() for method in methods}
    assert described | {(DOCUMENT_PATH, "get")} == served_at


async def test_the_response_to_a_caller_without_points_is_as_described(
    settings: Settings, token_for: Callable[..., str]
):
    poor = settings.model_copy(update={"rate_limit": "1/hour"})
    async with (
        served(create_app(poor)) as url,
        httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token_for('ada', 'acme')}"}) as client,
    ):
        await wait_until_ready(url)
        response = await client.get(LIST_PATH)

    described = document()["paths"][LIST_PATH]["get"]["responses"][str(response.status_code)]
    assert response.status_code == 429
    assert list(described["content"]) == [response.headers["content-type"]]
    assert all(name in response.headers for name in described["headers"])


def test_every_response_and_every_parameter_is_described():
    for path in (LIST_PATH, DETAIL_PATH):
        operation = document()["paths"][path]["get"]

        assert {"200", "400", "401", "403", "429", "500", "503", "504"} <= operation["responses"].keys()
        assert all(parameter["description"] for parameter in operation["parameters"])
    assert "404" in document()["paths"][DETAIL_PATH]["get"]["responses"]


async def test_schemathesis_finds_nothing(
    server: str, fetch: Fetch, store: Store, token_for: Callable[..., str], tmp_path: Path
):
    odd = an_execution(
        "odd", status=7, created="then", progress=1, error_details="no", tags={}, total_cost=float("nan")
    )
    await store(
        [A_FAILED_EXECUTION, odd, *executions(60, status="completed")], [*ITS_STEPS, a_step("odd", 0, result=b"0")]
    )
    token = token_for("ada", "acme", Scope.EXECUTIONS_PAYLOAD)

    report = await report_of(
        f"{server}/api/v1/openapi.json",
        tmp_path,
        CONFIGURATION,
        *("--header", f"Authorization: Bearer {token}"),
        # Its responses have no end, and Schemathesis would wait for each; it has tests of its own.
        *("--exclude-path", STREAM_PATH),
        examples=EXAMPLES,
    )

    assert "No issues found" in report
    assert "✅  Stateful" in report

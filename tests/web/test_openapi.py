"""The OpenAPI document: valid, made from what runs, and kept by the server."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
from schemathesis.specs.openapi.definitions import OPENAPI_31

from execution_monitor.access.caller import Scope
from execution_monitor.web.listing import PARAMETERS
from execution_monitor.web.openapi import DETAIL_PATH, LIST_PATH, STREAM_PATH, describe
from tests.web.asking import Ask, Store
from tests.web.documents import A_FAILED_EXECUTION, ITS_STEPS, a_step, an_execution, executions

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
# `make fuzz` tries more.
EXAMPLES, SEED = 1_000 if os.environ.get("EXECUTION_MONITOR_FUZZ") == "full" else 40, 20260131


def document() -> dict[str, Any]:
    return json.loads(describe())


async def test_the_document_is_served_to_anybody(server: str):
    async with httpx.AsyncClient(base_url=server) as client:
        response = await client.get("/api/v1/openapi.json")

    assert response.headers["content-type"] == "application/json"
    assert response.json() == document()


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


def test_every_answer_and_every_parameter_is_described():
    for path in (LIST_PATH, DETAIL_PATH):
        operation = document()["paths"][path]["get"]

        assert {"200", "401", "403", "500", "503", "504"} < operation["responses"].keys()
        assert all(parameter["description"] for parameter in operation["parameters"])
    assert "404" in document()["paths"][DETAIL_PATH]["get"]["responses"]
    assert "400" in document()["paths"][LIST_PATH]["get"]["responses"]


async def test_schemathesis_finds_nothing(
    server: str, ask: Ask, store: Store, token_for: Callable[..., str], tmp_path: Path
):
    odd = an_execution(
        "odd", status=7, created="then", progress=1, error_details="no", tags={}, total_cost=float("nan")
    )
    await store(
        [A_FAILED_EXECUTION, odd, *executions(60, status="completed")], [*ITS_STEPS, a_step("odd", 0, result=b"0")]
    )
    token = token_for("ada", "acme", Scope.EXECUTIONS_PAYLOAD)

    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(CONFIGURATION), "run", f"{server}/api/v1/openapi.json"),
        *("--header", f"Authorization: Bearer {token}", "--seed", str(SEED), "--max-examples", str(EXAMPLES)),
        *("--generation-database", "none", "--continue-on-failure", "--no-color"),
        # It has no end, and every case of it would be waited for; tests of its own ask it.
        *("--exclude-path", STREAM_PATH),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()

    report = output.decode()
    assert process.returncode == 0, report
    assert "No issues found" in report
    assert "✅  Stateful" in report

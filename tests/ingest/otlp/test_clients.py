"""Stock clients of OpenTelemetry against a real server, and what a person sees of their traces afterwards."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from execution_monitor.ingest.otlp.price_table import Price
from execution_monitor.settings import Settings
from tests.support.client import execute
from tests.support.tokens import SECRET

JAVASCRIPT = Path(__file__).parent / "javascript"
PAGE = Path(__file__).parents[3] / "src" / "docs" / "ingest.md"
SECTION = PAGE.read_text(encoding="utf-8").partition("## OpenTelemetry, AI agents")[2]

SHOWN = """query {
  executions(first: 10) { nodes {
    executionId workflowName workflowTemplateId status sessionId userId tokens totalCost stepsCompleted stepsFailed
    createdAt startedAt completedAt
    progress { currentStep totalSteps percentage }
    tags { key value }
    error { message }
    steps(first: 50) { nodes {
      stepId name kind status dependsOn model inputTokens outputTokens tokens cost error { message type stackTrace }
    } }
    logs(first: 50) { nodes { message level stepId } }
  } }
}"""


@pytest.fixture
def settings(mongodb_uri: str, database_name: str) -> Settings:
    return Settings(
        mongodb_uri=SecretStr(mongodb_uri),
        database=database_name,
        jwt_secret=SecretStr(SECRET),
        environment="production",
        ingest_prices=dict.fromkeys(["gpt-4o-mini*"], Price(input=0.15, output=0.6)),
    )


def block(language: str) -> str:
    """The first block of code in `language` of the page's section."""
    found = re.search(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)
    assert found is not None
    return found[1]


def variables(server: str, token: str) -> dict[str, str]:
    """The variables of the page, with the address and the key that a reader puts in."""
    lines = dict(line.split("=", 1) for line in block("sh").splitlines())
    found = {name: value.replace("https://monitor.example.com", server) for name, value in lines.items()}
    key = "em_0123456789ab_EXAMPLE"
    assert found["OTEL_EXPORTER_OTLP_HEADERS"] == f"Authorization=Bearer%20{key}"
    found["OTEL_EXPORTER_OTLP_HEADERS"] = f"Authorization=Bearer%20{token}"
    return {**{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}, **found}


async def run(*command: str | Path, env: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(*command, env=env, stdout=PIPE, stderr=PIPE)
    output, errors = await process.communicate()
    # Exporters log what they could not export.
    assert (process.returncode, errors.decode()) == (0, "")
    return output.decode()


async def seen(server: str, token_for: Callable[..., str]) -> Any:
    response = await execute(server, token_for("ada", "acme", "executions:read"), SHOWN)
    return response.data["executions"]["nodes"]


async def test_the_stock_client_for_python_reports_as_the_page_says(server: str, token_for: Callable[..., str]):
    await run(
        sys.executable, "-c", block("python"), env=variables(server, token_for("ada", "acme", "executions:write"))
    )

    (shown,) = await seen(server, token_for)
    assert (shown["workflowName"], shown["workflowTemplateId"]) == ("invoice-run", "invoices/invoice-run")
    assert (shown["status"], shown["sessionId"], shown["userId"]) == ("COMPLETED", "november", "ada")
    assert (shown["tokens"], shown["totalCost"]) == (1_500, pytest.approx(0.00036))
    assert shown["progress"] == {"currentStep": 3, "totalSteps": 3, "percentage": 100}
    assert shown["createdAt"] == shown["startedAt"] <= shown["completedAt"]
    assert {"key": "service.name", "value": "invoices"} in shown["tags"]
    root, *others = shown["steps"]["nodes"]
    fetch, chat = sorted(others, key=lambda each: each["name"], reverse=True)
    assert (root["name"], root["dependsOn"]) == ("invoice-run", [])
    assert (fetch["name"], fetch["kind"], fetch["dependsOn"]) == ("fetch", None, [root["stepId"]])
    assert (chat["kind"], chat["model"], chat["status"]) == ("llm", "gpt-4o-mini-2024-07-18", "COMPLETED")
    assert (chat["inputTokens"], chat["outputTokens"], chat["tokens"]) == (1_200, 300, 1_500)


async def test_the_stock_client_for_javascript_reports_in_json(server: str, token_for: Callable[..., str]):
    assert (JAVASCRIPT / "node_modules").exists(), "The exporter is not installed; run `make exporter`."
    environment = variables(server, token_for("ada", "acme", "executions:write"))
    trace = (await run("node", JAVASCRIPT / "export.js", env=environment)).strip()

    (shown,) = await seen(server, token_for)
    assert (shown["executionId"], shown["workflowName"], shown["status"]) == (trace, "pay-salaries", "COMPLETED")
    assert (shown["stepsCompleted"], shown["stepsFailed"]) == (2, 1)
    root, *others = shown["steps"]["nodes"]
    assert root["name"] == "pay-salaries"
    assert {each["name"]: each["status"] for each in others} == {"sum": "COMPLETED", "pay": "FAILED"}
    (failed,) = [each for each in others if each["status"] == "FAILED"]
    assert (failed["error"]["message"], failed["error"]["type"]) == ("the account is empty", "RangeError")
    assert "export.js" in failed["error"]["stackTrace"]
    assert [(line["message"], line["level"]) for line in shown["logs"]["nodes"]] == [("counted", "INFO")]

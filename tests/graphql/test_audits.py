"""The public audits of GraphQL over HTTP, those of graphql-http, at a real socket.

They follow an older draft than the server does (graphql/transport/http.py); `DIFFERENT` lists where the two differ.
"""

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from execution_monitor.settings import Settings

FOLDER = Path(__file__).parent / "audits"

NOT_WELL_FORMED = "Not a well-formed request: 422 (section Status Codes); 400 is for bodies that are not JSON."
NOT_VALID = "The variables cannot be coerced: 422 (section Status Codes); 400 is for documents that cannot be parsed."
NEVER_RAN = "An operation that never ran has no 2xx, not for old clients either (section Body)."

# Audits that expect something else, the status instead, and why: by the draft of 6 August 2026.
DIFFERENT = {
    "423L": (422, NOT_WELL_FORMED),  # no query
    "3E3A": (422, NOT_WELL_FORMED),  # a misspelt query
    **{f"LKJ{index}": (422, NOT_WELL_FORMED) for index in range(4)},  # a query that is not text
    **{f"6C0{index}": (422, NOT_WELL_FORMED) for index in range(4)},  # an operationName that is not text
    **{f"476{index}": (422, NOT_WELL_FORMED) for index in range(4)},  # variables that are not a map
    **{f"58B{index}": (422, NOT_WELL_FORMED) for index in range(4)},  # extensions that are not a map
    "86EE": (422, NOT_VALID),
    "572B": (400, NEVER_RAN),  # bad syntax
    "FDE2": (400, NEVER_RAN),  # a field that begins with a digit, which is bad syntax as well
    "7B9B": (422, NEVER_RAN),  # variables that cannot be coerced
}


@dataclass(frozen=True)
class Result:
    """The result of an audit: its `status` is `ok`, or that of a MUST, SHOULD or MAY that fails."""

    id: str
    name: str
    status: str
    answered: int | None


async def audit(server: str, token: str) -> list[Result]:
    assert (FOLDER / "node_modules").exists(), "The audits are not installed; run `make audits`."
    process = await asyncio.create_subprocess_exec(
        "node", FOLDER / "audit.js", f"{server}/graphql", env={**os.environ, "TOKEN": token}, stdout=PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return [Result(**each) for each in json.loads(output)]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    # Two audits introspect a type of the schema.
    return settings.model_copy(update={"introspection": True})


async def test_every_audit_passes_or_is_in_the_table(server: str, token_for: Callable[..., str]):
    found = await audit(server, token_for("ada", "acme"))

    different = {each.id: each.answered for each in found if each.status != "ok"}
    assert different == {audited: answered for audited, (answered, _) in DIFFERENT.items()}
    assert [each for each in found if each.name.startswith("MUST") and each.status != "ok"] == []
    # As many as this version of the audits has, so that none is missing.
    assert Counter(each.name.partition(" ")[0] for each in found) == {"MUST": 13, "SHOULD": 23, "MAY": 25}


async def test_without_a_token_every_audit_is_unauthenticated(server: str):
    found = await audit(server, "")

    # The others accept any 4xx.
    refused = [each for each in found if each.status != "ok"]
    assert {each.answered for each in refused if each.answered is not None} == {401}
    assert {each.id for each in found if each.name.startswith("MUST")} <= {each.id for each in refused}

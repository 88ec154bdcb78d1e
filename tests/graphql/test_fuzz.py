"""Generated requests: none has a response with an internal error or with internals of the server.

`make fuzz` sends 5,000 of each kind, `make test` a bounded share.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from hypothesis import HealthCheck, event, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from hypothesis_graphql import Mode
from hypothesis_graphql import queries as queries_of

from execution_monitor.graphql.schema import create_schema
from execution_monitor.settings import Settings
from tests.graphql import schemathesis_checks
from tests.graphql.fuzzing import SCALARS, assert_sound
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.support.client import execute
from tests.support.documents import execution, store, store_steps_and_logs
from tests.support.schemathesis_runs import report_of

Token = Callable[..., str]
IS_FULL = os.environ.get("TEST_FUZZ") == "full"
QUERIES, BODIES, MESSAGES = (5_000, 5_000, 5_000) if IS_FULL else (60, 80, 40)
SCHEMATHESIS = 850 if IS_FULL else 8  # of each of the six root fields; subscriptions it leaves out
SCHEMA = create_schema().as_str()
ALL_SCOPES = ("executions:read", "executions:read:tenant", "executions:payload", "audit:read", "manage")

many = settings_of(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
    deadline=None,
    database=None,
)


def queries(mode: Mode) -> SearchStrategy[str]:
    return queries_of(SCHEMA, custom_scalars=SCALARS, mode=mode)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without limits on points, which would refuse requests before they are tried."""
    return settings.model_copy(
        update={
            "rate_limit": "off",
            "rate_limit_address": "off",
            "max_cost": 1_000_000,
            "max_response_bytes": 2**28,
            "introspection": True,
        }
    )


@pytest.fixture
async def answer(server: str, token_for: Token) -> Any:
    """`answer(body)`: the status and the body of the response."""
    await store(execution(1), execution(2, status="failed"), execution(3, user_id="grace"))
    await store_steps_and_logs("e001", 3)
    token = token_for("ada", "acme", *ALL_SCOPES)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with httpx2.AsyncClient(base_url=server, headers=headers, timeout=60) as client:

        async def send(body: bytes) -> tuple[int, Any]:
            response = await client.post("/graphql", content=body)
            return response.status_code, response.json()

        yield send


@settings_of(many, max_examples=QUERIES)
@given(query=queries(Mode.POSITIVE))
async def test_valid_queries_have_data(answer: Any, query: str):
    status, body = await answer(orjson.dumps({"query": query}))

    assert_sound(status, body)
    codes = {error["extensions"]["code"] for error in body.get("errors", ())}
    event(f"{status} {sorted(codes)}")
    # A valid query ran, or would cost too much.
    assert "data" in body or codes <= {"BAD_USER_INPUT", "QUERY_TOO_COMPLEX"}, body


@settings_of(many, max_examples=QUERIES)
@given(query=queries(Mode.NEGATIVE))
async def test_queries_with_invalid_values_have_a_clients_error(answer: Any, query: str):
    status, body = await answer(orjson.dumps({"query": query}))

    assert_sound(status, body)


async def test_schemathesis_finds_nothing(answer: Any, server: str, token_for: Token, tmp_path: Path):
    report = await report_of(
        f"{server}/graphql",
        tmp_path,
        None,
        *("--header", f"Authorization: Bearer {token_for('ada', 'acme', *ALL_SCOPES)}"),
        *("--checks", f"{schemathesis_checks.NAME},content_type_conformance,response_schema_conformance"),
        examples=SCHEMATHESIS,
        checks=schemathesis_checks.__name__,
    )

    counts = re.search(r"(\d+) generated, (\d+) passed", report)
    assert counts is not None, report
    assert counts[1] == counts[2]
    assert int(counts[1]) >= SCHEMATHESIS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
VARIABLES = """query Q($filter: ExecutionFilter, $sort: [ExecutionSort!], $first: Int, $after: String, $id: String!) {
  executions(filter: $filter, sort: $sort, first: $first, after: $after) { totalCount nodes { id } }
  execution(executionId: $id) { id } auditEvents(after: $after) { nodes { at } } }"""
VARIABLE_NAMES = ("filter", "sort", "first", "after", "id")
FILTERS = st.dictionaries(
    st.sampled_from(["status", "workflowName", "createdAt", "totalCost", "tags", "and", "or", "not", "executionId"]),
    JSON | st.dictionaries(st.sampled_from(["eq", "in", "contains", "gt", "lte", "isNull", "key", "value"]), JSON),
    max_size=3,
)
REQUESTS = st.fixed_dictionaries(
    {"query": st.just(VARIABLES), "variables": st.dictionaries(st.sampled_from(VARIABLE_NAMES), JSON | FILTERS)}
)
ANY_MEMBERS = st.dictionaries(
    st.sampled_from(["query", "variables", "operationName", "extensions", "documentId"]), JSON
) | JSON.map(lambda each: {"query": each})
BYTES = st.binary(max_size=200) | (JSON | ANY_MEMBERS | REQUESTS).map(
    lambda each: (
        orjson.dumps(each, option=orjson.OPT_NON_STR_KEYS) if not _has_large_integers(each) else repr(each).encode()
    )
)


def _has_large_integers(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_large_integers, value.values()))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - JSON
    if isinstance(value, list):
        return any(map(_has_large_integers, value))  # pyright: ignore[reportUnknownArgumentType] - likewise
    return isinstance(value, int) and not -(2**63) <= value < 2**64


@settings_of(many, max_examples=BODIES)
@given(body=BYTES)
async def test_any_body_has_a_response_with_a_clients_error(answer: Any, body: bytes):
    status, answered = await answer(body)

    assert_sound(status, answered)


WS_MESSAGES = st.lists(
    BYTES.map(lambda each: each.decode(errors="replace"))
    | st.fixed_dictionaries(
        {
            "type": st.sampled_from(["connection_init", "ping", "pong", "subscribe", "complete"]) | st.text(max_size=5),
            "id": st.sampled_from(["1", "2"]) | JSON,
            "payload": REQUESTS | JSON,
        }
    )
    .filter(lambda each: not _has_large_integers(each))
    .map(lambda each: orjson.dumps(each, option=orjson.OPT_NON_STR_KEYS).decode()),
    min_size=1,
    max_size=4,
)


@settings_of(many, max_examples=MESSAGES)
@given(messages=WS_MESSAGES, is_known=st.booleans())
async def test_any_messages_close_the_socket_with_a_code_of_the_protocol_or_not(
    server: str, token_for: Token, messages: list[str], is_known: Any
):
    async with opened(server) as socket:
        if is_known:
            await socket.begin(token_for("ada", "acme"))
        for message in messages:
            await socket.send(message)
        await socket.send({"type": "ping", "payload": {"the": "last"}})
        seen: list[str | int] = []
        while "pong" not in seen and not any(isinstance(each, int) for each in seen):
            seen.append(await socket.receive_or_closed())

    # A code of the protocol, never 1006 or 1011; or a pong.
    assert all(each in (4400, 4401, 4403, 4409, 4429) for each in seen if isinstance(each, int)), seen
    # The server still works.
    assert (await execute(server, token_for("ada", "acme"), "{ viewer { userId } }")).status == 200

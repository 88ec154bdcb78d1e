"""Scopes, payloads and error messages, by caller; tests/authorization_model compares every response."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from execution_monitor.auth.tokens import issue_token
from tests.support.client import execute
from tests.support.documents import execution, store, store_steps_and_logs
from tests.support.tokens import SECRET

Token = Callable[..., str]
PAYLOADS = (
    """{ executions { nodes { executionId inputParameters finalResult steps { nodes { stepId input result } } } } }"""
)


async def test_payloads_without_the_scope_are_null_with_an_error_at_their_path(server: str, token_for: Token):
    await store(execution(1, input_parameters={"a": 1}, final_result=[1]))
    await store_steps_and_logs("e001", 1)

    answer = await execute(server, token_for("ada", "acme"), PAYLOADS)

    node = answer.body["data"]["executions"]["nodes"][0]
    errors = {".".join(map(str, error["path"])): error["extensions"]["code"] for error in answer.body["errors"]}
    assert node == {
        "executionId": "e001",
        "inputParameters": None,
        "finalResult": None,
        "steps": {"nodes": [{"stepId": "s0", "input": None, "result": None}]},
    }
    assert errors == {
        "executions.nodes.0.inputParameters": "FORBIDDEN",
        "executions.nodes.0.finalResult": "FORBIDDEN",
        "executions.nodes.0.steps.nodes.0.input": "FORBIDDEN",
        "executions.nodes.0.steps.nodes.0.result": "FORBIDDEN",
    }
    assert "secret" not in str(answer.body)


async def test_payloads_are_returned_with_the_scope(server: str, token_for: Token):
    await store(execution(1, input_parameters={"a": 1}, final_result=[1]))
    await store_steps_and_logs("e001", 1)

    answer = await execute(server, token_for("ada", "acme", "executions:payload"), PAYLOADS)

    node = answer.data["executions"]["nodes"][0]
    assert (node["inputParameters"], node["finalResult"]) == ({"a": 1}, [1])
    assert node["steps"]["nodes"] == [{"stepId": "s0", "input": {"secret": 0}, "result": {"secret": 0}}]


PAYLOAD = "... on Execution { inputParameters } ... on ExecutionStep { input }"


@pytest.mark.parametrize("kind", ["Execution", "ExecutionStep"])
@pytest.mark.parametrize("scopes", [(), ("executions:read:tenant",), ("executions:payload",)])
async def test_payloads_require_their_scope_wherever_they_are_selected(
    server: str, token_for: Token, kind: str, scopes: tuple[str, ...]
):
    await store(execution(1, input_parameters={"a": 1}))
    await store_steps_and_logs("e001", 1)
    token = token_for("ada", "acme", *scopes)
    listed = "{ executions { nodes { id steps { nodes { id } } } } }"
    (node,) = (await execute(server, token, listed)).data["executions"]["nodes"]
    global_id = node["id"] if kind == "Execution" else node["steps"]["nodes"][0]["id"]
    detail = {
        "Execution": '{ execution(executionId: "e001") { inputParameters } }',
        "ExecutionStep": '{ execution(executionId: "e001") { steps { edges { node { input } } } } }',
    }

    answers = [
        await execute(server, token, f"query Q($id: ID!) {{ node(id: $id) {{ {PAYLOAD} }} }}", id=global_id),
        await execute(server, token, f"query Q($ids: [ID!]!) {{ nodes(ids: $ids) {{ {PAYLOAD} }} }}", ids=[global_id]),
        await execute(server, token, detail[kind]),
    ]

    shown = "executions:payload" in scopes
    assert [answer.codes for answer in answers] == [[] if shown else ["FORBIDDEN"]] * 3
    for answer in answers:
        assert answer.status == 200
        text = str(answer.body["data"])
        assert ("{'a': 1}" in text or "{'secret': 0}" in text) is shown
        assert ("None" in text) is not shown


async def test_without_the_scope_to_read_every_field_is_forbidden(server: str):
    token = issue_token(SECRET, user="ada", tenant="acme", scopes=(), roles=["auditor"], lifetime=timedelta(hours=1))
    await store(execution(1))

    for operation in (
        "{ executions { totalCount } }",
        '{ execution(executionId: "e001") { id } }',
        "{ nodes(ids: []) { id } }",
        "{ executionStatistics { count } }",
    ):
        answer = await execute(server, token, operation)

        assert answer.codes == ["FORBIDDEN"]


async def test_the_viewer_has_the_roles_and_granted_scopes(server: str):
    token = issue_token(
        SECRET,
        user="ada",
        tenant="acme",
        scopes=["executions:payload", "manage"],
        roles=["operator", "janitor"],
        lifetime=timedelta(hours=1),
    )

    answer = await execute(server, token, "{ viewer { roles scopes } }")

    assert answer.data["viewer"] == {"roles": ["operator"], "scopes": ["executions:payload", "executions:read"]}


async def test_errors_do_not_reveal_whether_an_object_exists(server: str, token_for: Token):
    await store(execution(1), execution(2, user_id="grace"), execution(3, tenant_id="globex"))
    await store_steps_and_logs("e001", 2)
    await store_steps_and_logs("e002", 2)
    await store_steps_and_logs("e003", 2, "globex")
    ada, grace, stranger = token_for("ada", "acme"), token_for("grace", "acme"), token_for("ada", "globex")
    detail = "query Q($id: String!) { execution(executionId: $id) { id steps { nodes { id } } logs { nodes { at } } } }"
    listed_after = "query Q($after: String) { executions(after: $after) { totalCount nodes { id } } }"
    steps_after = """query Q($after: String) {
      execution(executionId: "e001") { steps(after: $after) { nodes { id } } } }"""
    listed = """{ executions(first: 1) { pageInfo { endCursor }
      nodes { steps(first: 1) { pageInfo { endCursor } } } } }"""
    pages = [(await execute(server, token, listed)).data["executions"] for token in (grace, stranger)]

    details = [await execute(server, ada, detail, id=each) for each in ("e002", "e003", "none")]
    cursors = [await execute(server, ada, listed_after, after=page["pageInfo"]["endCursor"]) for page in pages]
    steps = [
        await execute(server, ada, steps_after, after=page["nodes"][0]["steps"]["pageInfo"]["endCursor"])
        for page in pages
    ]

    assert [(answer.body.keys(), answer.data) for answer in details] == [
        ({"data", "extensions"}, {"execution": None})
    ] * 3
    assert cursors[0].body["errors"] == cursors[1].body["errors"]
    assert [answer.codes for answer in (*cursors, *steps)] == [["INVALID_CURSOR"]] * 4
    for answer in (*cursors, *steps):
        assert not any(name in str(answer.body) for name in ("grace", "globex", "e002", "e003"))

"""Who is answered what: payloads, and a comparison of everything with a naive reference."""

import random
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from execution_monitor.access.caller import Caller
from execution_monitor.access.tokens import issue_token
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import QuietSchema
from execution_monitor.graphql.schema import create_schema
from execution_monitor.monitoring.live.live import Live
from execution_monitor.monitoring.live.live_cursors import LiveCursors
from execution_monitor.monitoring.monitor import Monitor
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import EVERYTHING, Filter, equals
from tests.conftest import SECRET
from tests.graphql.asking import ask, execution, store, store_parts

Token = Callable[..., str]
PAYLOADS = (
    """{ executions { nodes { executionId inputParameters finalResult steps { nodes { stepId input result } } } } }"""
)


async def test_payloads_are_null_and_forbidden_at_their_place_without_the_scope(server: str, token_for: Token):
    await store(execution(1, input_parameters={"a": 1}, final_result=[1]))
    await store_parts("e001", 1)

    answer = await ask(server, token_for("ada", "acme"), PAYLOADS)

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


async def test_payloads_are_shown_with_the_scope(server: str, token_for: Token):
    await store(execution(1, input_parameters={"a": 1}, final_result=[1]))
    await store_parts("e001", 1)

    answer = await ask(server, token_for("ada", "acme", "executions:payload"), PAYLOADS)

    node = answer.data["executions"]["nodes"][0]
    assert (node["inputParameters"], node["finalResult"]) == ({"a": 1}, [1])
    assert node["steps"]["nodes"] == [{"stepId": "s0", "input": {"secret": 0}, "result": {"secret": 0}}]


PAYLOAD = "... on Execution { inputParameters } ... on ExecutionStep { input }"


@pytest.mark.parametrize("kind", ["Execution", "ExecutionStep"])
@pytest.mark.parametrize("scopes", [(), ("executions:read:tenant",), ("executions:payload",)])
async def test_payloads_keep_to_their_scope_wherever_they_are_asked_for(
    server: str, token_for: Token, kind: str, scopes: tuple[str, ...]
):
    await store(execution(1, input_parameters={"a": 1}))
    await store_parts("e001", 1)
    token = token_for("ada", "acme", *scopes)
    listed = "{ executions { nodes { id steps { nodes { id } } } } }"
    (node,) = (await ask(server, token, listed)).data["executions"]["nodes"]
    global_id = node["id"] if kind == "Execution" else node["steps"]["nodes"][0]["id"]
    detail = {
        "Execution": '{ execution(executionId: "e001") { inputParameters } }',
        "ExecutionStep": '{ execution(executionId: "e001") { steps { edges { node { input } } } } }',
    }

    answers = [
        await ask(server, token, f"query Q($id: ID!) {{ node(id: $id) {{ {PAYLOAD} }} }}", id=global_id),
        await ask(server, token, f"query Q($ids: [ID!]!) {{ nodes(ids: $ids) {{ {PAYLOAD} }} }}", ids=[global_id]),
        await ask(server, token, detail[kind]),
    ]

    shown = "executions:payload" in scopes
    assert [answer.codes for answer in answers] == [[] if shown else ["FORBIDDEN"]] * 3
    for answer in answers:
        assert answer.status == 200
        text = str(answer.body["data"])
        assert ("{'a': 1}" in text or "{'secret': 0}" in text) is shown
        assert ("None" in text) is not shown


async def test_without_the_scope_to_read_nothing_is(server: str):
    token = issue_token(SECRET, user="ada", tenant="acme", scopes=(), roles=["auditor"], lifetime=timedelta(hours=1))
    await store(execution(1))

    for operation in (
        "{ executions { totalCount } }",
        '{ execution(executionId: "e001") { id } }',
        "{ nodes(ids: []) { id } }",
    ):
        answer = await ask(server, token, operation)

        assert answer.codes == ["FORBIDDEN"]


async def test_the_viewer_tells_roles_and_the_scopes_that_hold(server: str):
    token = issue_token(
        SECRET,
        user="ada",
        tenant="acme",
        scopes=["executions:payload", "manage"],
        roles=["operator", "janitor"],
        lifetime=timedelta(hours=1),
    )

    answer = await ask(server, token, "{ viewer { roles scopes } }")

    assert answer.data["viewer"] == {"roles": ["operator"], "scopes": ["executions:payload", "executions:read"]}


LISTED = "{ executions(first: 100) { totalCount edges { cursor node { id executionId sessionId } } } }"
NODES = "query Q($ids: [ID!]!) { nodes(ids: $ids) { ... on Execution { sessionId } } }"
BEHIND = "query Q($cursor: String) { executions(after: $cursor) { nodes { id } } }"
DETAIL = """query Q($id: String!) {
  execution(executionId: $id) { sessionId steps { nodes { stepId } } logs { nodes { at } } } }"""

TENANTS, USERS = ("acme", "globex"), ("ada", "grace", "olivia")


class World:
    """Random executions of two tenants whose users have the same names, and what each caller should see."""

    def __init__(self, database: Database, uri: str, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - no secret
        self.schema: QuietSchema = create_schema()
        self.monitor = Monitor.over(database, timeout_ms=5_000, count_limit=1_000)
        self.live = Live(database, uri, LiveCursors(b"secret"))
        self.documents = [
            execution(
                number % 25,
                tenant_id=self.dice.choice(TENANTS),
                user_id=self.dice.choice(USERS),
                session_id=f"n{number}",
            )
            for number in range(60)
        ]
        # An id is unique within its tenant, and the tenants share most of them.
        self.documents = list({(each["tenant_id"], each["execution_id"]): each for each in self.documents}.values())

    async def begin(self) -> None:
        await store(*self.documents)
        for each in self.documents:
            await store_parts(each["execution_id"], 2, each["tenant_id"])

    def sees(self, caller: Caller) -> dict[str, str]:
        """Every execution the caller should see, by id, with the mark that tells it from a namesake."""
        return {
            each["execution_id"]: each["session_id"]
            for each in self.documents
            if each["tenant_id"] == caller.tenant
            and (each["user_id"] == caller.subject or "executions:read:tenant" in caller.scopes)
        }

    async def ask(self, caller: Caller, query: str, **variables: Any) -> Any:
        return await self.schema.execute(query, variables, Context(caller, self.monitor, self.live))

    async def differences(self) -> AsyncIterator[str]:
        """Whatever a caller is answered that the reference would not answer, or the other way round."""
        callers = [
            Caller(user, tenant, frozenset({"executions:read", *more}))
            for tenant in TENANTS
            for user in USERS
            for more in ([], ["executions:read:tenant"])
        ]
        edges = {caller: (await self.ask(caller, LISTED)).data["executions"]["edges"] for caller in callers}
        for caller in callers:
            seen = self.sees(caller)
            if {edge["node"]["executionId"]: edge["node"]["sessionId"] for edge in edges[caller]} != seen:
                yield f"list of {caller}"
            if (await self.ask(caller, LISTED)).data["executions"]["totalCount"] != len(seen):
                yield f"count of {caller}"
            for other in callers:
                async for difference in self.differences_through(caller, other, edges[other]):
                    yield difference
            async for difference in self.differences_of_details(caller):
                yield difference

    async def differences_through(self, caller: Caller, other: Caller, edges: list[Any]) -> AsyncIterator[str]:
        """What `caller` learns from the ids and a cursor of `other`, beyond what is theirs."""
        seen = self.sees(caller)
        nodes = (await self.ask(caller, NODES, ids=[edge["node"]["id"] for edge in edges])).data["nodes"]
        marks = [edge["node"]["sessionId"] for edge in edges]
        if [node and node["sessionId"] for node in nodes] != [
            mark if mark in seen.values() else None for mark in marks
        ]:
            yield f"nodes of {other} for {caller}"
        if edges and (other.tenant, self.sees(other)) != (caller.tenant, seen):
            answer = await self.ask(caller, BEHIND, cursor=edges[0]["cursor"])
            if not answer.errors:
                yield f"cursor of {other} for {caller}"

    async def differences_of_details(self, caller: Caller) -> AsyncIterator[str]:
        """What `caller` learns by asking for each id there is."""
        seen = self.sees(caller)
        for execution_id in {each["execution_id"] for each in self.documents}:
            found = (await self.ask(caller, DETAIL, id=execution_id)).data["execution"]
            if (found and found["sessionId"]) != seen.get(execution_id):
                yield f"{execution_id} for {caller}"
            if found and (len(found["steps"]["nodes"]), len(found["logs"]["nodes"])) != (2, 2):
                yield f"parts of {execution_id} for {caller}"


async def compare(database: Database, uri: str) -> list[str]:
    world = World(database, uri, seed=7)
    await world.begin()
    try:
        return [difference async for difference in world.differences()]
    finally:
        await world.live.close()


async def test_every_answer_is_what_the_reference_says(database: Database, mongodb_uri: str):
    assert await compare(database, mongodb_uri) == []


async def test_words_do_not_tell_what_others_own_from_what_does_not_exist(server: str, token_for: Token):
    await store(execution(1), execution(2, user_id="grace"), execution(3, tenant_id="globex"))
    await store_parts("e001", 2)
    await store_parts("e002", 2)
    await store_parts("e003", 2, "globex")
    ada, grace, stranger = token_for("ada", "acme"), token_for("grace", "acme"), token_for("ada", "globex")
    detail = "query Q($id: String!) { execution(executionId: $id) { id steps { nodes { id } } logs { nodes { at } } } }"
    behind = "query Q($after: String) { executions(after: $after) { totalCount nodes { id } } }"
    steps_behind = """query Q($after: String) {
      execution(executionId: "e001") { steps(after: $after) { nodes { id } } } }"""
    listed = """{ executions(first: 1) { pageInfo { endCursor }
      nodes { steps(first: 1) { pageInfo { endCursor } } } } }"""
    pages = [(await ask(server, token, listed)).data["executions"] for token in (grace, stranger)]

    details = [await ask(server, ada, detail, id=each) for each in ("e002", "e003", "none")]
    cursors = [await ask(server, ada, behind, after=page["pageInfo"]["endCursor"]) for page in pages]
    steps = [
        await ask(server, ada, steps_behind, after=page["nodes"][0]["steps"]["pageInfo"]["endCursor"]) for page in pages
    ]

    assert [(answer.body.keys(), answer.data) for answer in details] == [
        ({"data", "extensions"}, {"execution": None})
    ] * 3
    assert cursors[0].body["errors"] == cursors[1].body["errors"]
    assert [answer.codes for answer in (*cursors, *steps)] == [["INVALID_CURSOR"]] * 4
    for answer in (*cursors, *steps):
        assert not any(name in str(answer.body) for name in ("grace", "globex", "e002", "e003"))


def without_the_tenant(caller: Caller) -> Filter:
    return EVERYTHING if "executions:read:tenant" in caller.scopes else equals("user_id", caller.subject)


def without_the_user(caller: Caller) -> Filter:
    return equals("tenant_id", caller.tenant)


@pytest.mark.parametrize("fault", [without_the_tenant, without_the_user])
async def test_a_fault_in_the_predicate_is_noticed(
    database: Database, mongodb_uri: str, monkeypatch: pytest.MonkeyPatch, fault: Callable[[Caller], Filter]
):
    monkeypatch.setattr("execution_monitor.monitoring.executions.visible_to", fault)

    assert await compare(database, mongodb_uri) != []

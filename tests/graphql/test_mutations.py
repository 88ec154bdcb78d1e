"""Mutations: over which transports and requests they run, in which order, and what the audit trail keeps of them."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx2
import orjson
import pytest
import strawberry

from execution_monitor.auth.access_keys import AccessKeys, MadeAccessKey, NewAccessKey
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.graphql.types.requires_scope import Requires
from execution_monitor.storage.database import Database
from execution_monitor.storage.server_documents import AccessKey, AuditEvent
from tests.graphql.recording_observer import RecordingObserver
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.support.client import execute

Token = Callable[..., str]
MAKE = 'mutation { createAccessKey(input: { name: "nightly" }) { key signingSecret accessKey { name } } }'
SCOPES = ("keys:write", "executions:write")


@pytest.fixture
def token(token_for: Token) -> str:
    return token_for("ada", "acme", *SCOPES)


async def names(database: Database) -> list[str]:
    return [each["name"] for each in await database.collection(AccessKey).find().sort("_id").to_list()]


async def test_a_mutation_runs_over_http_server_sent_events_and_a_socket(server: str, database: Database, token: str):
    over_http = (await execute(server, token, MAKE)).data
    async with httpx2.AsyncClient() as client:
        headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
        streamed = await client.post(f"{server}/graphql", json={"query": MAKE}, headers=headers)
    async with opened(server) as socket:
        await socket.begin(token)
        await socket.subscribe({"query": MAKE})
        over_socket = await socket.next()
        completed = await socket.receive()

    event = next(line for line in streamed.text.splitlines() if line.startswith("data: {"))
    for data in (over_http, orjson.loads(event.removeprefix("data: "))["data"], over_socket):
        assert data["createAccessKey"]["accessKey"] == {"name": "nightly"}
    assert completed["type"] == "complete"
    assert await names(database) == ["nightly"] * 3


async def test_the_response_to_a_mutation_is_neither_stored_nor_compressed(server: str, token: str):
    several = (
        "mutation {"
        + "".join(MAKE.removeprefix("mutation {")[:-1].replace("create", f"k{n}: create", 1) for n in range(20))
        + "}"
    )

    answer = await execute(server, token, several)

    assert len(answer.data) == 20
    assert answer.headers["cache-control"] == "no-store, no-transform"
    assert "content-encoding" not in answer.headers


async def test_a_mutation_takes_a_post(server: str, database: Database, token: str):
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {token}"}) as client:
        for accept in ("application/json", "text/event-stream"):
            refused = await client.get(f"{server}/graphql", params={"query": MAKE}, headers={"accept": accept})

            assert (refused.status_code, refused.headers["allow"]) == (405, "POST")

    assert await names(database) == []


async def test_what_a_foreign_page_can_send_without_a_preflight_is_no_mutation(
    server: str, database: Database, token: str
):
    headers = {"authorization": f"Bearer {token}", "origin": "https://evil.example"}
    body = orjson.dumps({"query": MAKE})
    simple = (
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "text/plain;application/json",
    )
    async with httpx2.AsyncClient(headers=headers) as client:
        for media_type in (*simple, None):
            kind = {} if media_type is None else {"content-type": media_type}
            refused = await client.post(f"{server}/graphql", content=body, headers=kind)

            assert (media_type, refused.status_code) == (media_type, 415)

    assert await names(database) == []


async def test_a_preflight_of_a_foreign_page_is_not_allowed(server: str):
    headers = {
        "origin": "https://evil.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-api-key",
    }
    async with httpx2.AsyncClient() as client:
        answer = await client.options(f"{server}/graphql", headers=headers)

    assert not answer.is_success
    assert "access-control-allow-origin" not in answer.headers


async def test_the_fields_of_a_mutation_run_one_after_another(
    server: str, database: Database, token: str, monkeypatch: pytest.MonkeyPatch
):
    running: list[str] = []
    overlaps: list[str] = []
    make = AccessKeys.make

    async def watched(self: AccessKeys, caller: Caller, wanted: NewAccessKey) -> MadeAccessKey:
        overlaps.extend(running)
        running.append(wanted.name)
        # All that could run beside it would begin now.
        await asyncio.sleep(0.01)
        made = await make(self, caller, wanted)
        running.remove(wanted.name)
        return made

    monkeypatch.setattr(AccessKeys, "make", watched)
    fields = "".join(f'{name}: createAccessKey(input: {{ name: "{name}" }}) {{ key }} ' for name in "abc")

    answer = await execute(server, token, f"mutation {{ {fields} }}")

    assert list(answer.data) == ["a", "b", "c"]
    assert await names(database) == ["a", "b", "c"]
    assert overlaps == []


async def test_a_failure_of_one_field_keeps_what_the_others_did(server: str, database: Database, token: str):
    answer = await execute(
        server,
        token,
        """mutation {
          a: createAccessKey(input: { name: "a" }) { key }
          b: createAccessKey(input: { name: "" }) { key } }""",
    )

    assert answer.codes == ["BAD_USER_INPUT"]
    assert await names(database) == ["a"]


async def test_a_mutation_is_recorded_without_its_secrets(
    observer: RecordingObserver, server: str, database: Database, token: str
):
    text = (
        """mutation Nightly($input: CreateAccessKeyInput!) { createAccessKey(input: $input) { key signingSecret } }"""
    )

    made = await execute(server, token, text, input={"name": "nightly", "scopes": ["executions:write"]})

    operation, outcome = await observer.last()
    assert (operation.kind, operation.cost, outcome.codes) == ("mutation", 1, [])
    async with asyncio.timeout(20):
        while not (events := await database.collection(AuditEvent).find().to_list()):  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.02)
    (event,) = events
    assert (event["kind"], event["operation_name"], event["subject"]) == ("mutation", "Nightly", "ada")
    assert event["arguments"] == {"createAccessKey": {"input": {"name": "nightly", "scopes": ["executions:write"]}}}
    for secret in made.data["createAccessKey"].values():
        assert secret not in str(event)


@pytest.mark.parametrize(
    "scope", [each for each in Scope if each.value not in ("executions:write", "executions:control")]
)
async def test_a_key_calls_only_mutations_that_report_or_control_executions(scope: Scope):
    @strawberry.type
    class Query:
        @strawberry.field(extensions=[Requires(scope)])
        def reads(self) -> int:
            return 1

    @strawberry.type
    class Mutation:
        @strawberry.mutation(extensions=[Requires(scope)])
        def changes(self) -> int:
            return 1

        @strawberry.mutation(extensions=[Requires(Scope.EXECUTIONS_WRITE)])
        def reports(self) -> int:
            return 1

    @strawberry.type
    class Subscription:
        @strawberry.subscription(extensions=[Requires(scope)])
        async def follows(self) -> AsyncIterator[int]:
            yield 1

    schema = strawberry.Schema(Query, Mutation, Subscription)
    # Even one that had every scope.
    key = Caller("ada", "acme", frozenset(Scope), is_key=True)
    person = Caller("ada", "acme", frozenset(Scope))

    class Context:
        def __init__(self, caller: Caller) -> None:
            self.caller = caller

    changed = [await schema.execute("mutation { changes }", context_value=Context(who)) for who in (key, person)]
    reported = await schema.execute("mutation { reports }", context_value=Context(key))
    read = await schema.execute("{ reads }", context_value=Context(key))

    assert [each.data for each in changed] == [None, {"changes": 1}]
    assert "access key" in str(changed[0].errors)
    assert (reported.data, read.data) == ({"reports": 1}, {"reads": 1})

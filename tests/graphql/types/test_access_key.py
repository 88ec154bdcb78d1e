"""`accessKeys`, `createAccessKey`, `revokeAccessKey` and `node`, as people and programs use them."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from execution_monitor.auth.access_key_text import signing_secret_of
from execution_monitor.graphql.types.node import encode_id
from execution_monitor.storage.database import Database
from execution_monitor.storage.server_documents import AccessKey
from tests.support.access_keys import made_key
from tests.support.client import execute
from tests.support.documents import execution, store
from tests.support.tokens import SECRET

Token = Callable[..., str]
FIELDS = "id name prefix userId madeBy scopes createdAt expiresAt lastUsedAt revokedAt"
MAKE = f"""mutation Make($input: CreateAccessKeyInput!) {{
  createAccessKey(input: $input) {{ key signingSecret accessKey {{ {FIELDS} }} }} }}"""
REVOKE = f"mutation Revoke($id: ID!) {{ revokeAccessKey(id: $id) {{ accessKey {{ {FIELDS} }} }} }}"
LIST = f"""query Keys($first: Int, $after: String, $last: Int, $before: String) {{
  accessKeys(first: $first, after: $after, last: $last, before: $before) {{
    nodes {{ {FIELDS} }} edges {{ cursor node {{ name }} }}
    pageInfo {{ hasNextPage hasPreviousPage endCursor startCursor }} }} }}"""
NODES = (
    "query Nodes($ids: [ID!]!) { nodes(ids: $ids) { id ... on AccessKey { name } ... on Execution { executionId } } }"
)
WHO = "{ viewer { userId tenantId scopes roles expiresAt } executions { nodes { executionId inputParameters } } }"
MAKER = ("keys:write", "executions:write", "executions:read")


async def test_a_key_that_was_made_acts_for_its_user_until_it_is_revoked(
    server: str, database: Database, token_for: Token
):
    await store(execution(1, input_parameters={"a": 1}), execution(2, user_id="grace"))
    token = token_for("ada", "acme", *MAKER, "executions:read:tenant", "executions:payload")

    made = (await execute(server, token, MAKE, input={"name": "nightly", "scopes": ["executions:read"]})).data
    created = made["createAccessKey"]
    seen = await execute(server, created["key"], WHO)
    revoked = (await execute(server, token, REVOKE, id=created["accessKey"]["id"])).data["revokeAccessKey"]["accessKey"]
    async with asyncio.timeout(5):
        while (refused := await execute(server, created["key"], WHO)).status == 200:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.02)

    (row,) = await database.collection(AccessKey).find().to_list()
    shown = created["accessKey"]
    assert (shown["name"], shown["userId"], shown["madeBy"], shown["scopes"]) == (
        "nightly",
        "ada",
        "ada",
        ["executions:read"],
    )
    assert (shown["prefix"], shown["lastUsedAt"], shown["revokedAt"]) == (f"em_{row['_id']}", None, None)
    assert created["key"].startswith(f"{shown['prefix']}_")
    assert created["signingSecret"] == signing_secret_of(str(row["_id"]), SECRET.encode())
    assert datetime.fromisoformat(shown["expiresAt"]) - datetime.fromisoformat(shown["createdAt"]) > timedelta(days=89)
    assert seen.body["data"]["viewer"] == {
        "userId": "ada",
        "tenantId": "acme",
        "scopes": ["executions:read"],
        "roles": [],
        "expiresAt": shown["expiresAt"],
    }
    # Neither what others of the tenant own nor payloads, though its maker reads both.
    assert seen.body["data"]["executions"]["nodes"] == [{"executionId": "e001", "inputParameters": None}]
    assert seen.codes == ["FORBIDDEN"]
    assert {**revoked, "revokedAt": None, "lastUsedAt": None} == shown
    assert revoked["revokedAt"] is not None
    assert (refused.status, refused.codes) == (401, ["UNAUTHENTICATED"])


async def test_a_key_that_may_not_be_made_is_not(server: str, database: Database, token_for: Token):
    refusals: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
        (("executions:write", "manage"), {}, "FORBIDDEN"),
        (("keys:write",), {}, "FORBIDDEN"),
        (MAKER, {"scopes": ["executions:control"]}, "FORBIDDEN"),
        (MAKER, {"userId": "grace"}, "FORBIDDEN"),
        (MAKER, {"scopes": ["keys:write"]}, "BAD_USER_INPUT"),
        (MAKER, {"scopes": []}, "BAD_USER_INPUT"),
        (MAKER, {"name": ""}, "BAD_USER_INPUT"),
        (MAKER, {"expiresAt": "2020-01-01T00:00:00Z"}, "BAD_USER_INPUT"),
        (MAKER, {"expiresAt": "9999-01-01T00:00:00Z"}, "BAD_USER_INPUT"),
        (MAKER, {"expiresAt": "tomorrow"}, "BAD_USER_INPUT"),
    ]
    for scopes, wanted, code in refusals:
        answer = await execute(server, token_for("ada", "acme", *scopes), MAKE, input={"name": "nightly", **wanted})

        assert (wanted, answer.codes) == (wanted, [code])

    assert await database.collection(AccessKey).count_documents({}) == 0


async def test_a_key_makes_lists_and_revokes_no_keys(server: str, database: Database):
    made = await made_key(database, "ada", "executions:read", "executions:write", "executions:control")
    itself = encode_id("AccessKey", "acme", str(made.row["_id"]))

    answers = [
        await execute(server, made.text, MAKE, input={"name": "another"}),
        await execute(server, made.text, REVOKE, id=itself),
        await execute(server, made.text, LIST),
        await execute(server, made.text, NODES, ids=[itself]),
        await execute(server, made.text, "{ auditEvents { nodes { kind } } }"),
    ]

    assert [answer.codes for answer in answers] == [["FORBIDDEN"]] * 5
    assert [answer.body["data"] for answer in answers] == [None] * 5
    (row,) = await database.collection(AccessKey).find().to_list()
    assert "revoked_at" not in row


async def test_keys_are_paged_in_both_directions(server: str, database: Database, token_for: Token):
    for number in range(5):
        await made_key(database, "ada", name=f"k{number}", created=datetime(2026, 11, 1, number, tzinfo=UTC))
    await made_key(database, "grace", name="hers")
    token = token_for("ada", "acme", "keys:write")

    first = (await execute(server, token, LIST, first=2)).data["accessKeys"]
    second = (await execute(server, token, LIST, first=2, after=first["pageInfo"]["endCursor"])).data["accessKeys"]
    back = (await execute(server, token, LIST, last=2, before=second["pageInfo"]["startCursor"])).data["accessKeys"]
    whole = (await execute(server, token_for("root", "acme", "keys:write", "manage"), LIST)).data["accessKeys"]
    foreign = await execute(
        server, token_for("grace", "acme", "keys:write"), LIST, after=first["pageInfo"]["endCursor"]
    )
    both = await execute(server, token, LIST, first=1, last=1)

    assert [each["name"] for each in first["nodes"]] == ["k4", "k3"]
    assert [each["node"]["name"] for each in second["edges"]] == ["k2", "k1"]
    assert back["nodes"] == first["nodes"]
    assert (first["pageInfo"]["hasNextPage"], first["pageInfo"]["hasPreviousPage"]) == (True, False)
    assert [each["name"] for each in whole["nodes"]] == ["hers", "k4", "k3", "k2", "k1", "k0"]
    assert (foreign.codes, both.codes) == (["INVALID_CURSOR"], ["BAD_USER_INPUT"])


async def test_only_what_is_selected_of_a_key_is_needed(server: str, database: Database, token_for: Token):
    await made_key(database, "ada")

    for field in FIELDS.split():
        answer = await execute(
            server, token_for("ada", "acme", "keys:write"), f"{{ accessKeys {{ nodes {{ {field} }} }} }}"
        )

        assert list(answer.data["accessKeys"]["nodes"][0]) == [field]
        assert answer.data["accessKeys"]["nodes"][0][field] or field in ("lastUsedAt", "revokedAt")


async def test_a_key_is_a_node_for_those_who_see_it_in_the_list(server: str, database: Database, token_for: Token):
    await store(execution(1))
    mine, hers, elsewhere = [
        encode_id("AccessKey", tenant, str((await made_key(database, user, tenant=tenant)).row["_id"]))
        for user, tenant in (("ada", "acme"), ("grace", "acme"), ("ada", "globex"))
    ]
    run = encode_id("Execution", "acme", "e001")
    ids = [run, mine, hers, elsewhere, encode_id("AccessKey", "acme", "f" * 24), encode_id("AccessKey", "acme", 7)]

    maker = await execute(server, token_for("ada", "acme", "keys:write"), NODES, ids=ids)
    manager = await execute(server, token_for("root", "acme", "keys:write", "manage"), NODES, ids=ids)
    reader = await execute(server, token_for("ada", "acme", "manage"), NODES, ids=ids)
    strangers = await execute(server, token_for("ada", "acme"), NODES, ids=[elsewhere])

    assert maker.data["nodes"] == [{"id": run, "executionId": "e001"}, {"id": mine, "name": "nightly"}, *[None] * 4]
    assert [each and each["id"] for each in manager.data["nodes"]] == [None, mine, hers, None, None, None]
    # Whether or not there is such a key.
    assert reader.codes == strangers.codes == ["FORBIDDEN"]


async def test_what_is_no_key_cannot_be_revoked(server: str, token_for: Token):
    for global_id, code in (
        (encode_id("AccessKey", "acme", "f" * 24), "NOT_FOUND"),
        (encode_id("AccessKey", "globex", "f" * 24), "NOT_FOUND"),
        (encode_id("AccessKey", "acme", "nightly"), "NOT_FOUND"),
        (encode_id("Execution", "acme", "e001"), "BAD_USER_INPUT"),
        ("em_65f0000000000000000000a1", "BAD_USER_INPUT"),
    ):
        answer = await execute(server, token_for("ada", "acme", "keys:write"), REVOKE, id=global_id)

        assert (global_id, answer.codes) == (global_id, [code])

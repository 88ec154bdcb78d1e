"""Saved views over GraphQL: one's own and shared ones, saved, listed, found again and deleted."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId

from execution_monitor.graphql.types.node import encode_id
from execution_monitor.storage.dashboard_documents import SavedView
from execution_monitor.storage.database import Database
from execution_monitor.storage.server_documents import AuditEvent
from tests.support.access_keys import key_of
from tests.support.client import GraphQLResponse, execute

Token = Callable[..., str]
FIELDS = "id name address isShared userId updatedAt"
SAVE = f"mutation Save($input: SaveViewInput!) {{ saveView(input: $input) {{ savedView {{ {FIELDS} }} }} }}"
DELETE = "mutation Delete($id: ID!) { deleteView(id: $id) { deletedId } }"
LIST = f"{{ savedViews {{ {FIELDS} }} }}"
NODES = f"query Q($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on SavedView {{ {FIELDS} }} }} }}"
TENANT = "executions:read:tenant"
FAILURES = {"name": "Failures", "address": "/executions?filter=status%3Ain(FAILED)"}


@pytest.fixture
def ada(token_for: Token) -> str:
    return token_for("ada", "acme", "executions:read", TENANT)


@pytest.fixture
def ben(token_for: Token) -> str:
    return token_for("ben", "acme", "executions:read")


async def save(server: str, token: str, **wanted: Any) -> Any:
    return (await execute(server, token, SAVE, input={**FAILURES, **wanted})).data["saveView"]["savedView"]


async def names(server: str, token: str) -> list[str]:
    return [each["name"] for each in (await execute(server, token, LIST)).data["savedViews"]]


def outcome(answer: GraphQLResponse) -> tuple[list[str], str]:
    return answer.codes, answer.message


async def test_a_view_is_its_owners_until_it_is_shared_with_the_tenant(
    server: str, token_for: Token, ada: str, ben: str
):
    made = await save(server, ada)
    mine = await save(server, ben, name="a view of mine")
    foreign = token_for("ada", "globex", "executions:read", TENANT)
    alone = [await names(server, each) for each in (ada, ben, foreign)]

    shared = await save(server, ada, id=made["id"], name="All failures", isShared=True)
    together = [await names(server, each) for each in (ada, ben, foreign)]
    found = [
        (await execute(server, each, NODES, ids=[made["id"], mine["id"]])).data["nodes"] for each in (ada, ben, foreign)
    ]

    assert made == {**made, **FAILURES, "isShared": False, "userId": "ada"}
    assert shared == {**made, "name": "All failures", "isShared": True, "updatedAt": shared["updatedAt"]}
    assert alone == [["Failures"], ["a view of mine"], []]
    assert together == [["All failures"], ["a view of mine", "All failures"], []]
    assert found == [[shared, None], [shared, mine], [None, None]]
    # Left out, it is not shared.
    await save(server, ada, id=made["id"])
    assert await names(server, ben) == ["a view of mine"]


async def test_only_its_owner_changes_a_view_and_an_operator_deletes_shared_ones(
    server: str, token_for: Token, ada: str, ben: str
):
    secret, shared = await save(server, ada, name="secret"), await save(server, ada, isShared=True)
    manager = token_for("olga", "acme", "executions:read", "manage")
    foreign = token_for("olga", "globex", "executions:read", "manage")
    nothing = "There is no such view, or you may not see it."

    for token, view, codes, words in (
        (ben, shared, ["FORBIDDEN"], "This view is ada's"),
        (ben, secret, ["NOT_FOUND"], nothing),
        (foreign, shared, ["NOT_FOUND"], nothing),
        (manager, secret, ["NOT_FOUND"], nothing),
    ):
        for query, variables in ((SAVE, {"input": {**FAILURES, "id": view["id"]}}), (DELETE, {"id": view["id"]})):
            refused = await execute(server, token, query, **variables)
            assert (refused.codes, words in refused.message) == (codes, True)
    changed = await execute(server, manager, SAVE, input={**FAILURES, "id": shared["id"]})
    assert changed.codes == ["FORBIDDEN"]
    assert await names(server, ada) == ["Failures", "secret"]

    deleted = [await execute(server, who, DELETE, id=each["id"]) for who, each in ((manager, shared), (ada, secret))]

    assert [each.data["deleteView"]["deletedId"] for each in deleted] == [shared["id"], secret["id"]]
    assert await names(server, ada) == []
    assert (await execute(server, ada, DELETE, id=secret["id"])).codes == ["NOT_FOUND"]
    gone = await execute(server, ada, SAVE, input={**FAILURES, "id": encode_id("SavedView", "acme", str(ObjectId()))})
    assert gone.codes == ["NOT_FOUND"]


async def test_what_is_wrong_with_a_view_is_said_and_nothing_is_stored(
    server: str, database: Database, ada: str, ben: str
):
    for token, wanted, code, words in (
        (ada, {"name": " "}, "BAD_USER_INPUT", "1 to 100 characters"),
        (ada, {"name": "a\nb"}, "BAD_USER_INPUT", "1 to 100 characters"),
        (ada, {"name": "x" * 101}, "BAD_USER_INPUT", "1 to 100 characters"),
        (ada, {"address": "//evil.example"}, "BAD_USER_INPUT", "exactly one slash"),
        (ada, {"address": "/" + "x" * 4_096}, "BAD_USER_INPUT", "4,096 bytes"),
        (ada, {"id": "nonsense"}, "BAD_USER_INPUT", "This id is damaged"),
        (ada, {"id": encode_id("Webhook", "acme", "x")}, "BAD_USER_INPUT", "no id of a saved view"),
        (ben, {"isShared": True}, "FORBIDDEN", TENANT),
    ):
        refused = await execute(server, token, SAVE, input={**FAILURES, **wanted})
        assert (refused.codes, words in refused.message) == ([code], True), refused.message

    assert await database.collection(SavedView).count_documents({}) == 0


async def test_an_access_key_has_no_views(server: str, database: Database, ada: str):
    shared = await save(server, ada, isShared=True)
    key = await key_of(database, "ada", "executions:read", "executions:write")

    requests: tuple[tuple[str, dict[str, Any]], ...] = (
        (LIST, {}),
        (NODES, {"ids": [shared["id"]]}),
        (SAVE, {"input": FAILURES}),
        (DELETE, {"id": shared["id"]}),
    )
    refused = [await execute(server, key, query, **variables) for query, variables in requests]

    assert [each.codes for each in refused] == [["FORBIDDEN"]] * 4
    assert "send a token" in refused[0].message
    assert await names(server, ada) == ["Failures"]


async def test_a_caller_has_100_views_and_a_tenant_shares_100(server: str, database: Database, ada: str, ben: str):
    mine = await save(server, ada)
    (row,) = await database.collection(SavedView).find().to_list()

    def many(owner: str, count: int, **fields: Any) -> list[dict[str, Any]]:
        return [{**row, "_id": ObjectId(), "user_id": owner, **fields} for _ in range(count)]

    await database.collection(SavedView).insert_many([*many("ada", 99), *many("carl", 100, is_shared=True)])

    more = await execute(server, ada, SAVE, input=FAILURES)
    shared = await execute(server, ada, SAVE, input={**FAILURES, "id": mine["id"], "isShared": True})
    renamed = await save(server, ada, id=mine["id"], name="mine")

    assert outcome(more) == (["BAD_USER_INPUT"], "You have 100 views; delete one first.")
    assert (shared.codes, "shares 100 views" in shared.message) == (["BAD_USER_INPUT"], True)
    assert renamed["name"] == "mine"
    assert [len(await names(server, each)) for each in (ada, ben)] == [200, 100]


async def test_the_audit_trail_has_the_name_and_not_the_address_of_a_view(server: str, database: Database, ada: str):
    await save(server, ada, isShared=True)

    async with asyncio.timeout(20):
        while not (events := await database.collection(AuditEvent).find().to_list()):  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.02)
    (event,) = events
    shown = {"name": "Failures", "address": "[left out]", "isShared": True}
    assert event["arguments"] == {"saveView": {"input": shown}}

"""`node` and `nodes`: objects by their global ids."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from bson import Decimal128

from execution_monitor.storage.cursors import encode_token
from execution_monitor.storage.database import Database
from execution_monitor.storage.digests import digest_of
from execution_monitor.storage.documents import Step
from tests.support.client import execute
from tests.support.documents import NOON, execution, store, store_steps_and_logs

Token = Callable[..., str]
IDS = "{ executions { nodes { id executionId steps(first: 1) { nodes { id } } } } }"
STEP_IDS = '{ execution(executionId: "e001") { steps(first: 1) { nodes { id } } } }'
DAMAGED = "This id is damaged; pass one exactly as the server gave it."
NO_NODE = (
    "This id names no Execution, ExecutionStep, AccessKey, SavedView, Webhook, WebhookDelivery, AlertRule or Alert."
)
NODES = """query Nodes($ids: [ID!]!) { nodes(ids: $ids) { __typename id
  ... on Execution { executionId } ... on ExecutionStep { stepId } } }"""


async def test_nodes_come_in_the_order_of_their_ids_with_their_own_types(server: str, token_for: Token):
    await store(execution(1), execution(2))
    await store_steps_and_logs("e001", 1)
    token = token_for("ada", "acme")
    second, first = (await execute(server, token, IDS)).data["executions"]["nodes"]
    step = first["steps"]["nodes"][0]["id"]

    answer = await execute(server, token, NODES, ids=[step, second["id"], first["id"], second["id"]])

    assert [node.get("stepId") or node["executionId"] for node in answer.data["nodes"]] == [
        "s0",
        "e002",
        "e001",
        "e002",
    ]
    assert [node["id"] for node in answer.data["nodes"]] == [step, second["id"], first["id"], second["id"]]


async def test_one_node_is_found_by_the_same_id(server: str, token_for: Token):
    await store(execution(1))
    token = token_for("ada", "acme")
    (node,) = (await execute(server, token, IDS)).data["executions"]["nodes"]

    answer = await execute(server, token, "query Q($id: ID!) { node(id: $id) { id __typename } }", id=node["id"])

    assert answer.data["node"] == {"id": node["id"], "__typename": "Execution"}


@pytest.mark.parametrize(
    "own_id",
    [
        pytest.param({"run": 1, "attempts": [1, {"of": 3}]}, id="an object with an array"),
        pytest.param(Decimal128("1.50"), id="a decimal"),
        pytest.param(UUID(int=7), id="a UUID"),
        pytest.param("x" * 3_000, id="a long text"),
    ],
)
async def test_a_step_is_found_by_an_id_of_any_bson_type(
    server: str, database: Database, token_for: Token, own_id: Any
):
    await store(execution(1), execution(2))
    step = {"execution_id": "e001", "tenant_id": "acme", "step_id": "odd", "step_name": "load", "created": NOON}
    await database.collection(Step).insert_one({**step, "_id": own_id})
    token = token_for("ada", "acme")
    ids = [each["id"] for each in (await execute(server, token, STEP_IDS)).data["execution"]["steps"]["nodes"]]

    found = (await execute(server, token, NODES, ids=ids)).data["nodes"]
    denied = (await execute(server, token_for("grace", "acme"), NODES, ids=ids)).data["nodes"]

    assert [node["stepId"] for node in found] == ["odd"]
    assert denied == [None]


@pytest.mark.parametrize(
    "who",
    [
        pytest.param(("grace", "acme"), id="another user"),
        pytest.param(("ada", "globex"), id="a namesake of another tenant"),
        pytest.param(("olga", "globex", "executions:read:tenant"), id="an operator of another tenant"),
    ],
)
async def test_objects_of_others_look_as_if_they_did_not_exist(server: str, token_for: Token, who: tuple[str, ...]):
    await store(execution(1))
    await store_steps_and_logs("e001", 1)
    (node,) = (await execute(server, token_for("ada", "acme"), IDS)).data["executions"]["nodes"]
    nothing = encode_token(digest_of("Execution"), ("acme", "no such execution"))

    answer = await execute(server, token_for(*who), NODES, ids=[node["id"], node["steps"]["nodes"][0]["id"], nothing])

    assert answer.data["nodes"] == [None, None, None]


@pytest.mark.parametrize(
    ("global_id", "sentence"),
    [
        pytest.param("", DAMAGED, id="empty"),
        pytest.param("RXhlY3V0aW9uOjE=", DAMAGED, id="a foreign one"),
        pytest.param(
            encode_token(digest_of("Workflow"), ("acme", "x")),
            NO_NODE,
            id="of another type",
        ),
        pytest.param(
            encode_token(digest_of("Execution"), ("acme",)),
            NO_NODE,
            id="with too few values",
        ),
        pytest.param(
            encode_token(digest_of("ExecutionStep"), ("acme", "x")),
            NO_NODE,
            id="a step's without its own id",
        ),
        pytest.param(
            encode_token(digest_of("ExecutionStep"), ("acme", "x", {"$gt": ""})),
            DAMAGED,
            id="a step's with an operator for its own id",
        ),
        pytest.param(
            encode_token(digest_of("ExecutionStep"), ("acme", "x", {"a": [{"$ne": 1}]})),
            DAMAGED,
            id="a step's with an operator deep in its own id",
        ),
    ],
)
async def test_an_id_that_cannot_be_decoded_is_refused(server: str, token_for: Token, global_id: str, sentence: str):
    answer = await execute(server, token_for("ada", "acme"), NODES, ids=[global_id])

    assert (answer.codes, answer.message) == (["BAD_USER_INPUT"], sentence)


async def test_at_most_a_hundred_nodes_are_resolved_at_once(server: str, token_for: Token):
    some = encode_token(digest_of("Execution"), ("acme", "no such execution"))
    token = token_for("ada", "acme")

    hundred = await execute(server, token, NODES, ids=[some] * 100)
    more = await execute(server, token, NODES, ids=[some] * 101)

    assert hundred.data["nodes"] == [None] * 100
    assert (more.codes, more.message) == (["BAD_USER_INPUT"], "Ask for at most 100 nodes at once, not 101.")

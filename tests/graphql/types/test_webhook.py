"""Webhooks over GraphQL, as their owners and operators use them, with a real receiver."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import orjson
import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook as Verifier

from execution_monitor.app import create_app
from execution_monitor.graphql.types.node import encode_id
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.server_documents import AuditEvent
from execution_monitor.storage.webhook_documents import Webhook, WebhookDelivery
from tests.outbound.receiver import Receiver, answering, receiving
from tests.support.access_keys import made_key
from tests.support.client import execute
from tests.support.documents import execution
from tests.support.servers import served, wait_until_ready
from tests.webhooks.delivering import until, verified

Token = Callable[..., str]
FIELDS = "id name url filter on includePayloads state stateReason userId createdAt updatedAt"
CREATE = (
    f"mutation M($input: CreateWebhookInput!) {{ createWebhook(input: $input) {{ secret webhook {{ {FIELDS} }} }} }}"
)
UPDATE = f"""mutation M($id: ID!, $input: UpdateWebhookInput!) {{
  updateWebhook(id: $id, input: $input) {{ webhook {{ {FIELDS} }} }} }}"""
DELETE = "mutation M($id: ID!) { deleteWebhook(id: $id) { deletedId } }"
ROTATE = """mutation M($id: ID!, $input: RotateWebhookSecretInput! = {}) {
  rotateWebhookSecret(id: $id, input: $input) { secret webhook { id } } }"""
SENT = "id executionId kind state attempts nextAttemptAt statusCode error responseBody createdAt deliveredAt"
TEST = f"mutation M($id: ID!) {{ testWebhook(id: $id) {{ delivery {{ {SENT} webhook {{ name }} }} }} }}"
REPLAY = """mutation M($id: ID!, $input: ReplayDeliveriesInput!) {
  replayDeliveries(webhookId: $id, input: $input) { count } }"""
LIST = f"""query Q($first: Int, $after: String, $last: Int, $before: String) {{
  webhooks(first: $first, after: $after, last: $last, before: $before) {{
    nodes {{ {FIELDS} }} edges {{ cursor node {{ name }} }}
    pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }}"""
DELIVERIES = f"""query Q($id: ID!, $state: DeliveryState, $first: Int, $after: String) {{
  webhookDeliveries(webhookId: $id, state: $state, first: $first, after: $after) {{
    nodes {{ {SENT} webhook {{ name }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
NODES = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id ... on Webhook { name url } ... on WebhookDelivery { kind } } }"
OWNER = ("executions:read", "webhooks:write")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nthanks"
GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    async with receiving(answering(OK), None) as receiver:
        yield receiver


@pytest.fixture
def settings(settings: Settings, receiver: Receiver) -> Settings:
    allow = (f"127.0.0.1:{receiver.port}",)
    return settings.model_copy(update={"environment": "development", "delivery": "on", "outbound_allow": allow})


@pytest.fixture
def ada(token_for: Token) -> str:
    return token_for("ada", "acme", *OWNER)


async def create(server: str, token: str, receiver: Receiver, **wanted: Any) -> Any:
    answer = await execute(server, token, CREATE, input={"name": "changes", "url": receiver.url, **wanted})
    return answer.data["createWebhook"]


async def change(database: Database, number: int, **fields: Any) -> None:
    await database.collection(Execution).insert_one(execution(number, **fields))


async def eventually(read: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
    """What `read` returns once that is something."""
    async with asyncio.timeout(30):
        while True:
            if found := await read(*arguments):
                return found
            await asyncio.sleep(0.02)


async def deliveries_in(server: str, token: str, webhook: str, state: str) -> list[Any]:
    """The deliveries in a state, once there are any."""

    async def read() -> list[Any]:
        answer = await execute(server, token, DELIVERIES, id=webhook, state=state)
        return answer.data["webhookDeliveries"]["nodes"]

    return await eventually(read)


async def test_a_webhook_sends_its_owner_what_matches_from_now_on(
    server: str, database: Database, receiver: Receiver, ada: str
):
    await change(database, 1, status="failed")
    made = await create(server, ada, receiver, filter={"status": {"eq": "FAILED"}}, on=["ENTERED"])

    await change(database, 2, status="failed", user_id="grace")
    await change(database, 3, status="running")
    await change(database, 4, status="failed", input_parameters={"secret": 1})
    await until(lambda: bool(receiver.requests))
    listed = (await execute(server, ada, LIST)).data["webhooks"]["nodes"]
    (delivery,) = await deliveries_in(server, ada, made["webhook"]["id"], "DELIVERED")

    (request,) = receiver.requests
    body = verified(request, made["secret"])
    assert (body["type"], body["data"]["execution_id"]) == ("execution.entered", "e004")
    assert "input_parameters" not in body["data"]
    webhook = made["webhook"]
    assert listed == [webhook]
    assert {name: webhook[name] for name in ("name", "url", "filter", "on", "includePayloads", "state", "userId")} == {
        "name": "changes",
        "url": receiver.url,
        "filter": {"status": {"eq": "FAILED"}},
        "on": ["ENTERED"],
        "includePayloads": False,
        "state": "ENABLED",
        "userId": "ada",
    }
    assert {**delivery, "id": "", "createdAt": "", "deliveredAt": ""} == {
        "id": "",
        "executionId": "e004",
        "kind": "ENTERED",
        "state": "DELIVERED",
        "attempts": 1,
        "nextAttemptAt": None,
        "statusCode": 200,
        "error": None,
        "responseBody": "thanks",
        "createdAt": "",
        "deliveredAt": "",
        "webhook": {"name": "changes"},
    }


@pytest.mark.parametrize(
    ("wanted", "code", "words"),
    [
        ({"name": ""}, "BAD_USER_INPUT", "1 to 100 characters"),
        ({"name": "a\nb"}, "BAD_USER_INPUT", "1 to 100 characters"),
        ({"name": "x" * 101}, "BAD_USER_INPUT", "1 to 100 characters"),
        ({"url": "ftp://example.com/"}, "BAD_USER_INPUT", "https://"),
        ({"url": "https://169.254.169.254/"}, "BAD_USER_INPUT", "not public"),
        ({"url": "https://ada:secret@example.com/"}, "BAD_USER_INPUT", "no user name"),
        ({"on": []}, "BAD_USER_INPUT", "at least one kind"),
        ({"on": ["SOMETHING"]}, "BAD_USER_INPUT", "WebhookEventKind"),
        ({"includePayloads": True}, "FORBIDDEN", "executions:payload"),
        ({"filter": {"status": {"eq": "NEVER"}}}, "BAD_USER_INPUT", "ExecutionStatus"),
    ],
)
async def test_what_is_wrong_with_a_webhook_is_said_and_nothing_is_stored(  # noqa: PLR0913, PLR0917 - a row of the table
    server: str, database: Database, ada: str, wanted: dict[str, Any], code: str, words: str
):
    given = {"name": "changes", "url": "https://receiver.example.com/hook", **wanted}
    answer = await execute(server, ada, CREATE, input=given)

    assert answer.codes == [code]
    assert words in answer.message
    assert "secret" not in answer.message
    assert await database.collection(Webhook).count_documents({}) == 0


async def test_nobody_has_more_than_100_webhooks(server: str, database: Database, receiver: Receiver, ada: str):
    made = await create(server, ada, receiver)
    (row,) = await database.collection(Webhook).find().to_list()
    await database.collection(Webhook).insert_many([{k: v for k, v in row.items() if k != "_id"} for _ in range(99)])

    many = await execute(server, ada, CREATE, input={"name": "x", "url": receiver.url})

    assert (many.codes, "100 webhooks" in many.message) == (["BAD_USER_INPUT"], True)
    assert made["secret"].startswith("whsec_")


async def test_a_server_without_keys_says_who_can_help(database: Database, settings: Settings, ada: str):
    bare = settings.model_copy(update={"environment": "production", "secrets_keys": ()})
    async with served(create_app(bare)) as url:
        await wait_until_ready(url)
        answer = await execute(url, ada, CREATE, input={"name": "x", "url": "https://receiver.example.com/"})

    assert answer.codes == ["BAD_USER_INPUT"]
    assert "EXECUTION_MONITOR_SECRETS_KEYS" in answer.message
    assert await database.collection(Webhook).count_documents({}) == 0


async def test_what_is_left_out_of_an_update_is_kept_and_rights_are_those_of_now(
    server: str, database: Database, receiver: Receiver, ada: str, token_for: Token
):
    made = await create(server, ada, receiver, filter={"status": {"eq": "FAILED"}})
    hook = made["webhook"]
    wider = token_for("ada", "acme", *OWNER, "executions:read:tenant", "executions:payload")

    renamed = (await execute(server, ada, UPDATE, id=hook["id"], input={"name": "failures"})).data
    before = await database.collection(Webhook).find_one({})
    opened = (
        await execute(server, wider, UPDATE, id=hook["id"], input={"filter": None, "includePayloads": True})
    ).data["updateWebhook"]["webhook"]
    after = await database.collection(Webhook).find_one({})
    await change(database, 1, user_id="grace", input_parameters={"a": 1})
    await until(lambda: bool(receiver.requests))

    assert renamed["updateWebhook"]["webhook"] == {
        **hook,
        "name": "failures",
        "updatedAt": renamed["updateWebhook"]["webhook"]["updatedAt"],
    }
    assert (opened["filter"], opened["includePayloads"]) == (None, True)
    assert before is not None
    assert after is not None
    assert (before["scopes"], after["scopes"]) == (
        sorted(OWNER),
        sorted([*OWNER, "executions:read:tenant", "executions:payload"]),
    )
    data = verified(receiver.requests[0], made["secret"])["data"]
    assert (data["execution"]["user_id"], data["input_parameters"]) == ("grace", {"a": 1})


async def test_what_happens_while_a_webhook_is_paused_is_not_sent_later(
    server: str, database: Database, receiver: Receiver, ada: str
):
    hook = (await create(server, ada, receiver))["webhook"]

    paused = (await execute(server, ada, UPDATE, id=hook["id"], input={"enabled": False})).data["updateWebhook"]
    tried = await execute(server, ada, TEST, id=hook["id"])
    await change(database, 1)
    enabled = (await execute(server, ada, UPDATE, id=hook["id"], input={"enabled": True})).data["updateWebhook"]
    await change(database, 2)
    await until(lambda: bool(receiver.requests))
    row = await database.collection(Webhook).find_one({})

    assert (paused["webhook"]["state"], paused["webhook"]["stateReason"]) == ("PAUSED", "Its owner paused it.")
    assert (tried.codes, "enable it first" in tried.message) == (["BAD_USER_INPUT"], True)
    assert (enabled["webhook"]["state"], enabled["webhook"]["stateReason"]) == ("ENABLED", None)
    # An instant of the cluster, in which it was enabled: not a text, and not a null.
    assert row is not None
    assert abs(row["active_since"].time - row["updated"].timestamp()) < 5
    assert [orjson.loads(each.body)["data"]["execution_id"] for each in receiver.requests] == ["e002"]
    assert await database.collection(WebhookDelivery).count_documents({}) == 1


async def test_saving_a_webhook_that_another_has_paused_meanwhile_does_not_enable_it(
    server: str, database: Database, receiver: Receiver, ada: str, token_for: Token
):
    hook = (await create(server, ada, receiver))["webhook"]
    operator = token_for("olga", "acme", "webhooks:write", "manage")

    paused = (await execute(server, operator, UPDATE, id=hook["id"], input={"enabled": False})).data["updateWebhook"]
    saved = (await execute(server, ada, UPDATE, id=hook["id"], input={"name": "x"})).data["updateWebhook"]["webhook"]

    assert (saved["state"], saved["stateReason"]) == ("PAUSED", "An operator paused it.")
    assert paused["webhook"]["url"] == f"127.0.0.1:{receiver.port}"
    assert await database.collection(Webhook).count_documents({"state": "enabled"}) == 0


async def test_an_operator_lists_pauses_and_deletes_and_does_nothing_else(
    server: str, receiver: Receiver, ada: str, token_for: Token
):
    hook = (await create(server, ada, receiver, filter={"workflowName": {"eq": "secret"}}))["webhook"]
    operator = token_for("olga", "acme", *OWNER, "manage")
    other = token_for("ben", "acme", *OWNER)
    foreign = token_for("greg", "globex", *OWNER, "manage")

    listed = (await execute(server, operator, LIST)).data["webhooks"]["nodes"]
    seen = [(await execute(server, each, LIST)).data["webhooks"]["nodes"] for each in (other, foreign)]
    nodes = [
        (await execute(server, each, NODES, ids=[hook["id"]])).data["nodes"] for each in (operator, other, foreign)
    ]
    changes: list[tuple[str, dict[str, Any]]] = [
        (UPDATE, {"input": {"name": "x"}}),
        (UPDATE, {"input": {"enabled": True}}),
        (UPDATE, {"input": {"enabled": False, "url": receiver.url}}),
        (ROTATE, {}),
        (TEST, {}),
        (REPLAY, {"input": {"ids": []}}),
        (DELIVERIES, {}),
    ]
    refused = [(await execute(server, operator, query, id=hook["id"], **more)).codes for query, more in changes]
    unseen = [
        (await execute(server, token, query, id=hook["id"], **more)).codes
        for token in (other, foreign)
        for query, more in [*changes, (DELETE, dict[str, Any]())]
    ]
    deleted = (await execute(server, operator, DELETE, id=hook["id"])).data["deleteWebhook"]["deletedId"]

    assert [(each["url"], each["filter"]) for each in listed] == [(f"127.0.0.1:{receiver.port}", None)]
    assert seen == [[], []]
    assert nodes == [[{"id": hook["id"], "name": "changes", "url": f"127.0.0.1:{receiver.port}"}], [None], [None]]
    assert refused == [["FORBIDDEN"]] * 7
    assert unseen == [["NOT_FOUND"]] * 16
    assert deleted == hook["id"]
    assert (await execute(server, ada, LIST)).data["webhooks"]["nodes"] == []
    assert receiver.requests == []


async def test_an_access_key_makes_and_changes_no_webhook(
    server: str, database: Database, receiver: Receiver, ada: str
):
    hook = (await create(server, ada, receiver))["webhook"]
    key = await made_key(database, "ada", "executions:read", "executions:write", "executions:control")

    answers = [
        await execute(server, key.text, CREATE, input={"name": "x", "url": receiver.url}),
        await execute(server, key.text, LIST),
        await execute(server, key.text, NODES, ids=[hook["id"]]),
        *[await execute(server, key.text, query, id=hook["id"]) for query in (DELETE, ROTATE, TEST, DELIVERIES)],
    ]

    assert [each.codes for each in answers] == [["FORBIDDEN"]] * 7
    assert await database.collection(Webhook).count_documents({}) == 1


async def test_while_a_secret_is_rotated_both_sign(server: str, receiver: Receiver, ada: str):
    made = await create(server, ada, receiver)
    hook = made["webhook"]["id"]

    first = (await execute(server, ada, ROTATE, id=hook)).data["rotateWebhookSecret"]["secret"]
    await execute(server, ada, TEST, id=hook)
    second = (await execute(server, ada, ROTATE, id=hook, input={"keepOldSeconds": 0})).data["rotateWebhookSecret"]
    # What a sender knows of a webhook is half a second old at most.
    await asyncio.sleep(0.6)
    await execute(server, ada, TEST, id=hook)
    wrong = await execute(server, ada, ROTATE, id=hook, input={"keepOldSeconds": 30 * 86_400 + 1})

    both, alone = receiver.requests
    for secret in (made["secret"], first):
        Verifier(secret).verify(both.body, both.headers)
    assert len(alone.headers["webhook-signature"].split()) == 1
    Verifier(second["secret"]).verify(alone.body, alone.headers)
    assert (wrong.codes, "keepOldSeconds" in wrong.message) == (["BAD_USER_INPUT"], True)


async def test_a_test_shows_what_the_receiver_answered_and_is_sent_once(server: str, receiver: Receiver, ada: str):
    hook = (await create(server, ada, receiver))["webhook"]["id"]

    accepted = (await execute(server, ada, TEST, id=hook)).data["testWebhook"]["delivery"]
    receiver.respond = answering(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 4\r\n\r\nbusy")
    refused = (await execute(server, ada, TEST, id=hook)).data["testWebhook"]["delivery"]

    assert (accepted["kind"], accepted["state"], accepted["responseBody"]) == ("TEST", "DELIVERED", "thanks")
    assert (refused["state"], refused["statusCode"], refused["responseBody"]) == ("DEAD", 503, "busy")
    assert (refused["attempts"], refused["nextAttemptAt"], refused["executionId"]) == (1, None, None)
    assert orjson.loads(receiver.requests[0].body)["type"] == "webhook.test"


async def test_a_receiver_that_is_gone_disables_and_what_it_missed_can_be_sent_again(
    server: str, database: Database, receiver: Receiver, ada: str
):
    hook = (await create(server, ada, receiver))["webhook"]["id"]
    receiver.respond = answering(GONE)
    await change(database, 1)
    dead = await deliveries_in(server, ada, hook, "DEAD")
    await eventually(database.collection(Webhook).find_one, {"state": "disabled"})
    found = (await execute(server, ada, LIST)).data["webhooks"]["nodes"][0]
    receiver.respond = answering(OK)
    await execute(server, ada, UPDATE, id=hook, input={"enabled": True})

    nothing = await execute(server, ada, REPLAY, id=hook, input={})
    later = (await execute(server, ada, REPLAY, id=hook, input={"from": "2100-01-01T00:00:00Z"})).data
    again = (await execute(server, ada, REPLAY, id=hook, input={"to": "2100-01-01T00:00:00Z"})).data
    await until(lambda: len(receiver.requests) == 2)
    arrived = await deliveries_in(server, ada, hook, "DELIVERED")
    by_id = (await execute(server, ada, REPLAY, id=hook, input={"ids": [arrived[0]["id"]]})).data
    await until(lambda: len(receiver.requests) == 3)

    assert (found["state"], found["stateReason"]) == (
        "DISABLED",
        "The receiver answered 410 Gone: it wants no more.",
    )
    assert [(each["statusCode"], each["executionId"]) for each in dead] == [(410, "e001")]
    assert (nothing.codes, "ids" in nothing.message) == (["BAD_USER_INPUT"], True)
    counts = [each["replayDeliveries"]["count"] for each in (later, again, by_id)]
    assert counts == [0, 1, 1]
    # All three attempts have the same id, by which a receiver knows what it has.
    assert len({each.headers["webhook-id"] for each in receiver.requests}) == 1


async def test_webhooks_and_deliveries_are_paged_and_nodes_of_their_owner(
    server: str, receiver: Receiver, ada: str, token_for: Token
):
    hooks = [(await create(server, ada, receiver, name=f"h{number}"))["webhook"] for number in range(3)]
    for _ in range(3):
        await execute(server, ada, TEST, id=hooks[0]["id"])

    first = (await execute(server, ada, LIST, first=2)).data["webhooks"]
    rest = (await execute(server, ada, LIST, first=2, after=first["pageInfo"]["endCursor"])).data["webhooks"]
    back = (await execute(server, ada, LIST, last=2, before=rest["pageInfo"]["startCursor"])).data["webhooks"]
    sent = (await execute(server, ada, DELIVERIES, id=hooks[0]["id"], first=2)).data["webhookDeliveries"]
    older = (
        await execute(server, ada, DELIVERIES, id=hooks[0]["id"], first=2, after=sent["pageInfo"]["endCursor"])
    ).data["webhookDeliveries"]
    nodes = {"ids": [hooks[1]["id"], sent["nodes"][0]["id"]]}
    own = (await execute(server, ada, NODES, **nodes)).data["nodes"]
    operators = (await execute(server, token_for("olga", "acme", *OWNER, "manage"), NODES, **nodes)).data["nodes"]
    without = await execute(server, token_for("ada", "acme", "executions:read"), NODES, **nodes)

    assert [each["name"] for each in first["nodes"]] == ["h2", "h1"]
    assert [each["name"] for each in rest["nodes"]] == ["h0"]
    assert back["nodes"] == first["nodes"]
    assert (len(sent["nodes"]), sent["pageInfo"]["hasNextPage"], len(older["nodes"])) == (2, True, 1)
    assert [each.get("name", each.get("kind")) for each in own] == ["h1", "TEST"]
    assert [each and each["name"] for each in operators] == ["h1", None]
    assert without.codes == ["FORBIDDEN"]


@pytest.mark.parametrize("field", [*FIELDS.split(), "__typename"])
async def test_only_what_is_selected_of_a_webhook_is_needed(server: str, receiver: Receiver, ada: str, field: str):
    await create(server, ada, receiver, filter={"status": {"eq": "FAILED"}})

    answer = await execute(server, ada, f"{{ webhooks {{ nodes {{ {field} }} }} }}")

    assert answer.data["webhooks"]["nodes"][0][field] is not None or field == "stateReason"


async def test_an_id_of_something_else_is_refused_with_a_sentence(server: str, ada: str):
    wrong = encode_id("Execution", "acme", "e001")
    malformed = encode_id("Webhook", "acme", "no object id")

    refused = await execute(server, ada, DELETE, id=wrong)
    unknown = await execute(server, ada, DELETE, id=malformed)
    deliveries = await execute(server, ada, REPLAY, id=malformed, input={"ids": [wrong]})

    assert (refused.codes, unknown.codes) == (["BAD_USER_INPUT"], ["NOT_FOUND"])
    assert "no id of a webhook" in refused.message
    assert "no id of a delivery" in deliveries.message


async def test_neither_address_nor_secret_is_in_the_trail_the_log_or_the_metrics(
    server: str, database: Database, receiver: Receiver, ada: str, capsys: pytest.CaptureFixture[str]
):
    made = await create(server, ada, receiver, filter={"workflowName": {"contains": "free text"}})
    receiver.respond = answering(b"HTTP/1.1 500 Error\r\nContent-Length: 9\r\n\r\nsensitive")
    await execute(server, ada, TEST, id=made["webhook"]["id"])
    await execute(server, ada, UPDATE, id=made["webhook"]["id"], input={"url": f"{receiver.url}&more=2"})

    async def recorded() -> list[dict[str, Any]]:
        found = await database.collection(AuditEvent).find({"arguments": {"$ne": {}}}).to_list()
        return found if len(found) == 3 else []

    rows = await eventually(recorded)
    stored = await database.collection(Webhook).find_one({})

    trail, log = repr(rows), capsys.readouterr().out
    created = next(each for each in rows if "createWebhook" in each["arguments"])["arguments"]["createWebhook"]["input"]
    assert (created["name"], created["url"]) == ("changes", "[left out]")
    for secret in ("/hook", "key=1", "more=2", made["secret"], "sensitive", "free text"):
        assert secret not in trail
        assert secret not in log
        assert secret.encode() not in repr({**(stored or {}), "filter": 0, "where": 0}).encode()


def test_keys_are_of_32_bytes():
    with pytest.raises(ValueError, match="openssl rand -base64 32"):
        Settings(mongodb_uri=SecretStr("mongodb://localhost"), secrets_keys=(SecretStr("short"),))

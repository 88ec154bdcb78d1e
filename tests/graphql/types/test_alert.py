"""Rules and alerts over GraphQL, as their owners and those on call use them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from execution_monitor.alerts.silent_channels import close_channel
from execution_monitor.graphql.types.node import encode_id
from execution_monitor.settings import Settings
from execution_monitor.storage.alert_documents import Alert, AlertRule
from execution_monitor.storage.database import Database
from execution_monitor.storage.filter_codec import encode_filter
from execution_monitor.storage.filters import equals
from execution_monitor.storage.server_documents import AuditEvent
from execution_monitor.storage.webhook_documents import Webhook
from tests.alerts.ruling import alert_of
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.graphql.types.test_webhook import eventually
from tests.support.client import execute, ids
from tests.support.documents import execution, store

Token = Callable[..., str]
OWNER = ("executions:read", "alerts:write")
READER = (*OWNER, "executions:read:tenant")
RULE = """id name filter condition groupBy forSeconds repeatAfterSeconds channels { kind address } enabled stateReason
  userId createdAt firingCount"""
ALERT = (
    "id rule { id name } group state summary value firedAt lastNotifiedAt resolvedAt acknowledgedBy note snoozedUntil"
)
CREATE = f"mutation M($input: CreateAlertRuleInput!) {{ createAlertRule(input: $input) {{ alertRule {{ {RULE} }} }} }}"
UPDATE = f"""mutation M($id: ID!, $input: UpdateAlertRuleInput!) {{
  updateAlertRule(id: $id, input: $input) {{ alertRule {{ {RULE} }} }} }}"""
DELETE = "mutation M($id: ID!) { deleteAlertRule(id: $id) { deletedId } }"
ACKNOWLEDGE = f"""mutation M($id: ID!, $input: AcknowledgeAlertInput!) {{
  acknowledgeAlert(id: $id, input: $input) {{ alert {{ {ALERT} }} }} }}"""
SNOOZE = f"""mutation M($id: ID!, $input: SnoozeAlertInput!) {{
  snoozeAlert(id: $id, input: $input) {{ alert {{ {ALERT} }} }} }}"""
CREATE_WEBHOOK = """mutation M($name: String!, $url: String!) {
  createWebhook(input: { name: $name, url: $url, on: [ENTERED] }) { webhook { id } } }"""
RULES = f"""query Q($first: Int, $after: String) {{ alertRules(first: $first, after: $after) {{
  nodes {{ {RULE} }} edges {{ cursor node {{ name }} }} pageInfo {{ hasNextPage endCursor }} }} }}"""
ALERTS = f"""query Q($state: AlertState, $rule: ID, $first: Int, $after: String) {{
  alerts(state: $state, ruleId: $rule, first: $first, after: $after) {{
    nodes {{ {ALERT} executions(first: 5) {{ nodes {{ executionId }} totalCount }} }}
    edges {{ cursor }} pageInfo {{ hasNextPage endCursor }} liveCursor }} }}"""
NODES = (
    "query Q($ids: [ID!]!) { nodes(ids: $ids) { id ... on AlertRule { name firingCount } ... on Alert { summary } } }"
)
UPDATES = f"""subscription S($after: String) {{ alertUpdates(after: $after) {{ kind cursor alert {{
  {ALERT} executions {{ nodes {{ executionId }} }} }} }} }}"""
PREVIEW = """query Q($input: CreateAlertRuleInput!, $days: Int! = 7) {
  alertPreview(input: $input, days: $days) { group firedAt resolvedAt value } }"""
RATE: dict[str, Any] = {"rate": {"windowSeconds": 300, "shareAbove": 0.2}}
SLACK = "https://hooks.slack.com/services/T000/B000/secret-of-slack-wxyz"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"environment": "development"})


@pytest.fixture
def ada(token_for: Token) -> str:
    return token_for("ada", "acme", *OWNER)


async def create(server: str, token: str, **wanted: Any) -> Any:
    given: dict[str, Any] = {"name": "failures", "condition": RATE, "channels": [], **wanted}
    return (await execute(server, token, CREATE, input=given)).data["createAlertRule"]["alertRule"]


async def alert(database: Database, rule: Any, group: str = "", **fields: Any) -> dict[str, Any]:
    """An alert of the rule with the name of `rule`, which fires."""
    stored = await database.collection(AlertRule).find_one({"name": rule["name"]})
    assert stored is not None
    row = alert_of(stored, group, **fields)
    await database.collection(Alert).insert_one(row)
    return row


async def test_a_rule_is_made_read_changed_and_deleted(server: str, database: Database, ada: str):
    made = await create(
        server,
        ada,
        filter={"workflowName": {"eq": "etl"}},
        condition={"event": {"match": {"status": {"in": ["FAILED", "TIMED_OUT"]}}}},
        groupBy="ERROR_GROUP",
        forSeconds=60,
        repeatAfterSeconds=3_600,
        channels=[{"slackUrl": SLACK}],
    )
    await alert(database, made)
    await alert(database, made, "b", state="acknowledged")
    listed = (await execute(server, ada, RULES)).data["alertRules"]
    changed = (
        await execute(
            server,
            ada,
            UPDATE,
            id=made["id"],
            input={"condition": RATE, "filter": None, "groupBy": None, "repeatAfterSeconds": None, "channels": []},
        )
    ).data["updateAlertRule"]["alertRule"]
    kept = (await execute(server, ada, UPDATE, id=made["id"], input={})).data["updateAlertRule"]["alertRule"]
    found = (await execute(server, ada, NODES, ids=[made["id"]])).data["nodes"]
    deleted = (await execute(server, ada, DELETE, id=made["id"])).data["deleteAlertRule"]
    gone = (await execute(server, ada, NODES, ids=[made["id"]])).data["nodes"]

    assert {**made, "id": "", "createdAt": ""} == {
        "id": "",
        "name": "failures",
        "filter": {"workflowName": {"eq": "etl"}},
        "condition": {"event": {"match": {"status": {"in": ["FAILED", "TIMED_OUT"]}}}},
        "groupBy": "ERROR_GROUP",
        "forSeconds": 60,
        "repeatAfterSeconds": 3_600,
        "channels": [{"kind": "SLACK", "address": "hooks.slack.com:443 …wxyz"}],
        "enabled": True,
        "stateReason": None,
        "userId": "ada",
        "createdAt": "",
        "firingCount": 0,
    }
    assert listed["nodes"] == [{**made, "firingCount": 1}]
    assert changed == kept
    assert changed == {
        **made,
        "filter": None,
        "condition": {"rate": {"windowSeconds": 300, "shareAbove": 0.2, "minimumEnded": 10}},
        "groupBy": None,
        "repeatAfterSeconds": None,
        "channels": [],
        "firingCount": 1,
    }
    assert found == [{"id": made["id"], "name": "failures", "firingCount": 1}]
    assert (deleted, gone) == ({"deletedId": made["id"]}, [None])


async def test_a_rule_says_why_a_channel_takes_no_messages(server: str, database: Database, token_for: Token):
    token = token_for("ada", "acme", *OWNER, "webhooks:write")
    url = "https://receiver.example.com/hook"
    made = (await execute(server, token, CREATE_WEBHOOK, name="hook", url=url)).data["createWebhook"]["webhook"]
    rule = await create(server, token, channels=[{"webhookId": made["id"]}, {"slackUrl": SLACK}])
    stored = await database.collection(AlertRule).find_one({"name": rule["name"]})
    assert stored is not None
    await close_channel(database, stored["_id"], stored["channels"][1]["id"])
    disabled = {"$set": {"state": "disabled", "state_reason": "Nothing has arrived for 5 days."}}
    await database.collection(Webhook).update_one({}, disabled)

    async def said() -> Any:
        (found,) = (await execute(server, token, RULES)).data["alertRules"]["nodes"]
        return found["stateReason"]

    both = await said()
    await database.collection(Webhook).delete_one({})
    without = await said()
    enabled = await execute(server, token, UPDATE, id=rule["id"], input={"enabled": True})
    saved = await execute(server, token, UPDATE, id=rule["id"], input={"channels": [{"slackUrl": SLACK}]})

    slack = (
        "Nothing is sent to hooks.slack.com:443 …wxyz: it answered 410 Gone. Enable the rule again, or save it with "
        "other channels."
    )
    hook = "Nothing is sent to receiver.example.com:443 …ok"
    assert both == f"{hook}: the webhook is disabled. Nothing has arrived for 5 days. {slack}"
    assert without == f"{hook}: the webhook was deleted. {slack}"
    assert enabled.data["updateAlertRule"]["alertRule"]["stateReason"] == f"{hook}: the webhook was deleted."
    assert saved.data["updateAlertRule"]["alertRule"]["stateReason"] is None


async def test_what_is_wrong_with_a_rule_is_said_and_nothing_is_stored(server: str, database: Database, ada: str):
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"condition": {}}, "must specify exactly one key"),
        ({"condition": {**RATE, "sum": {"of": "COST", "windowSeconds": 60, "above": 1}}}, "exactly one"),
        ({"condition": {"rate": None}}, "must be non-null"),
        ({"condition": {"rate": {"windowSeconds": 1, "countAbove": 1}}}, "windowSeconds must be from 60 to 604,800"),
        ({"condition": {"rate": {"windowSeconds": 60}}}, "needs shareAbove, countAbove or both"),
        ({"condition": {"duration": {}}}, "either longerThanSeconds or longerThanPercentile"),
        ({"condition": {"silence": {"cron": "daily"}}}, "five fields"),
        ({"condition": {"silence": {"cron": "0 6 * * *", "timeZone": "Mars"}}}, "IANA name"),
        ({"condition": {"sum": {"of": "APPLES", "windowSeconds": 60, "above": 1}}}, "AlertMeasure"),
        ({"forSeconds": -1}, "forSeconds must be from 0"),
        ({"repeatAfterSeconds": 1}, "repeatAfterSeconds must be from 60"),
        ({"name": ""}, "1 to 100 characters"),
        ({"channels": [{}]}, "exactly one"),
        ({"channels": [{"slackUrl": "https://example.com/secret-of-slack"}]}, ""),
        ({"channels": [{"webhookId": encode_id("Webhook", "acme", str(ObjectId()))}]}, "no webhook with this id"),
        ({"channels": [{"webhookId": encode_id("Execution", "acme", "e001")}]}, "no id of a webhook"),
    ]
    for given, words in wrong:
        wanted: dict[str, Any] = {"name": "failures", "condition": RATE, "channels": [], **given}
        answer = await execute(server, ada, CREATE, input=wanted)

        assert answer.codes == ["BAD_USER_INPUT"], given
        assert words in answer.message
        assert "secret-of-slack" not in answer.message
    assert await database.collection(AlertRule).count_documents({}) == 0


async def test_alerts_are_read_with_the_executions_that_their_reader_may_see(
    server: str, database: Database, ada: str, token_for: Token
):
    await store(
        execution(1, status="failed"), execution(2, status="failed", user_id="grace"), execution(3, user_id="ada")
    )
    rita, ben = token_for("rita", "acme", *READER), token_for("ben", "acme", *OWNER)
    rule = await create(server, rita)
    failed = encode_filter(equals("status", "failed"))
    fired = await alert(database, rule, "etl", group_name="etl", where=failed)
    await alert(database, rule, "other", state="resolved", where={"filter": "of another version"})
    mine = await create(server, ada, name="mine")
    own = await alert(database, mine, where=failed)

    by_rita = (await execute(server, rita, ALERTS)).data["alerts"]["nodes"]
    firing = (await execute(server, rita, ALERTS, state="FIRING", rule=rule["id"])).data["alerts"]["nodes"]
    by_ada = (await execute(server, ada, ALERTS)).data["alerts"]["nodes"]
    by_ben = (await execute(server, ben, ALERTS)).data["alerts"]
    page = (await execute(server, rita, ALERTS, first=1)).data["alerts"]
    rest = (await execute(server, rita, ALERTS, after=page["pageInfo"]["endCursor"])).data["alerts"]["nodes"]
    node = encode_id("Alert", "acme", str(fired["_id"]))

    assert [(each["state"], ids(each["executions"])) for each in by_rita] == [
        ("FIRING", ["e002", "e001"]),
        ("RESOLVED", []),
        ("FIRING", ["e002", "e001"]),
    ]
    assert {**firing[0], "firedAt": ""} == {
        "id": node,
        "rule": {"id": rule["id"], "name": "failures"},
        "group": "etl",
        "state": "FIRING",
        "summary": "4 failed",
        "value": 4.0,
        "firedAt": "",
        "lastNotifiedAt": None,
        "resolvedAt": None,
        "acknowledgedBy": None,
        "note": None,
        "snoozedUntil": None,
        "executions": {"nodes": [{"executionId": "e002"}, {"executionId": "e001"}], "totalCount": 2},
    }
    assert [(each["rule"]["name"], ids(each["executions"])) for each in by_ada] == [("mine", ["e001"])]
    assert (by_ben["nodes"], by_ben["edges"]) == ([], [])
    assert [page["pageInfo"]["hasNextPage"], *page["nodes"], *rest] == [True, *by_rita]
    for token, found in ((rita, {"id": node, "summary": "4 failed"}), (ada, None), (ben, None)):
        assert (await execute(server, token, NODES, ids=[node])).data["nodes"] == [found]
    assert str(own["_id"]) not in node


async def test_an_alert_is_acknowledged_and_snoozed_and_names_its_rule_when_that_is_deleted(
    server: str, database: Database, ada: str, token_for: Token
):
    rule = await create(server, ada)
    fired = await alert(database, rule)
    alert_id = encode_id("Alert", "acme", str(fired["_id"]))
    until = (datetime.now(UTC) + timedelta(hours=1)).replace(microsecond=0)

    noted = (await execute(server, ada, ACKNOWLEDGE, id=alert_id, input={"note": "restarted it"})).data
    snoozed = (await execute(server, ada, SNOOZE, id=alert_id, input={"until": until.isoformat()})).data
    denied = [
        await execute(server, token, ACKNOWLEDGE, id=alert_id, input={})
        for token in (token_for("ben", "acme", *OWNER), token_for("ada", "globex", *OWNER))
    ]
    unable = await execute(server, token_for("ada", "acme", "executions:read"), ACKNOWLEDGE, id=alert_id, input={})
    mistaken = await execute(server, ada, ACKNOWLEDGE, id=rule["id"], input={})
    await execute(server, ada, DELETE, id=rule["id"])
    (left,) = (await execute(server, ada, ALERTS)).data["alerts"]["nodes"]

    assert [noted["acknowledgeAlert"]["alert"][each] for each in ("state", "acknowledgedBy", "note")] == [
        "ACKNOWLEDGED",
        "ada",
        "restarted it",
    ]
    assert snoozed["snoozeAlert"]["alert"]["state"] == "SNOOZED"
    assert datetime.fromisoformat(snoozed["snoozeAlert"]["alert"]["snoozedUntil"]) == until
    assert [each.codes for each in denied] == [["NOT_FOUND"], ["NOT_FOUND"]]
    assert (unable.codes, mistaken.codes) == (["FORBIDDEN"], ["BAD_USER_INPUT"])
    assert (left["state"], left["rule"]["name"], left["note"]) == ("RESOLVED", "failures", "restarted it")


async def test_alerts_are_followed_from_a_page_on(server: str, database: Database, ada: str, token_for: Token):
    await store(execution(1, status="failed"), execution(2, status="failed", user_id="grace"))
    rule = await create(server, ada)
    cursor = (await execute(server, ada, ALERTS)).data["alerts"]["liveCursor"]
    fired = await alert(database, rule, where=encode_filter(equals("status", "failed")))

    async with opened(server) as socket:
        await socket.begin(ada)
        await socket.subscribe({"query": UPDATES, "variables": {"after": cursor}})
        first = (await socket.next())["alertUpdates"]
        alert_id = first["alert"]["id"]
        await execute(server, ada, ACKNOWLEDGE, id=alert_id, input={"note": "mine"})
        second = (await socket.next())["alertUpdates"]
        await socket.subscribe({"query": UPDATES, "variables": {"after": "x"}}, "2")
        refused = await socket.receive()
        plain = "subscription S($after: String) { alertUpdates(after: $after) { kind cursor } }"
        await socket.subscribe({"query": plain, "variables": {"after": first["cursor"]}}, "3")
        third = (await socket.next())["alertUpdates"]

    assert alert_id == encode_id("Alert", "acme", str(fired["_id"]))
    assert [(each["kind"], each["alert"]["state"], each["alert"]["note"]) for each in (first, second)] == [
        ("CHANGED", "FIRING", None),
        ("CHANGED", "ACKNOWLEDGED", "mine"),
    ]
    assert third == {"kind": "CHANGED", "cursor": second["cursor"]}
    assert first["alert"]["rule"]["name"] == "failures"
    assert ids(first["alert"]["executions"]) == ["e001"]
    assert (refused["id"], refused["type"], refused["payload"][0]["extensions"]["code"]) == (
        "2",
        "error",
        "INVALID_CURSOR",
    )


async def test_a_preview_says_what_a_rule_would_have_fired_on_and_stores_nothing(
    server: str, database: Database, ada: str, token_for: Token
):
    noon = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    await store(
        *(
            execution(number, user_id=user, status="failed", created=noon, started_at=noon, completed_at=noon)
            for number, user in ((1, "ada"), (2, "ada"), (3, "grace"))
        )
    )
    condition = {"rate": {"windowSeconds": 3_600, "countAbove": 1}}
    rule: dict[str, Any] = {"name": "x", "condition": condition, "channels": []}

    (fired,) = (await execute(server, ada, PREVIEW, input=rule)).data["alertPreview"]
    strangers = (await execute(server, token_for("ben", "acme", *OWNER), PREVIEW, input=rule)).data["alertPreview"]
    refused = [
        await execute(server, ada, PREVIEW, input={**rule, "forSeconds": -1}),
        await execute(server, ada, PREVIEW, input=rule, days=32),
        await execute(server, token_for("ada", "acme", "executions:read"), PREVIEW, input=rule),
    ]

    assert (fired["group"], fired["value"], strangers) == (None, 2.0, [])
    assert datetime.fromisoformat(fired["firedAt"]) < datetime.fromisoformat(fired["resolvedAt"])
    assert [each.codes for each in refused] == [["BAD_USER_INPUT"], ["BAD_USER_INPUT"], ["FORBIDDEN"]]
    assert await database.collection(AlertRule).count_documents({}) == 0


async def test_no_address_and_no_note_is_in_the_trail(server: str, database: Database, ada: str):
    rule = await create(server, ada, channels=[{"slackUrl": SLACK}])
    fired = await alert(database, rule)
    alert_id = encode_id("Alert", "acme", str(fired["_id"]))
    await execute(server, ada, ACKNOWLEDGE, id=alert_id, input={"note": "sensitive"})

    async def recorded() -> list[dict[str, Any]]:
        found = await database.collection(AuditEvent).find({"arguments": {"$ne": {}}}).to_list()
        return found if len(found) == 2 else []

    rows = await eventually(recorded)
    arguments = {name: each for row in rows for name, each in row["arguments"].items()}
    assert arguments["createAlertRule"]["input"] == {
        "name": "failures",
        "condition": {"rate": {"windowSeconds": 300, "shareAbove": 0.2}},
        "channels": 1,
    }
    assert arguments["acknowledgeAlert"] == {"id": alert_id, "input": {"note": "[left out]"}}
    stored = repr(await database.collection(AlertRule).find_one({}))
    assert "secret-of-slack" not in repr(rows) + stored

"""Rules of alerts: who may make, see, change and delete one, and what that does to its alerts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from execution_monitor.alerts.conditions import Condition, Event, Rate
from execution_monitor.alerts.owned_rules import RULES
from execution_monitor.alerts.rules import GroupBy, RuleFields, Rules
from execution_monitor.auth.caller import Caller, Grant, Scope
from execution_monitor.cli.revocations import revoke_and_record
from execution_monitor.errors import BadUserInput, Forbidden, NotFound, Unauthenticated
from execution_monitor.storage.alert_documents import Alert, AlertRule, AlertTenant
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import EVERYTHING, equals
from execution_monitor.storage.pagination import PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.server_documents import FeedPosition
from execution_monitor.webhooks.owners import Owners, pause_all_of
from execution_monitor.webhooks.rights import Rights
from tests.alerts.ruling import GIVEN, OPERATOR, OWNER, READER, SCOPES, NoChannels, Ruling, wanted

STRANGER = Caller("ben", "acme", SCOPES)
# Sees executions of others, but not all of the tenant.
PARTIAL = Caller(
    "pia", "acme", READER.scopes, grants=(Grant(Scope.EXECUTIONS_READ_TENANT, equals("workflow_name", "w")),)
)
ABROAD = Caller("ada", "globex", OPERATOR.scopes)


@pytest.fixture
def ruling(database: Database) -> Ruling:
    return Ruling.over(database)


async def test_a_rule_is_stored_with_its_condition_and_the_rights_of_its_owner(ruling: Ruling):
    where, match = equals("workflow_name", "etl"), equals("status", "failed")
    condition = Rate(300, match, count_above=3)

    made = await ruling.rule(where=where, condition=condition, group_by=GroupBy.USER_ID, for_seconds=60)

    assert Condition.read(made) == condition
    assert Rights.read(made) == Rights.of(OWNER)
    assert (made["group_by"], made["for_seconds"], made["enabled"], made["condition"]) == ("user_id", 60, True, GIVEN)
    (stored,) = await ruling.database.collection(AlertRule).find().to_list()
    AlertRule.model_validate(stored)
    assert stored["next_at"] == stored["created"] == stored["confirmed_at"]
    tenant = await ruling.database.collection(AlertTenant).find_one({"_id": "acme"})
    position = await ruling.database.collection(FeedPosition).find_one({"_id": "alerts"})
    assert (tenant or {})["revision"] == 1
    assert position is not None


async def test_an_event_rule_begins_with_the_next_change_and_is_looked_at_for_alerts_that_it_has(ruling: Ruling):
    made = await ruling.rule(condition=Event(EVERYTHING))
    before = (await ruling.stored_rule(made))["active_since"]

    await ruling.rules.update(OWNER, str(made["_id"]), RuleFields(enabled=False))
    await ruling.rules.update(OWNER, str(made["_id"]), RuleFields(enabled=True))
    again = await ruling.stored_rule(made)

    assert again["active_since"] > before
    assert again["next_at"] == again["updated"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": " "}, "1 to 100 characters"),
        ({"name": "a\tb"}, "1 to 100 characters"),
        ({"for_seconds": -1}, "forSeconds must be from 0 to 604,800"),
        ({"for_seconds": 604_801}, "forSeconds must be from 0 to 604,800"),
        ({"repeat_after_seconds": 59}, "repeatAfterSeconds must be from 60 to 2,678,400"),
        ({"condition": None}, "needs a name, a filter, a condition and channels"),
    ],
)
async def test_a_wrong_rule_is_refused_and_not_stored(ruling: Ruling, fields: dict[str, Any], words: str):
    with pytest.raises(BadUserInput, match=words):
        await ruling.rule(**fields)

    assert await ruling.database.collection(AlertRule).count_documents({}) == 0


async def test_nobody_has_more_than_100_rules_that_are_not_deleted(ruling: Ruling):
    made = await ruling.rule()
    row = {name: value for name, value in (await ruling.stored_rule(made)).items() if name != "_id"}
    await ruling.database.collection(AlertRule).insert_many([dict(row) for _ in range(99)])

    with pytest.raises(BadUserInput, match="You have 100 rules"):
        await ruling.rule()
    await ruling.rules.delete(OWNER, str(made["_id"]))
    await ruling.rule()


@pytest.mark.parametrize(
    ("caller", "sees", "pauses"),
    [
        (OWNER, True, True),
        (READER, True, False),
        (OPERATOR, True, True),
        (STRANGER, False, False),
        (PARTIAL, False, False),
        (ABROAD, False, False),
        (Caller("manny", "acme", SCOPES | {Scope.MANAGE}), False, False),
    ],
)
async def test_a_rule_is_seen_by_its_owner_and_who_reads_the_tenant(
    ruling: Ruling, caller: Caller, *, sees: bool, pauses: bool
):
    rule = await ruling.rule()
    alert, rule_id = await ruling.alert(rule), str(rule["_id"])

    page = await ruling.rules.list(caller, PageRequest(), PageSelection())
    found = await ruling.rules.find_many(caller, [rule_id])
    alerts = await ruling.alerts.list(caller, PageRequest(), PageSelection(), rule_id=rule_id)
    counts = await ruling.rules.count_firing(caller, [rule_id])

    assert ([each["_id"] for each in page.rows], list(found)) == (([rule["_id"]], [rule_id]) if sees else ([], []))
    assert [each["_id"] for each in alerts.rows] == ([alert["_id"]] if sees else [])
    assert counts == ({rule_id: 1} if sees else {})
    refused = Forbidden if sees else NotFound
    if caller is not OWNER:
        with pytest.raises(refused):
            await ruling.rules.update(caller, rule_id, RuleFields(name="mine", enabled=False))
    if pauses:
        paused = await ruling.rules.update(caller, rule_id, RuleFields(enabled=False))
        assert paused["enabled"] is False
        assert paused["state_reason"] == ("Its owner paused it." if caller is OWNER else "An operator paused it.")
        await ruling.rules.delete(caller, rule_id)
    else:
        with pytest.raises(refused):
            await ruling.rules.update(caller, rule_id, RuleFields(enabled=False))
        with pytest.raises(refused):
            await ruling.rules.delete(caller, rule_id)
        assert (await ruling.stored_rule(rule))["enabled"] is True


@pytest.mark.parametrize(
    "caller",
    [Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ})), Caller("ada", "acme", SCOPES, is_key=True)],
    ids=["without the scope", "with an access key"],
)
async def test_who_may_not_write_rules_makes_changes_and_deletes_none(ruling: Ruling, caller: Caller):
    rule_id = str((await ruling.rule())["_id"])

    with pytest.raises(Forbidden):
        await ruling.rules.create(caller, wanted())
    with pytest.raises(Forbidden):
        await ruling.rules.update(caller, rule_id, RuleFields(name="x"))
    with pytest.raises(Forbidden):
        await ruling.rules.delete(caller, rule_id)
    assert await ruling.database.collection(AlertRule).count_documents({"name": "failures", "deleted_at": None}) == 1


async def test_who_reads_no_executions_makes_no_rule(ruling: Ruling):
    with pytest.raises(Forbidden, match="executions:read"):
        await ruling.rule(Caller("ada", "acme", frozenset({Scope.ALERTS_WRITE})))


async def test_what_is_left_out_of_an_update_is_kept_and_rights_are_those_of_now(ruling: Ruling):
    made = await ruling.rule(group_by=GroupBy.TAG, repeat_after_seconds=600, for_seconds=30)
    await ruling.database.collection(AlertRule).update_one(
        {"_id": made["_id"]}, {"$set": {"pending": [{"group": "a", "since": datetime.now(UTC)}]}}
    )
    wider = Caller("ada", "acme", READER.scopes)

    renamed = await ruling.rules.update(wider, str(made["_id"]), RuleFields(name="other"))
    freed = RuleFields(removed=frozenset({"group_by", "repeat_after_seconds"}))
    removed = await ruling.rules.update(wider, str(made["_id"]), freed)

    changed = {"name", "scopes", "visible", "rights_revision", "confirmed_at", "updated", "next_at", "revision"}
    assert {name for name in renamed if renamed[name] != made[name]} == changed
    assert Rights.read(renamed) == Rights.of(wider)
    assert (renamed["pending"], removed.get("group_by"), removed.get("repeat_after_seconds")) == ([], None, None)
    assert (removed["for_seconds"], removed["name"]) == (30, "other")


async def test_a_deleted_rule_is_gone_and_its_alerts_are_resolved_and_still_name_it(ruling: Ruling):
    rule, other = await ruling.rule(), await ruling.rule()
    rule_id = str(rule["_id"])
    firing, kept = await ruling.alert(rule), await ruling.alert(other)
    snoozed = await ruling.alert(rule, "b", state="snoozed", snoozed_until=datetime.now(UTC))

    await ruling.rules.delete(OWNER, rule_id)

    assert await ruling.rules.find_many(OWNER, [rule_id]) == {}
    page = await ruling.rules.list(OWNER, PageRequest(), PageSelection())
    assert [each["_id"] for each in page.rows] == [other["_id"]]
    named = (await ruling.rules.find_many(OWNER, [rule_id], with_deleted=True))[rule_id]
    assert (named["enabled"], named["channels"]) == (False, [])
    kept_until = (await ruling.stored_rule(rule))["expires_at"]
    for alert in (firing, snoozed):
        found = await ruling.stored_alert(alert)
        assert (found["state"], found["revision"], found.get("snoozed_until")) == ("resolved", 2, None)
        assert kept_until > found["expires_at"] > found["resolved_at"]
        Alert.model_validate(found)
    assert (await ruling.stored_alert(kept))["state"] == "firing"
    for doing in (
        ruling.rules.delete(OWNER, rule_id),
        ruling.rules.update(OWNER, rule_id, RuleFields(enabled=True)),
        ruling.rules.delete(OWNER, str(ObjectId())),
        ruling.rules.delete(OWNER, "none"),
    ):
        with pytest.raises(NotFound):
            await doing


async def test_a_rule_is_deleted_while_another_request_changes_it_and_stays_deleted(ruling: Ruling):
    rule = await ruling.rule()
    rule_id = str(rule["_id"])

    class Late(NoChannels):
        async def to_stored(self, caller: Caller, channels: Any, before: Any = ()) -> list[dict[str, Any]]:  # noqa: ARG002 - as the real one
            await ruling.rules.delete(caller, rule_id)
            return list(channels)

    late = Rules(Reader(ruling.database, 5_000), Late(), ruling.rules.recheck)
    with pytest.raises(NotFound):
        await late.update(OWNER, rule_id, RuleFields(channels=[], enabled=True))

    assert (await ruling.stored_rule(rule))["enabled"] is False


async def test_signing_in_with_less_narrows_a_rule_and_with_nothing_pauses_it(ruling: Ruling):
    owners = Owners(ruling.database, timedelta(days=30), (RULES,))
    rule = await ruling.rule(Caller("ada", "acme", READER.scopes))
    alert = await ruling.alert(rule)

    await owners.confirm(OWNER)
    narrowed = await ruling.stored_rule(rule)
    await owners.confirm(Caller("ada", "acme", READER.scopes))
    wide = await ruling.stored_rule(rule)
    await owners.confirm(Caller("ada", "acme", frozenset({Scope.ALERTS_WRITE})))
    paused = await ruling.stored_rule(rule)

    assert (narrowed["enabled"], narrowed["rights_revision"]) == (True, 2)
    assert Scope.EXECUTIONS_READ_TENANT not in narrowed["scopes"]
    assert wide["visible"] == narrowed["visible"]
    assert (paused["enabled"], paused["visible"]) == (False, [])
    assert "may no longer read executions" in paused["state_reason"]
    assert (await ruling.stored_alert(alert))["state"] == "resolved"


async def test_a_rule_whose_owner_has_not_signed_in_for_long_is_paused(ruling: Ruling):
    owners = Owners(ruling.database, timedelta(days=30), (RULES,))
    old, recent = await ruling.rule(), await ruling.rule()
    rules = ruling.database.collection(AlertRule)
    for rule, days in ((old, 30.1), (recent, 29.9)):
        confirmed = datetime.now(UTC) - timedelta(days=days)
        await rules.update_one({"_id": rule["_id"]}, {"$set": {"confirmed_at": confirmed}})

    assert await owners.pause_unconfirmed() == 1

    found = await ruling.stored_rule(old)
    assert (found["enabled"], found["state_reason"]) == (
        False,
        "Its owner has not signed in for 30 days; enable it again.",
    )
    assert (await ruling.stored_rule(recent))["enabled"] is True
    enabled = await ruling.rules.update(OWNER, str(old["_id"]), RuleFields(enabled=True))
    assert (enabled["enabled"], enabled.get("state_reason")) == (True, None)
    assert await owners.pause_unconfirmed() == 0


async def test_a_revoked_user_has_their_rules_paused_in_one_tenant_or_in_all(ruling: Ruling):
    here, there, others = await ruling.rule(), await ruling.rule(ABROAD), await ruling.rule(STRANGER)

    revoked = await revoke_and_record(ruling.database, by=None, user="ada", tenant="acme", keep=timedelta(hours=1))
    states = [(await ruling.stored_rule(each))["enabled"] for each in (here, there, others)]
    assert await pause_all_of(ruling.database, RULES, "ada", None) == 1

    assert (revoked.keys, revoked.webhooks, revoked.rules, states) == (0, 0, 1, [False, True, True])
    assert (await ruling.stored_rule(there))["state_reason"].startswith("Its owner was revoked")


async def test_an_owner_who_is_revoked_while_saving_ends_with_the_rule_paused(ruling: Ruling):
    async def refuse(_: Caller) -> None:
        raise Unauthenticated("This token was revoked.")

    rule = await ruling.rule()
    saving = Rules(Reader(ruling.database, 5_000), NoChannels(), refuse)

    with pytest.raises(Unauthenticated):
        await saving.update(OWNER, str(rule["_id"]), RuleFields(name="new", enabled=True))
    with pytest.raises(Unauthenticated):
        await saving.create(OWNER, wanted())

    stored = await ruling.database.collection(AlertRule).find().to_list()
    assert [each["enabled"] for each in stored] == [False, False]

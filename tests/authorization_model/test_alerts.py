"""No caller sees a rule or an alert of others, nor executions by them: compared with the model, which finds faults."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from execution_monitor.alerts.updates import AlertUpdates
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.graphql.types.node import encode_id
from execution_monitor.live.cursors import LiveCursors
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.settings import Settings
from execution_monitor.storage.alert_documents import AlertRule
from execution_monitor.storage.database import Database
from execution_monitor.storage.filter_codec import encode_filter
from execution_monitor.storage.filters import Filter, all_of, equals
from tests.alerts.ruling import Ruling
from tests.authorization_model.reference import ROLE_SETTINGS, Person, ReferenceModel, people
from tests.support.client import execute

READ = """{ alertRules(first: 100) { nodes { id firingCount } }
  alerts(first: 50) { nodes { id executions(first: 100) { nodes { sessionId } } } } }"""
NODES = "query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }"
CURSORS = LiveCursors(b"x" * 32)
# What an alert must not show only because the filter of its rule matches it.
FAILED = equals("status", "failed")
ROLES = (("viewer",), ("operator",), ("auditor",), ("ml-ops",), ("viewer", "ml-ops"))
# The owner of a rule, its id and that of its alert.
Owned = tuple[Person, Any, Any]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    off = dict.fromkeys(("rate_limit", "rate_limit_address"), "off")
    return settings.model_copy(update={**off, "roles": ROLE_SETTINGS})


def is_shown(person: Person, owner: Person) -> bool:
    """The reference: own rules, and all of the tenant for who reads all of it."""
    reads_all = person.visibility == (person.tenant, None, frozenset(), frozenset())
    return person.reads and person.tenant == owner.tenant and (reads_all or person.user == owner.user)


async def owned_by(ruling: Ruling, owners: Sequence[Person]) -> list[Owned]:
    """A rule of each of `owners`, and an alert of it about all failures."""
    found = list[Owned]()
    for owner in owners:
        rule = await ruling.rule(replace(owner.caller, scopes=owner.caller.scopes | {Scope.ALERTS_WRITE}))
        alert = await ruling.alert(rule, where=encode_filter(FAILED))
        found.append((owner, rule["_id"], alert["_id"]))
    return found


async def differences(server: str, database: Database, mongodb_uri: str) -> list[str]:
    """How what callers get of rules and alerts differs from the reference."""
    generator = random.Random(3)  # noqa: S311 - the same in every run
    model = ReferenceModel(generator)
    await model.begin()
    everyone = people(generator, 8, ROLES)
    ruling = Ruling.over(database)
    owned = await owned_by(ruling, [each for each in everyone if each.reads])
    found = list[str]()
    for person in everyone:
        found += [f"{person}: {each}" for each in await read_differences(server, person, owned, model)]
    async with Live(database, mongodb_uri, CURSORS, LiveLimits(lookback_seconds=0)) as live:
        found += await update_differences(ruling, live, everyone, owned)
    return found


async def read_differences(server: str, person: Person, owned: Sequence[Owned], model: ReferenceModel) -> list[str]:
    answer = await execute(server, person.token, READ)
    ids = [encode_id(name, owner.tenant, str(each)) for owner, *both in owned for name, each in zip_names(both)]
    nodes = await execute(server, person.token, NODES, ids=ids[:100])
    if not person.reads:
        return [] if set(answer.codes) | set(nodes.codes) == {"FORBIDDEN"} else ["may not read, and does"]
    shown = [each for each in owned if is_shown(person, each[0])]
    visible = {row["session_id"] for row in model.rows.values() if row["status"] == "failed" and person.sees(row)}
    rules = {encode_id("AlertRule", owner.tenant, str(rule)) for owner, rule, _ in shown}
    alerts = {encode_id("Alert", owner.tenant, str(alert)) for owner, _, alert in shown}
    listed = answer.data["alerts"]["nodes"]
    problems = list[str]()
    if {each["id"] for each in answer.data["alertRules"]["nodes"]} != rules:
        problems.append("rules")
    if {each["id"] for each in listed} != alerts:
        problems.append("alerts")
    if {each["id"] for each in nodes.data["nodes"] if each is not None} != (rules | alerts) & set(ids[:100]):
        problems.append("nodes")
    if any({row["sessionId"] for row in each["executions"]["nodes"]} != visible for each in listed):
        problems.append("executions")
    return problems


def zip_names(both: Sequence[Any]) -> list[tuple[str, Any]]:
    return [("AlertRule", both[0]), ("Alert", both[1])]


async def update_differences(
    ruling: Ruling, live: Live, everyone: Sequence[Person], owned: Sequence[Owned]
) -> list[str]:
    updates = AlertUpdates(live, CURSORS)
    following = {person: await updates.subscribe(person.caller) for person in everyone if person.reads}
    rules = {row["_id"]: row for row in await ruling.database.collection(AlertRule).find().to_list()}
    fired = {rule: (await ruling.alert(rules[rule], "again"))["_id"] for _, rule, _ in owned}
    found = list[str]()
    for person, subscriber in following.items():
        expected = [fired[rule] for owner, rule, _ in owned if is_shown(person, owner)]
        got = [await next_id(subscriber) for _ in expected]
        # What is too much is there by now: changes are handed to all subscribers at once.
        if got != expected or len(subscriber):
            found.append(f"{person}: updates")
    return found


async def next_id(subscriber: Subscriber) -> Any:
    async with asyncio.timeout(15):
        return ((await anext(subscriber)).row or {})["_id"]


async def test_rules_and_alerts_are_shown_to_their_owners_and_to_who_reads_the_tenant(
    server: str, database: Database, mongodb_uri: str
):
    assert await differences(server, database, mongodb_uri) == []


def of_the_tenant(caller: Caller) -> Filter:
    return equals("tenant_id", caller.tenant)


def of_the_user(caller: Caller) -> Filter:
    return equals("user_id", caller.subject)


def by_the_scope(caller: Caller) -> Filter:
    """As if a role with a filter read the whole tenant."""
    own = all_of(of_the_tenant(caller), of_the_user(caller))
    return of_the_tenant(caller) if caller.may(Scope.EXECUTIONS_READ_TENANT) else own


def of_anyone(_: Caller, where: Filter) -> Filter:
    return where


@pytest.mark.parametrize(
    ("place", "fault"),
    [
        pytest.param("execution_monitor.alerts.rules.rules_visible_to", of_the_tenant, id="rules of others"),
        pytest.param("execution_monitor.alerts.alerts.rules_visible_to", of_the_user, id="alerts of other tenants"),
        pytest.param("execution_monitor.alerts.alerts.rules_visible_to", by_the_scope, id="alerts past filters"),
        pytest.param("execution_monitor.alerts.updates.rules_visible_to", by_the_scope, id="updates past filters"),
        pytest.param(
            "execution_monitor.executions.executions.Executions.visible", staticmethod(of_anyone), id="executions"
        ),
    ],
)
async def test_a_fault_of_alerts_is_found(  # noqa: PLR0913, PLR0917 - a row of the table
    server: str, database: Database, mongodb_uri: str, monkeypatch: pytest.MonkeyPatch, place: str, fault: Any
):
    monkeypatch.setattr(place, fault)

    assert await differences(server, database, mongodb_uri) != []

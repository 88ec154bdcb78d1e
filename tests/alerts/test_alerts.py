"""Alerts: who may acknowledge and snooze one, and what that changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from execution_monitor.alerts.alerts import executions_of
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import BadUserInput, Forbidden, NotFound
from execution_monitor.storage.alert_documents import Alert, AlertState
from execution_monitor.storage.database import Database
from execution_monitor.storage.filter_codec import encode_filter
from execution_monitor.storage.filters import equals
from execution_monitor.storage.pagination import PageRequest, PageSelection
from tests.alerts.ruling import OWNER, READER, SCOPES, Ruling

SOON = datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture
def ruling(database: Database) -> Ruling:
    return Ruling.over(database)


async def test_alerts_are_listed_newest_first_by_state_and_rule(ruling: Ruling):
    one, other = await ruling.rule(), await ruling.rule()
    base = datetime(2026, 1, 1, tzinfo=UTC)
    first = await ruling.alert(one, created=base)
    second = await ruling.alert(other, created=base + timedelta(hours=1))
    third = await ruling.alert(one, "b", created=base + timedelta(hours=2), state="resolved")

    async def listed(**which: Any) -> list[Any]:
        return [each["_id"] for each in (await ruling.alerts.list(OWNER, PageRequest(), PageSelection(), **which)).rows]

    assert await listed() == [third["_id"], second["_id"], first["_id"]]
    assert await listed(state=AlertState.FIRING) == [second["_id"], first["_id"]]
    assert await listed(rule_id=str(one["_id"])) == [third["_id"], first["_id"]]
    assert await listed(rule_id=str(one["_id"]), state=AlertState.RESOLVED) == [third["_id"]]
    assert await listed(rule_id="none") == []


async def test_an_alert_is_acknowledged_with_a_name_and_a_note_and_snoozed(ruling: Ruling):
    alert = await ruling.alert(await ruling.rule())
    alert_id = str(alert["_id"])

    acknowledged = await ruling.alerts.acknowledge(READER, alert_id, "on $it")
    snoozed = await ruling.alerts.snooze(OWNER, alert_id, SOON)
    again = await ruling.alerts.acknowledge(OWNER, alert_id, None)

    assert (acknowledged["state"], acknowledged["acknowledged_by"], acknowledged["note"]) == (
        "acknowledged",
        "rita",
        "on $it",
    )
    assert (snoozed["state"], snoozed["acknowledged_by"]) == ("snoozed", "rita")
    assert abs((snoozed["snoozed_until"].replace(tzinfo=UTC) - SOON).total_seconds()) < 0.01
    assert (again["state"], again["acknowledged_by"], again.get("note"), again.get("snoozed_until")) == (
        "acknowledged",
        "ada",
        None,
        None,
    )
    assert again["revision"] == 4
    Alert.model_validate(await ruling.stored_alert(alert))


@pytest.mark.parametrize(
    ("caller", "error"),
    [
        (Caller("ben", "acme", SCOPES), NotFound),
        (Caller("ada", "globex", READER.scopes), NotFound),
        (Caller("ada", "acme", frozenset({Scope.EXECUTIONS_READ})), Forbidden),
        (Caller("ada", "acme", frozenset({Scope.ALERTS_WRITE})), Forbidden),
        (Caller("ada", "acme", SCOPES, is_key=True), Forbidden),
    ],
)
async def test_who_may_not_see_an_alert_or_not_write_changes_nothing(
    ruling: Ruling, caller: Caller, error: type[Exception]
):
    alert = await ruling.alert(await ruling.rule())
    before = await ruling.stored_alert(alert)

    with pytest.raises(error):
        await ruling.alerts.acknowledge(caller, str(alert["_id"]), None)
    with pytest.raises(error):
        await ruling.alerts.snooze(caller, str(alert["_id"]), SOON)

    assert await ruling.stored_alert(alert) == before


async def test_a_resolved_alert_is_neither_acknowledged_nor_snoozed(ruling: Ruling):
    alert = await ruling.alert(await ruling.rule(), state="resolved")

    with pytest.raises(BadUserInput, match="has been resolved"):
        await ruling.alerts.acknowledge(OWNER, str(alert["_id"]), None)
    with pytest.raises(BadUserInput, match="has been resolved"):
        await ruling.alerts.snooze(OWNER, str(alert["_id"]), SOON)
    for unknown in (str(ObjectId()), "none"):
        with pytest.raises(NotFound):
            await ruling.alerts.acknowledge(OWNER, unknown, None)


async def test_wrong_notes_and_times_are_refused(ruling: Ruling):
    alert_id = str((await ruling.alert(await ruling.rule()))["_id"])

    with pytest.raises(BadUserInput, match="1,000 characters"):
        await ruling.alerts.acknowledge(OWNER, alert_id, "x" * 1_001)
    for until in (datetime.now(UTC), datetime.now(UTC) + timedelta(days=32), datetime(9999, 12, 31, tzinfo=UTC)):
        with pytest.raises(BadUserInput, match="within 31 days"):
            await ruling.alerts.snooze(OWNER, alert_id, until)


def test_what_an_alert_is_about_is_read_or_nothing():
    where = equals("status", "failed")

    assert executions_of({"where": encode_filter(where)}) == where
    assert executions_of({"where": {"filter": "Unknown"}}) is None
    assert executions_of({}) is None

"""An execution that starts to match becomes an alert of its group, once, and those who must hear of it do."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import Timestamp

from execution_monitor.alerts.conditions import Event
from execution_monitor.alerts.groups import GroupBy
from execution_monitor.alerts.rules import RuleFields
from execution_monitor.auth.caller import Scope
from execution_monitor.feeder.consumers import FieldsChanged, Gap, Superseded
from execution_monitor.live.changes import Change, ChangeType, GapReason, WatchedCollection
from execution_monitor.live.resume_tokens import position_after
from execution_monitor.storage.alert_documents import AlertTenant
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import HasTag, equals
from execution_monitor.webhooks.images import FACTS
from tests.alerts.alerting import FAILED, OWNER, Alerting
from tests.feeder.slow_terms import begin_slowly
from tests.live.factories import execution

FUTURE = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())


def entered(number: int, before: dict[str, Any] | None = None, **fields: Any) -> Change:
    """The change by which an execution fails; its place in the stream is behind every rule."""
    time = Timestamp(FUTURE, number)
    return Change(
        position=position_after(time),
        collection=WatchedCollection.EXECUTIONS,
        type=ChangeType.INSERT if before is None else ChangeType.UPDATE,
        before=None if before is None else execution(f"run-{number}", **before),
        after=execution(f"run-{number}", **{"status": "failed", **fields}),
        changed=frozenset({"status"}),
        cluster_time=time,
        occurred_at=datetime.now(UTC),
        size=1,
    )


async def take(process: Alerting, changes: Sequence[Change], term: int = 100) -> None:
    """Hand changes over to a consumer that has just begun."""
    taker = process.events()
    await taker.prepare()
    await taker.take("acme", changes, changes[-1].position, term)


async def test_one_alert_a_group_counts_what_starts_to_match_and_is_notified_once(database: Database):
    process = Alerting(database)
    await process.rule(Event(FAILED), by=GroupBy.WORKFLOW_NAME)

    await take(process, [entered(1, workflow_name="load"), entered(2, workflow_name="load")])
    await take(process, [entered(3, workflow_name="load"), entered(4, workflow_name="train")], term=101)

    load, train = await process.alerts()
    assert (load["group_name"], load["execution_count"], load["value"]) == ("load", 3, 3.0)
    assert load["newest_execution_id"] == "run-3"
    assert load["summary"] == "3 executions started to match."
    assert (train["group_name"], train["execution_count"]) == ("train", 1)
    assert train["summary"] == "1 execution started to match."
    assert await process.events_sent() == [("load", "fired"), ("train", "fired")]
    assert process.woken["sender"] == 2


async def test_a_term_begins_once_for_all_that_are_handed_over_at_the_same_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    process = Alerting(database)
    await process.rule(Event(FAILED))
    terms = begin_slowly(monkeypatch)
    taker, running = process.events(), [entered(number, status="running") for number in (1, 2)]
    await taker.prepare()

    # Another beginning would end the transactions of the one before.
    await asyncio.gather(*(taker.take("acme", [each], each.position, 7) for each in running))

    assert terms == [7]


async def test_changes_that_are_handed_over_again_count_once(database: Database):
    process = Alerting(database)
    await process.rule(Event(FAILED))
    changes = [entered(number) for number in range(1, 4)]

    await take(process, changes[:2])
    await take(process, changes)
    await take(process, changes, term=101)

    (alert,) = await process.alerts()
    assert alert["execution_count"] == 3
    assert await process.events_sent() == [(None, "fired")]


async def test_a_feeder_whose_term_is_over_makes_no_alert(database: Database):
    process = Alerting(database)
    await process.rule(Event(FAILED))
    old = process.events()
    await old.prepare()
    await old.take("acme", [entered(1, status="running")], entered(1).position, 100)
    await take(process, [entered(2, status="running")], term=101)

    with pytest.raises(Superseded):
        await old.take("acme", [entered(3)], entered(3).position, 100)

    stored = await database.collection(AlertTenant).find_one({"_id": "acme"})
    assert stored is not None
    assert (stored["term"], stored["position"]) == (101, entered(2).position)
    assert await process.alerts() == []


async def test_only_what_starts_to_match_under_the_rights_of_the_owner_counts(database: Database):
    process = Alerting(database)
    own = replace(OWNER, scopes=OWNER.scopes - {Scope.EXECUTIONS_READ_TENANT})
    await process.rule(Event(FAILED), where=HasTag("env", "prod"), caller=own)
    prod = [{"key": "env", "value": "prod"}]

    await take(
        process,
        [
            entered(1, tags=prod, before={"status": "failed", "tags": prod}),  # it matched before
            entered(2, tags=prod, user_id="ben"),
            entered(3),
            entered(4, tags=prod, status="completed"),
            entered(5, tags=prod, before={"status": "running", "tags": prod}),
            entered(6, tags=prod, before={"status": "failed"}),  # it has come into the population
        ],
    )

    (alert,) = await process.alerts()
    assert (alert["execution_count"], alert["newest_execution_id"]) == (2, "run-6")


async def test_a_rule_hears_nothing_from_before_it_was_made(database: Database):
    process = Alerting(database)
    rule = await process.rule(Event(FAILED))
    old = replace(entered(1), cluster_time=rule["active_since"], position=position_after(rule["active_since"]))

    await take(process, [old, entered(2)])

    (alert,) = await process.alerts()
    assert (alert["execution_count"], alert["newest_execution_id"]) == (1, "run-2")


async def test_at_most_100_groups_fire_and_the_others_are_said(database: Database):
    process = Alerting(database)
    await process.rule(Event(FAILED), by=GroupBy.WORKFLOW_NAME)

    await take(process, [entered(number, workflow_name=f"w{number}") for number in range(1, 121)])

    alerts = await process.alerts()
    assert len(alerts) == len(await process.events_sent()) == 100
    assert alerts[0]["summary"].endswith(
        " 20 more groups meet the condition; at most 100 alerts of a rule fire at a time."
    )


async def test_an_execution_is_in_the_groups_of_all_its_tags_or_of_its_error(database: Database):
    process = Alerting(database)
    await process.rule(Event(FAILED), by=GroupBy.TAG)
    await process.rule(Event(FAILED), by=GroupBy.ERROR_GROUP)
    tags = [{"key": "team", "value": "a"}, {"key": "env", "value": "prod"}]
    error = {"code": "E42", "type": "Timeout", "message": "no reply from 10.0.0.1 within 30 s"}

    await take(process, [entered(1, tags=tags, error_details=error), entered(2)])

    found = {each["group_name"]: each["execution_count"] for each in await process.alerts()}
    assert {"team:a", "env:prod", "(none)"} < found.keys()
    (named,) = found.keys() - {"team:a", "env:prod", "(none)"}
    assert named is not None
    assert named.startswith("E42: Timeout: no reply from")


async def test_nothing_is_read_of_changes_without_rules_of_events(database: Database):
    process, taker = Alerting(database), Alerting(database).events()
    await taker.prepare()
    assert taker.fields == frozenset()

    rule = await process.rule(Event(FAILED))
    with pytest.raises(FieldsChanged):
        await taker.take("acme", [entered(1)], entered(1).position, 100)
    await taker.prepare()
    assert taker.fields == FACTS

    await process.rules.update(OWNER, str(rule["_id"]), RuleFields(enabled=False))
    with pytest.raises(FieldsChanged):
        await taker.work(entered(1).position, 100)


async def test_a_paused_rule_makes_no_alert_and_one_that_cannot_be_read_is_paused(database: Database):
    process = Alerting(database)
    rule = await process.rule(Event(FAILED))
    await process.change_rule(rule, where={"filter": "Of a later version"})

    await take(process, [entered(1)])

    found = await process.stored_rule(rule)
    assert (found["enabled"], "cannot be read" in found["state_reason"]) == (False, True)
    assert await process.alerts() == []


async def test_the_owner_is_told_which_changes_could_not_be_read(database: Database):
    process = Alerting(database)
    rule = await process.rule(Event(FAILED))
    since, until = position_after(Timestamp(FUTURE, 1)), position_after(Timestamp(FUTURE + 60, 9))

    await process.events().lose(Gap(since, until, GapReason.HISTORY_LOST), 100)

    found = await process.stored_rule(rule)
    assert found["enabled"]
    assert found["state_reason"] == (
        "What changed from 2100-01-01 00:00:00 UTC to 2100-01-01 00:01:00 UTC could not be read; "
        "an execution that started to match then has made no alert."
    )


async def test_alerts_of_events_come_from_the_feeder_and_end_when_none_has_matched_for_ten_minutes(database: Database):
    process = Alerting(database)
    await process.rule(Event(FAILED), where=equals("workflow_name", "load"))
    async with process.feeding():
        await process.ran("run-1", workflow_name="load", status="running")
        await process.change_execution("run-1", status="failed")
        await process.ran("run-2", workflow_name="other", status="failed")
        await process.has_fed()

    assert await process.evaluate() == 1
    assert await process.states() == {None: "firing"}
    await process.pass_time(minutes=9)
    await process.evaluate()
    assert await process.states() == {None: "firing"}
    await process.pass_time(minutes=1)
    await process.evaluate()
    assert await process.states() == {None: "resolved"}
    assert await process.events_sent() == [(None, "fired"), (None, "resolved")]
    # It rests until the next one.
    assert await process.evaluate() == 0

"""Rules are evaluated by the clock of MongoDB under the rights of their owners, and nobody is told twice."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from execution_monitor.alerts.alerts import Alerts
from execution_monitor.alerts.conditions import AlertMeasure, Duration, Rate, Silence, Sum
from execution_monitor.alerts.evaluation import claims
from execution_monitor.alerts.evaluation.claims import Claims
from execution_monitor.alerts.groups import GroupBy
from execution_monitor.alerts.rules import RuleFields
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import DatabaseUnavailable, QueryTimeout
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import equals
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.webhook_documents import Webhook, WebhookDelivery
from execution_monitor.tasks import end_tasks
from tests.alerts.alerting import OWNER, Alerting, webhook_channel

FAILING = Rate(300, share_above=0.5, minimum_ended=2)


@pytest.fixture
def process(database: Database) -> Alerting:
    return Alerting(database)


async def test_an_alert_fires_goes_on_and_ends_with_the_condition(process: Alerting):
    await process.rule(Rate(300, count_above=1), repeat=60)
    await process.ran("run-1", status="failed")
    await process.evaluate()
    assert await process.alerts() == []

    await process.ran("run-2", status="timed_out")
    await process.evaluate()
    await process.evaluate()
    (alert,) = await process.alerts()
    assert (alert["state"], alert["value"], alert["execution_count"]) == ("firing", 2.0, 2)
    assert alert["summary"] == "2 executions that ended within 5 minutes failed or timed out."
    assert alert["newest_execution_id"] == "run-2"

    await process.pass_time(seconds=59)
    await process.evaluate()
    await process.pass_time(seconds=1)
    await process.evaluate()
    assert await process.events_sent() == [(None, "fired"), (None, "repeated")]

    await process.change_execution("run-1", status="completed")
    await process.evaluate()
    assert await process.states() == {None: "resolved"}
    assert await process.events_sent() == [(None, "fired"), (None, "repeated"), (None, "resolved")]

    await process.change_execution("run-1", status="failed")
    await process.evaluate()
    assert [each["state"] for each in await process.alerts()] == ["resolved", "firing"]


async def test_a_condition_must_hold_for_as_long_as_the_rule_says(process: Alerting):
    rule = await process.rule(Rate(300, count_above=0), hold=60)
    await process.ran("run-1", status="failed")

    await process.evaluate()
    await process.pass_time(seconds=59)
    await process.evaluate()
    assert (await process.alerts(), len((await process.stored_rule(rule))["pending"])) == ([], 1)
    await process.pass_time(seconds=1)
    await process.evaluate()

    assert await process.states() == {None: "firing"}
    assert (await process.stored_rule(rule))["pending"] == []


async def test_acknowledged_alerts_are_not_repeated_and_snoozes_end(process: Alerting):
    await process.rule(Rate(300, count_above=0), by=GroupBy.WORKFLOW_NAME, repeat=60)
    for name in ("known", "later"):
        await process.ran(f"run-{name}", status="failed", workflow_name=name)
    await process.evaluate()
    alerts = Alerts(Reader(process.database, 5_000))
    ids = {each["group_name"]: str(each["_id"]) for each in await process.alerts()}
    await alerts.acknowledge(OWNER, ids["known"], "on it")
    await alerts.snooze(OWNER, ids["later"], datetime.now(UTC) + timedelta(minutes=10))

    await process.pass_time(minutes=9)
    await process.evaluate()
    assert len(await process.events_sent()) == 2
    # A snoozed group that fires anew stays silent.
    for status in ("completed", "failed"):
        await process.change_execution("run-later", status=status)
        await process.evaluate()
    assert await process.states() == {"known": "acknowledged", "later": "snoozed"}
    await process.pass_time(minutes=1, seconds=5)
    await process.evaluate()

    assert await process.states() == {"known": "acknowledged", "later": "firing"}
    assert sorted(await process.events_sent()) == [
        ("known", "fired"),
        ("later", "fired"),
        ("later", "fired"),
        ("later", "resolved"),
    ]


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        (None, {None: 0.6}),
        (GroupBy.WORKFLOW_NAME, {"load": 2 / 3}),
        (GroupBy.USER_ID, {"ada": 1.0}),
        (GroupBy.TAG, {"env:prod": 1.0}),
        (GroupBy.ERROR_GROUP, {}),
    ],
)
async def test_rates_are_measured_of_every_group(
    process: Alerting, by: GroupBy | None, groups: dict[str | None, float]
):
    await process.rule(FAILING, by=by)
    prod, error = [{"key": "env", "value": "prod"}], {"code": "E1", "message": "lost 17 rows"}
    await process.ran("run-1", status="failed", workflow_name="load", tags=prod, error_details=error)
    await process.ran("run-2", status="failed", workflow_name="load", tags=[])
    await process.ran("run-3", status="completed", workflow_name="load", user_id="ben")
    await process.ran("run-4", status="timed_out", workflow_name="train", error_details=error, tags=prod)
    await process.ran(
        "run-5", status="completed", workflow_name="train", tags=[{"key": "x", "value": "y"}], user_id="ben"
    )
    await process.ran("long-ago", status="failed", completed_at=datetime.now(UTC) - timedelta(minutes=6))
    await process.ran("running", status="running", completed_at=None)

    await process.evaluate()

    assert {each["group_name"]: each["value"] for each in await process.alerts()} == pytest.approx(groups)


async def test_the_failures_of_an_error_group_are_a_share_of_all_that_ended(process: Alerting):
    await process.rule(Rate(300, share_above=0.3), by=GroupBy.ERROR_GROUP)
    for number in range(10):
        error = {"error_details": {"code": "E1", "message": f"lost {number} rows"}} if number < 4 else {}
        await process.ran(f"run-{number}", status="failed" if number < 5 else "completed", **error)

    await process.evaluate()

    (alert,) = await process.alerts()
    assert (alert["group_name"], alert["value"]) == ("E1: lost … rows", 0.4)
    assert alert["summary"] == "4 of 10 executions (40.0%) that ended within 5 minutes failed or timed out."


@pytest.mark.parametrize(
    ("condition", "by", "groups"),
    [
        (Sum(AlertMeasure.COST, 300, 2.5), None, {None: 4.0}),
        (Sum(AlertMeasure.COST, 300, 2.5), GroupBy.WORKFLOW_NAME, {"load": 3.0}),
        (Sum(AlertMeasure.TOKENS, 300, 150), GroupBy.USER_ID, {"ada": 200.0}),
        (Sum(AlertMeasure.COST, 300, 4.0), None, {}),
    ],
)
async def test_sums_are_measured_of_every_group(
    process: Alerting, condition: Sum, by: GroupBy | None, groups: dict[str | None, float]
):
    await process.rule(condition, by=by)
    await process.ran("run-1", status="completed", workflow_name="load", total_cost=1.5, tokens_used=100)
    await process.ran("run-2", status="failed", workflow_name="load", total_cost=1.5, tokens_used=100)
    await process.ran(
        "run-3", status="completed", workflow_name="train", total_cost=1.0, tokens_used=100, user_id="ben"
    )
    await process.ran("odd", status="completed", total_cost=float("nan"), tokens_used="many", user_id="ben")

    await process.evaluate()

    assert {each["group_name"]: each["value"] for each in await process.alerts()} == groups


async def test_a_silence_ends_when_one_is_created(process: Alerting):
    await process.rule(Silence(every_seconds=3_600), where=equals("workflow_name", "hourly"))
    await process.rule(Silence(every_seconds=3_600), by=GroupBy.WORKFLOW_NAME)
    now = datetime.now(UTC)
    await process.ran("old", workflow_name="hourly", created=now - timedelta(hours=2))
    await process.ran("new", workflow_name="busy", created=now - timedelta(minutes=59))

    await process.evaluate()
    assert sorted(map(str, await process.states())) == ["None", "hourly"]
    assert {each["newest_execution_id"] for each in await process.alerts()} == {"old"}
    await process.ran("newest", workflow_name="hourly")
    await process.evaluate()

    assert set((await process.states()).values()) == {"resolved"}


async def test_a_schedule_expects_an_execution_by_each_of_its_times(process: Alerting):
    await process.rule(Silence(cron="0 * * * *", time_zone="Europe/Berlin", grace_seconds=0))
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    await process.ran("before", created=hour - timedelta(minutes=2))
    await process.evaluate()
    assert await process.states() == {None: "firing"}

    # Stamped by a clock that is slow.
    await process.ran("for-this-hour", created=hour - timedelta(seconds=20))
    await process.evaluate()
    assert await process.states() == {None: "resolved"}


async def test_executions_that_run_for_too_long_fire_while_they_do(process: Alerting):
    await process.rule(Duration(longer_than_seconds=600), by=GroupBy.WORKFLOW_NAME)
    now = datetime.now(UTC)
    running: dict[str, Any] = {"status": "running", "completed_at": None}
    await process.ran("slow", workflow_name="load", started_at=now - timedelta(minutes=11), **running)
    await process.ran("quick", workflow_name="load", started_at=now - timedelta(minutes=9), **running)
    await process.evaluate()
    (alert,) = await process.alerts()
    assert (alert["group_name"], alert["execution_count"], alert["newest_execution_id"]) == ("load", 1, "slow")
    assert alert["summary"] == "1 execution runs, or ran, longer than 10 minutes."

    # Another one was too slow, and has ended between two looks.
    ended = {"status": "completed", "total_duration": 700.0, "started_at": now - timedelta(seconds=701)}
    await process.ran("between", workflow_name="train", **ended)
    await process.evaluate()
    assert await process.states() == {"load": "firing", "train": "firing"}
    over = datetime.now(UTC) - timedelta(minutes=3)
    for name in ("slow", "between"):
        await process.change_execution(name, status="completed", completed_at=over, total_duration=700.0)
    await process.evaluate()
    assert await process.states() == {"load": "resolved", "train": "resolved"}


async def test_limits_are_percentiles_of_workflows_with_100_runs_for_an_hour(process: Alerting):
    await process.rule(Duration(longer_than_percentile=95))
    now = datetime.now(UTC)
    runs = [
        (
            workflow,
            number,
            {"created": now - timedelta(hours=2), "total_duration": float(number), "status": "completed"},
        )
        for workflow, count in (("known", 100), ("rare", 99))
        for number in range(1, count + 1)
    ]
    for workflow, number, fields in runs:
        old = now - timedelta(hours=2)
        await process.ran(f"{workflow}-{number}", workflow_name=workflow, completed_at=old, **fields)
    running: dict[str, Any] = {"status": "running", "completed_at": None}
    await process.ran("rare-now", workflow_name="rare", started_at=now - timedelta(minutes=10), **running)
    await process.ran("known-now", workflow_name="known", started_at=now - timedelta(seconds=80), **running)
    await process.evaluate()
    assert await process.alerts() == []

    await process.change_execution("known-now", started_at=now - timedelta(seconds=98))
    # The limit of this hour stays.
    await process.database.collection(Execution).delete_many({"status": "completed"})
    await process.evaluate()

    (alert,) = await process.alerts()
    assert alert["newest_execution_id"] == "known-now"
    assert alert["summary"] == "1 execution runs, or ran, longer than 95 % of the runs of its workflow."


async def test_rules_measure_what_their_owners_may_see_and_equal_questions_are_asked_once(process: Alerting):
    ben = Caller("ben", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.ALERTS_WRITE}))
    other = Caller("ada", "globex", OWNER.scopes)
    for caller in (OWNER, OWNER, OWNER, ben, other):
        await process.rule(Rate(300, count_above=0), caller=caller)
    await process.ran("run-1", status="failed", user_id="ada")

    assert await process.evaluate() == 5

    assert process.evaluator.questions == 3
    assert [(each["user_id"], each["tenant_id"]) for each in await process.alerts()] == [("ada", "acme")] * 3


async def test_a_rule_that_cannot_be_evaluated_keeps_its_alerts_and_says_so(
    process: Alerting, monkeypatch: pytest.MonkeyPatch
):
    rule = await process.rule(Rate(300, count_above=0))
    await process.ran("run-1", status="failed")
    await process.evaluate()
    reply: Exception | None = QueryTimeout("There is too much to read.")
    find = process.measuring.find

    async def find_or_fail(*arguments: Any) -> Any:
        if reply is not None:
            raise reply
        return await find(*arguments)

    monkeypatch.setattr(process.measuring, "find", find_or_fail)
    await process.evaluate()
    failed = await process.stored_rule(rule)
    assert failed["enabled"]
    assert failed["state_reason"] == (
        "It could not be evaluated: There is too much to read. "
        "It is tried again every minute; until then its alerts stay as they are."
    )
    assert await process.states() == {None: "firing"}
    assert process.evaluator.outcomes["failed"] == 1

    reply = RuntimeError("a defect")
    await process.evaluate()
    assert "its log says why" in (await process.stored_rule(rule))["state_reason"]
    reply = None
    await process.evaluate()
    assert (await process.stored_rule(rule))["state_reason"] is None
    assert await process.events_sent() == [(None, "fired")]


async def test_of_several_evaluators_one_evaluates_a_rule(process: Alerting):
    await process.rule(Rate(300, count_above=0))
    await process.ran("run-1", status="failed")
    await process.make_due()

    taken = await asyncio.gather(*(process.another_evaluator().evaluate_due() for _ in range(4)))

    assert sorted(taken) == [0, 0, 0, 1]
    assert await process.events_sent() == [(None, "fired")]


async def test_an_evaluator_whose_claim_has_run_out_writes_nothing(process: Alerting, monkeypatch: pytest.MonkeyPatch):
    await process.rule(Rate(300, count_above=0))
    await process.ran("run-1", status="failed")
    await process.make_due()
    late, newest = process.another_evaluator(), process.measuring.find_newest

    async def overtaken(*arguments: Any) -> Any:
        monkeypatch.setattr(process.measuring, "find_newest", newest)
        await process.evaluate()
        return await newest(*arguments)

    monkeypatch.setattr(process.measuring, "find_newest", overtaken)
    await late.evaluate_due()

    assert (late.outcomes["superseded"], late.outcomes["evaluated"]) == (1, 0)
    assert process.evaluator.outcomes["evaluated"] == 1
    assert await process.events_sent() == [(None, "fired")]


async def test_an_evaluator_that_was_killed_amid_its_transaction_keeps_no_rule_from_others(
    process: Alerting, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(claims, "CLAIM_SECONDS", 1)
    await process.rule(Rate(300, count_above=0))
    await process.ran("run-1", status="failed")
    await process.make_due()
    finish, has_written = Claims.finish, asyncio.Event()

    async def stop(*arguments: Any) -> None:
        await finish(*arguments)
        has_written.set()
        # As MongoDB sees it: a transaction that nobody ends.
        await asyncio.Event().wait()

    monkeypatch.setattr(Claims, "finish", stop)
    killed = asyncio.create_task(process.another_evaluator().evaluate_due())
    await has_written.wait()
    monkeypatch.setattr(Claims, "finish", finish)
    other = process.another_evaluator()

    try:
        async with asyncio.timeout(20):
            while not other.outcomes["evaluated"]:
                # The claim may run out between the look for such claims and the next claim, which then waits in vain.
                with contextlib.suppress(DatabaseUnavailable):
                    await other.evaluate_due()
                await asyncio.sleep(0.05)
    finally:
        await end_tasks(killed)

    assert other.outcomes["evaluated"] == 1
    assert await process.events_sent() == [(None, "fired")]


async def test_rules_that_were_claimed_are_evaluated_though_the_next_cannot_be_claimed(
    process: Alerting, monkeypatch: pytest.MonkeyPatch
):
    await process.rule(Rate(300, count_above=0))
    await process.rule(Rate(600, count_above=0))
    await process.ran("run-1", status="failed")
    take, taken = Claims.take, list[Any]()

    async def take_one(self: Claims) -> Any:
        if taken:
            raise DatabaseUnavailable("lost")
        taken.append(await take(self))
        return taken[-1]

    monkeypatch.setattr(Claims, "take", take_one)

    assert await process.evaluate() == 1
    assert await process.events_sent() == [(None, "fired")]
    with pytest.raises(DatabaseUnavailable):
        await process.evaluator.evaluate_due()


async def test_a_paused_rule_is_not_evaluated_and_its_alerts_end_without_a_message(process: Alerting):
    rule = await process.rule(Rate(300, count_above=0))
    await process.ran("run-1", status="failed")
    await process.evaluate()

    await process.rules.update(OWNER, str(rule["_id"]), RuleFields(enabled=False))

    assert await process.evaluate() == 0
    assert await process.states() == {None: "resolved"}
    assert await process.events_sent() == [(None, "fired")]


async def test_the_webhook_of_a_channel_gets_a_delivery_while_it_is_its_owners(database: Database):
    own, foreign = ObjectId(), ObjectId()
    hooks = [(own, "ada"), (foreign, "ben")]
    for webhook_id, user in hooks:
        await database.collection(Webhook).insert_one(
            {"_id": webhook_id, "tenant_id": "acme", "user_id": user, "host": "example.com:443"}
        )
    process = Alerting(database, [webhook_channel(own), {**webhook_channel(foreign), "id": "w2"}])
    await process.rule(Rate(300, count_above=0))
    await process.ran("run-1", status="failed")
    await process.evaluate()

    (delivery,) = await database.collection(WebhookDelivery).find().to_list()
    (alert,) = await process.alerts()
    assert (delivery["webhook_id"], delivery["kind"], delivery["host"]) == (own, "alert", "example.com:443")
    assert delivery["data"] == {
        "rule": {"id": str(alert["rule_id"]), "name": "night watch"},
        "alert_id": str(alert["_id"]),
        "event": "fired",
        "group": None,
        "summary": "1 execution that ended within 5 minutes failed or timed out.",
        "value": 1.0,
        "count": 1,
        "fired_at": alert["fired_at"],
        "resolved_at": None,
        "list_url": delivery["data"]["list_url"],
        "execution_url": "https://monitor.example.com/executions/run-1",
        "newest_execution_id": "run-1",
    }
    assert "status:in(FAILED,TIMED_OUT)" in delivery["data"]["list_url"]

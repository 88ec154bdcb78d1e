"""Messages of alerts reach their channels, over real sockets, and say what holds when they are sent."""

import logging
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from execution_monitor.alerts.channels import GivenChannel
from execution_monitor.alerts.mail_limit import MAX_AN_HOUR
from execution_monitor.alerts.present_content import RIGHTS_CHANGED
from execution_monitor.alerts.silent_channels import REOPENED, is_closed
from execution_monitor.auth.caller import Scope
from execution_monitor.storage.alert_documents import Alert, AlertNotification, AlertRule
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.webhook_documents import DeliveryState
from execution_monitor.webhooks.rights import Rights
from tests.alerts.notifying import Notifying, alertmanager, hosts_of, notifying
from tests.live.factories import execution
from tests.outbound.mail_receiver import MailReceiver, receiving_mail
from tests.outbound.receiver import Authority, Receiver, answering, receiving
from tests.webhooks.delivering import OK, OWNER, until

ERROR = b"HTTP/1.1 500 Error\r\nContent-Length: 6\r\n\r\nsecret"
GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 429 Busy\r\nRetry-After: 7200\r\nContent-Length: 0\r\n\r\n"
MAIL = GivenChannel(email=["ada@example.com", "bob@example.com"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    """Accepts everything, until a test has it do something else."""
    async with receiving(answering(OK), None) as receiver:
        yield receiver


@pytest.fixture
async def mail() -> AsyncGenerator[MailReceiver]:
    async with receiving_mail() as receiver:
        yield receiver


@pytest.fixture
async def process(database: Database, receiver: Receiver, mail: MailReceiver) -> AsyncGenerator[Notifying]:
    """A process that sends to the receiver as an Alertmanager, and to the server of mail."""
    async with notifying(database, hosts_of(receiver), mail=mail) as process:
        await database.collection(Execution).insert_one(execution("run-12"))
        yield process


def posted(receiver: Receiver) -> list[dict[str, Any]]:
    """The alerts that an Alertmanager got."""
    return [alert for request in receiver.requests for alert in orjson.loads(request.body)]


@pytest.mark.parametrize(
    ("host", "channel"),
    [
        ("hooks.slack.com", "slack_url"),
        ("contoso.webhook.office.com", "teams_url"),
    ],
)
async def test_slack_and_teams_get_their_json_at_their_own_hosts(
    database: Database, authority: Authority, host: str, channel: str
):
    async with receiving(answering(OK), authority.server(host)) as receiver:
        given = GivenChannel(**{channel: f"https://{host}:{receiver.port}/services/secret"})
        async with notifying(database, [f"{host}:{receiver.port}"], authority=authority) as process:
            await process.fire(given)
            (done,) = await process.in_state(DeliveryState.DELIVERED)

    (request,) = receiver.requests
    assert (request.line, request.server_name) == ("POST /services/secret HTTP/1.1", host)
    assert request.headers["content-type"] == "application/json"
    assert "Firing: Nightly runs (invoices)" in request.body.decode()
    assert (done["attempts"], done["status_code"]) == (1, 204)
    assert timedelta(hours=95) < done["expires_at"] - datetime.now(UTC) < timedelta(hours=97)


async def test_mail_goes_to_all_recipients_once(process: Notifying, mail: MailReceiver):
    await process.fire(MAIL)

    (done,) = await process.in_state(DeliveryState.DELIVERED)

    ((recipients, message),) = mail.mails
    assert recipients == ["ada@example.com", "bob@example.com"]
    assert message["Subject"] == "[Execution Monitor] Firing: Nightly runs (invoices)"
    assert message["Message-ID"] == f"<{done['_id']}@example.com>"
    assert "https://monitor.example.com/executions/run-12" in message.get_content()


async def test_an_alertmanager_hears_of_an_alert_every_minute_until_it_has_ended(
    process: Notifying, receiver: Receiver
):
    _, alert = await process.fire(alertmanager(receiver))
    first = await process.delivered_again()
    alerts = process.database.collection(Alert)
    await alerts.update_one({"_id": alert["_id"]}, {"$set": {"state": "acknowledged", "summary": "20 failed."}})
    await process.make_due()
    await until(lambda: len(receiver.requests) == 2)
    await process.delivered_again()
    ended = datetime.now(UTC).replace(microsecond=0)
    await alerts.update_one({"_id": alert["_id"]}, {"$set": {"state": "resolved", "resolved_at": ended}})
    await process.make_due()
    await process.in_state(DeliveryState.DELIVERED)

    assert 55 < (first["due"] - datetime.now(UTC)).total_seconds() < 61
    assert {each.line for each in receiver.requests} == {"POST /secret-prefix/api/v2/alerts HTTP/1.1"}
    begun, again, last = posted(receiver)
    assert begun["labels"] == again["labels"] == last["labels"]
    assert (again["annotations"]["summary"], last["endsAt"]) == ("20 failed.", f"{ended:%Y-%m-%dT%H:%M:%S}.000Z")
    assert begun["startsAt"] == last["startsAt"]
    assert datetime.fromisoformat(begun["endsAt"]) > datetime.now(UTC) + timedelta(minutes=4)
    assert datetime.fromisoformat(again["endsAt"]) > datetime.fromisoformat(begun["endsAt"])


async def test_an_alertmanager_that_was_away_hears_of_an_alert_for_as_long_as_it_is_active(
    process: Notifying, receiver: Receiver
):
    receiver.respond = answering(ERROR)
    rule, alert = await process.fire(alertmanager(receiver))
    for attempts in range(2, 11):
        await until(lambda attempts=attempts: len(receiver.requests) == attempts - 1)
        await process.in_state(DeliveryState.PENDING)
        await process.make_due()
    receiver.respond = answering(OK)
    await process.make_due()
    await process.delivered_again()
    # Only one message is sent again and again, whatever else is said of the alert.
    await process.put(rule, alert, "repeated")

    (done,) = await process.in_state(DeliveryState.DELIVERED)

    assert done["event"] == "repeated"
    await process.in_state(DeliveryState.PENDING)


async def test_what_is_refused_comes_again_by_the_schedule_until_it_is_given_up(process: Notifying, mail: MailReceiver):
    mail.data_answer = "451 Later"
    await process.fire(MAIL)
    planned = list[float]()
    for attempts in range(1, 8):

        async def attempted(attempts: int = attempts) -> Any:
            query = {"attempts": attempts, "state": "retrying", "claim": None}
            return await process.database.collection(AlertNotification).find_one(query)

        planned.append(((await process.once(attempted))["due"] - datetime.now(UTC)).total_seconds())
        await process.make_due()

    (dead,) = await process.in_state(DeliveryState.DEAD)

    wanted = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
    assert all(0.7 * each - 5 < seconds < 1.21 * each for seconds, each in zip(planned, wanted, strict=True))
    assert (dead["attempts"], dead["status_code"], dead["error"]) == (8, 451, "The message was refused.")


async def test_what_is_refused_for_good_is_given_up_at_once(process: Notifying, receiver: Receiver, mail: MailReceiver):
    receiver.respond = answering(GONE)
    mail.refused = dict.fromkeys(["ada@example.com", "bob@example.com"], "550 No")
    rule = await process.rule(MAIL, alertmanager(receiver))
    alert = await process.alert(rule, state="resolved", resolved_at=datetime.now(UTC))
    await process.put(rule, alert, "resolved")

    dead = await process.in_state(DeliveryState.DEAD, 2)

    assert sorted((each["channel"], each["status_code"], each["attempts"]) for each in dead) == [
        ("alertmanager", 410, 1),
        ("email", 550, 1),
    ]


async def test_a_channel_that_is_gone_is_closed_until_its_rule_is_enabled_again(process: Notifying, receiver: Receiver):
    receiver.respond = answering(GONE)
    rule, alert = await process.fire(alertmanager(receiver))
    await process.in_state(DeliveryState.DEAD)
    (closed,) = (await process.stored_rule(rule))["channels"]
    await process.put(rule, alert, "repeated")

    dead = await process.in_state(DeliveryState.DEAD, 2)

    assert is_closed(closed)
    assert [each["error"] for each in dead] == [None, "The channel is closed: it answered 410 Gone."]
    assert len(receiver.requests) == 1
    rules = process.database.collection(AlertRule)
    await rules.update_one({"_id": rule["_id"]}, [{"$set": {"channels": REOPENED}}])
    assert (await process.stored_rule(rule))["channels"] == rule["channels"]


async def test_a_receiver_is_left_alone_for_as_long_as_it_says(process: Notifying, receiver: Receiver):
    receiver.respond = answering(BUSY)
    await process.fire(alertmanager(receiver))
    await until(lambda: len(receiver.requests) == 1)

    async def waits() -> Any:
        query = {"claim": None, "status_code": 429}
        return await process.database.collection(AlertNotification).find_one(query)

    assert ((await process.once(waits))["due"] - datetime.now(UTC)).total_seconds() > 7_000


@pytest.mark.parametrize("change", ["paused", "deleted", "without the channel"])
async def test_what_waits_for_a_rule_that_sends_no_more_is_forgotten(
    process: Notifying, receiver: Receiver, change: str
):
    rule = await process.rule(alertmanager(receiver))
    alert = await process.alert(rule)
    if change == "deleted":
        await process.database.collection(AlertRule).delete_one({"_id": rule["_id"]})
    else:
        await process.change(rule, **({"enabled": False} if change == "paused" else {"channels": []}))
    await process.put(rule, alert)

    (dropped,) = await process.in_state(DeliveryState.DEAD)

    assert (dropped.get("data"), receiver.requests) == (None, [])


async def test_after_a_change_of_rights_a_message_says_nothing_that_was_seen_before(
    process: Notifying, receiver: Receiver, mail: MailReceiver
):
    rule = await process.rule(MAIL, alertmanager(receiver), rights_revision=2)
    await process.put(rule, await process.alert(rule), rights_revision=1)

    await process.in_state(DeliveryState.DELIVERED)
    (dropped,) = await process.in_state(DeliveryState.DEAD)

    ((_, message),) = mail.mails
    text = message["Subject"] + message.get_content()
    assert message["Subject"] == "[Execution Monitor] Firing: Nightly runs"
    assert RIGHTS_CHANGED in text
    # It says when, and a time may have any number in it.
    assert not any(each in text for each in ("invoices", "12 of 20", "run-12", "monitor.example.com/"))
    assert "Executions" not in text
    # To an Alertmanager an alert without its group is another one.
    assert (dropped["channel"], dropped.get("data"), receiver.requests) == ("alertmanager", None, [])


async def test_an_alertmanager_that_knows_an_alert_hears_no_more_of_it_than_its_owner_sees(
    process: Notifying, receiver: Receiver
):
    rule, _ = await process.fire(alertmanager(receiver), rights_revision=1)
    await process.delivered_again()
    await process.change(rule, rights_revision=2)
    await process.make_due()

    await until(lambda: len(receiver.requests) == 2)

    before, after = posted(receiver)
    assert after["labels"] == before["labels"]
    assert after["annotations"] == {"summary": RIGHTS_CHANGED, "alert_id": before["annotations"]["alert_id"]}


@pytest.mark.parametrize("change", [{"user_id": "bob"}, None], ids=["moved", "deleted"])
async def test_a_late_message_names_no_execution_that_its_owner_sees_no_more(
    process: Notifying, mail: MailReceiver, change: dict[str, Any] | None
):
    own = Rights.of(replace(OWNER, scopes=frozenset({Scope.EXECUTIONS_READ})))
    rule = await process.rule(MAIL, **own.to_stored())
    executions = process.database.collection(Execution)
    await process.put(rule, await process.alert(rule), due=False)
    if change is None:
        await executions.delete_one({"execution_id": "run-12"})
    else:
        await executions.update_one({"execution_id": "run-12"}, {"$set": change})
    await process.make_due(created=datetime.now(UTC) - timedelta(minutes=1))

    await process.in_state(DeliveryState.DELIVERED)

    ((_, message),) = mail.mails
    assert "run-12" not in message.get_content()
    assert "12 of 20 executions failed." in message.get_content()


async def test_a_late_message_says_that_its_alert_has_ended(process: Notifying, mail: MailReceiver):
    rule = await process.rule(MAIL)
    alert = await process.alert(rule)
    await process.put(rule, alert, due=False)
    ended = {"state": "resolved", "resolved_at": datetime.now(UTC)}
    await process.database.collection(Alert).update_one({"_id": alert["_id"]}, {"$set": ended})
    await process.make_due(created=datetime.now(UTC) - timedelta(minutes=1))

    await process.in_state(DeliveryState.DELIVERED)

    ((_, message),) = mail.mails
    assert message["Subject"] == "[Execution Monitor] Fired and resolved: Nightly runs (invoices)"
    assert "run-12" in message.get_content()


async def test_a_rule_sends_twenty_mails_an_hour_and_then_one_that_says_more_follow(
    process: Notifying, mail: MailReceiver
):
    rule = await process.rule(MAIL)
    other = await process.rule(GivenChannel(email=["carol@example.com"]))
    async with notifying(process.database, mail=mail, encryption=process.channels.encryption):
        for _ in range(MAX_AN_HOUR + 5):
            await process.put(rule, await process.alert(rule))
        await process.put(other, await process.alert(other))
        await process.in_state(DeliveryState.DELIVERED, MAX_AN_HOUR + 2)
        held_back = await process.in_state(DeliveryState.DEAD, 4)

    subjects = [message["Subject"] for recipients, message in mail.mails if "ada@example.com" in recipients]
    assert len(subjects) == MAX_AN_HOUR + 1
    assert subjects.count("[Execution Monitor] More alerts: Nightly runs") == 1
    assert [each.get("data") for each in held_back] == [None] * 4
    assert [recipients for recipients, _ in mail.mails].count(["carol@example.com"]) == 1
    rules = process.database.collection(AlertRule)
    await rules.update_one({"_id": rule["_id"]}, {"$set": {"mails.$[].at": datetime.now(UTC) - timedelta(hours=1)}})
    await process.put(rule, await process.alert(rule))
    await process.in_state(DeliveryState.DELIVERED, MAX_AN_HOUR + 3)
    assert mail.mails[-1][1]["Subject"] == "[Execution Monitor] Firing: Nightly runs (invoices)"


async def test_another_attempt_takes_no_other_place_among_the_mails_of_an_hour(process: Notifying, mail: MailReceiver):
    mail.data_answer = "451 Later"
    rule, _ = await process.fire(MAIL)
    for attempts in (1, 2):

        async def attempted(attempts: int = attempts) -> Any:
            query = {"attempts": attempts, "claim": None}
            return await process.database.collection(AlertNotification).find_one(query)

        await process.once(attempted)
        await process.make_due()

    stored = await process.database.collection(AlertRule).find_one({"_id": rule["_id"]})
    assert stored is not None
    assert len(stored["mails"]) == 1


@pytest.mark.parametrize(
    ("given", "hosts", "state", "error"),
    [
        (MAIL, (), DeliveryState.RETRYING, "This server sends no mail now."),
        (
            GivenChannel(alertmanager_url="http://127.0.0.1:9093"),
            ["127.0.0.1:9093"],
            DeliveryState.DEAD,
            "The port must be one of 80, 8080.",
        ),
    ],
    ids=["mail", "address"],
)
async def test_what_an_operator_no_longer_allows_is_not_sent(
    database: Database, given: GivenChannel, hosts: list[str], state: DeliveryState, error: str
):
    async with receiving_mail() as mail, notifying(database, hosts, mail=mail) as before:
        rule = await before.rule(given)
        alert = await before.alert(rule)
        encryption = before.channels.encryption
    async with notifying(database, encryption=encryption) as process:
        await process.put(rule, alert)

        (found,) = await process.in_state(state)

    assert (found["error"], mail.mails) == (error, [])


async def test_an_address_that_cannot_be_decrypted_is_waited_for(database: Database, receiver: Receiver):
    async with notifying(database, hosts_of(receiver)) as before:
        rule = await before.rule(alertmanager(receiver))
        alert = await before.alert(rule)
    async with notifying(database, hosts_of(receiver)) as process:
        await process.put(rule, alert)

        (waits,) = await process.in_state(DeliveryState.RETRYING)

    assert waits["error"] == "Its address cannot be decrypted with the server's keys."


async def test_two_processes_send_each_message_once(process: Notifying, mail: MailReceiver):
    rule = await process.rule(MAIL)
    alerts = [await process.alert(rule) for _ in range(MAX_AN_HOUR)]
    async with notifying(process.database, mail=mail, encryption=process.channels.encryption):
        for alert in alerts:
            await process.put(rule, alert)
        await process.in_state(DeliveryState.DELIVERED, MAX_AN_HOUR)

    assert len({message["Message-ID"] for _, message in mail.mails}) == len(mail.mails) == MAX_AN_HOUR


async def test_neither_logs_nor_metrics_hold_what_is_secret(
    process: Notifying, receiver: Receiver, mail: MailReceiver, caplog: pytest.LogCaptureFixture
):
    receiver.respond = answering(ERROR)
    mail.data_answer = "554 secret ada@example.com"
    slack = GivenChannel(slack_url="https://hooks.slack.com/services/secret")
    # Libraries log no less in any setting.
    with caplog.at_level(logging.WARNING), capture_logs() as logs:
        await process.fire(MAIL, alertmanager(receiver), slack)
        await until(lambda: process.notifier.attempts["failed"] + process.notifier.attempts["refused"] == 3)
        _, broken = await process.fire(slack, data="secret", channel="slack")

        async def has_failed() -> Any:
            query = {"alert_id": broken["_id"], "error": "The server could not make the request."}
            return await process.database.collection(AlertNotification).find_one(query)

        await process.once(has_failed)

    said = [*map(repr, logs), *(each.getMessage() for each in caplog.records)]
    metrics = repr([[(sample.labels, sample.value) for sample in each.samples] for each in process.notifier.collect()])
    assert [each["event"] for each in logs] == ["delivery_failed"]
    assert not [each for each in (*said, metrics) if "secret" in each or "ada@" in each or "services" in each]


async def test_metrics_say_how_attempts_ended(process: Notifying):
    await process.fire(MAIL)
    await process.in_state(DeliveryState.DELIVERED)

    attempts, in_flight = process.notifier.collect()

    assert {each.labels["outcome"]: each.value for each in attempts.samples} == {
        "delivered": 1,
        "refused": 0,
        "failed": 0,
        "held_back": 0,
    }
    assert in_flight.name == "execution_monitor_alert_messages_in_flight"

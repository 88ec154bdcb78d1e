"""Mail is handed to the server that an operator names, over real sockets, and in the clear only where they say so."""

import asyncio
from email.message import EmailMessage
from typing import Any

import pytest

from execution_monitor.outbound import mail
from execution_monitor.outbound.mail import Mail, MailOutcome
from execution_monitor.outbound.mail_server import MailServer
from tests.outbound.mail_receiver import PASSWORD, USER, receiving_mail
from tests.outbound.receiver import Authority

# The server of mail is for tests alone.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Session.login_data is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning"),
]
NOT_CONNECTED = "The mail server took no connection, or has no certificate that is valid for its name."
SENDER, RECIPIENTS = "monitor@example.com", ["ada@example.com", "bob@example.com"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def message() -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = SENDER, "ada@example.com", "Firing"
    made.set_content("12 of 20 executions failed: Grüße.\n.\n")
    return made


async def send(port: int, encryption: Any = None, trusted: Any = None, **user: str) -> MailOutcome:
    server = MailServer("127.0.0.1" if trusted is None else "localhost", port, encryption, **user)
    return await Mail(server, SENDER, trusted=trusted).send(message(), RECIPIENTS)


@pytest.mark.parametrize("encryption", ["tls", "starttls"])
async def test_mail_is_handed_over_encrypted_after_signing_in(authority: Authority, encryption: str):
    context = authority.server("localhost")
    async with receiving_mail(context, implicit=encryption == "tls", signs_in=True) as receiver:
        outcome = await send(receiver.port, encryption, authority.trusted, user=USER, password=PASSWORD)

    ((recipients, received),) = receiver.mails
    assert outcome == MailOutcome(250, is_accepted=True)
    assert (recipients, receiver.signed_in, received["Subject"]) == (RECIPIENTS, [USER], "Firing")
    assert received.get_content().splitlines() == ["12 of 20 executions failed: Grüße.", "."]


async def test_without_encryption_nothing_is_handed_over_unless_an_operator_says_so():
    async with receiving_mail() as receiver:
        refused = await send(receiver.port, "starttls")
        accepted = await send(receiver.port)

    assert (refused.is_accepted, refused.is_final) == (False, False)
    assert refused.error == "The mail server offers no encryption, or no way to sign in."
    assert (accepted.is_accepted, len(receiver.mails)) == (True, 1)


@pytest.mark.parametrize("encryption", ["tls", "starttls"])
async def test_a_server_with_a_certificate_of_another_name_gets_neither_mail_nor_password(
    authority: Authority, encryption: str
):
    context = authority.server("elsewhere.example.com")
    async with receiving_mail(context, implicit=encryption == "tls", signs_in=True) as receiver:
        outcome = await send(receiver.port, encryption, authority.trusted, user=USER, password=PASSWORD)

    assert (outcome.is_accepted, outcome.is_final, receiver.mails) == (False, False, [])
    assert outcome.error == NOT_CONNECTED


async def test_a_wrong_password_is_for_an_operator_to_mend(authority: Authority):
    async with receiving_mail(authority.server("localhost"), signs_in=True) as receiver:
        outcome = await send(receiver.port, "starttls", authority.trusted, user=USER, password=PASSWORD[1:])

    assert outcome == MailOutcome(535, "The mail server refused the server's user or password.")


@pytest.mark.parametrize(
    ("refused", "data_answer", "outcome"),
    [
        (
            {"ada@example.com": "550 No"},
            "250 OK",
            MailOutcome(250, "1 of 2 recipients were refused.", is_accepted=True),
        ),
        (
            dict.fromkeys(RECIPIENTS, "550 No"),
            "250 OK",
            MailOutcome(550, "All recipients were refused.", is_final=True),
        ),
        (dict.fromkeys(RECIPIENTS, "451 Later"), "250 OK", MailOutcome(451, "All recipients were refused.")),
        ({}, "554 No", MailOutcome(554, "The message was refused.", is_final=True)),
        ({}, "452 Later", MailOutcome(452, "The message was refused.")),
    ],
    ids=["some", "all", "all for now", "message", "message for now"],
)
async def test_what_a_server_refuses_for_now_may_come_again(
    refused: dict[str, str], data_answer: str, outcome: MailOutcome
):
    async with receiving_mail() as receiver:
        receiver.refused, receiver.data_answer = refused, data_answer

        assert await send(receiver.port) == outcome


async def test_where_nothing_listens_nothing_is_handed_over(unused_tcp_port: int):
    assert await send(unused_tcp_port) == MailOutcome(error=NOT_CONNECTED)


async def test_a_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.2)

    has_ended = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        has_ended.set()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        outcome = await send(server.sockets[0].getsockname()[1])
        await has_ended.wait()

    assert outcome == MailOutcome(error="The mail server did not answer in time.")

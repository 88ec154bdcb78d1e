"""Revocations of a real database, in the memory of a process, with a clock that is moved by hand."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from pymongo.errors import AutoReconnect
from structlog.testing import capture_logs

from execution_monitor.auth import revocation_poller
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.revocation_poller import RevocationPoller
from execution_monitor.auth.revocations import Revocations
from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import collection_of
from execution_monitor.storage.revocations import revoke
from execution_monitor.storage.server_documents import Revocation
from execution_monitor.tasks import end_tasks
from tests.support.identity_provider import Clock

DAY = timedelta(days=1)
SOON = 10.0


def caller(subject: str) -> Caller:
    return Caller(subject, "acme", issued_at=datetime.now(UTC) - timedelta(minutes=1))


class Polled:
    """A poller, and the revocations it keeps."""

    def __init__(self, database: Database) -> None:
        self.clock = Clock()
        self.revocations = Revocations()
        self.poller = RevocationPoller(database, self.revocations, self.clock)

    async def holds(self, *subjects: str) -> list[bool]:
        await self.poller.poll()
        return [self.revocations.include(caller(subject)) for subject in subjects]


@pytest.fixture
def polled(database: Database) -> Polled:
    return Polled(database)


async def fail(*_: object) -> None:
    raise AutoReconnect("a host that must not be shown")


async def test_revocations_before_and_after_the_start_are_known(polled: Polled):
    await revoke(subject="ada", tenant="acme", keep=DAY)
    assert await polled.holds("ada", "ben") == [True, False]

    await revoke(subject="ben", tenant="acme", keep=DAY)
    await revoke(subject="cem", tenant="globex", keep=DAY)

    assert await polled.holds("ada", "ben", "cem") == [True, True, False]


async def test_a_second_revocation_of_a_subject_is_known_too(polled: Polled):
    first = await revoke(subject="ada", tenant="acme", keep=DAY)
    await polled.poller.poll()
    again = Caller("ada", "acme", issued_at=first)
    assert not polled.revocations.include(again)

    await revoke(subject="ada", tenant="acme", keep=DAY)
    await polled.poller.poll()

    assert polled.revocations.include(again)


async def test_a_deleted_revocation_is_dropped_within_a_minute(polled: Polled):
    await revoke(subject="ada", tenant="acme", keep=DAY)
    await polled.holds("ada")
    await collection_of(Revocation).delete_many({})

    assert await polled.holds("ada") == [True]
    polled.clock.now += 60

    assert await polled.holds("ada") == [False]


async def test_a_revocation_that_becomes_visible_late_is_not_missed(polled: Polled):
    await revoke(subject="ada", tenant="acme", keep=DAY)
    await polled.poller.poll()

    # Written by a server whose transaction began earlier.
    await revoke(subject="ben", tenant="acme", keep=DAY)
    earlier = datetime.now(UTC) - timedelta(seconds=5)
    await collection_of(Revocation).update_one({"subject": "ben"}, {"$set": {"revoked_at": earlier}})

    assert await polled.holds("ben") == [True]


@pytest.mark.parametrize(
    "row",
    [
        {"subject": "ada"},
        {"subject": "ada", "tenant_id": "acme", "revoked_at": "yesterday"},
        {"subject": "ada", "tenant_id": 7, "revoked_at": datetime(9999, 1, 1, tzinfo=UTC)},
    ],
    ids=["without a time", "with a time that is text", "in a tenant that is a number, for ever"],
)
async def test_revocations_that_were_written_by_hand_hold(polled: Polled, row: dict[str, object]):
    await collection_of(Revocation).insert_many([row, {"subject": {"$ne": ""}, "token_id": ["x"]}, {}])

    assert await polled.holds("ada", "ben") == [True, False]
    assert await polled.holds("ada", "ben") == [True, False]


async def test_before_the_first_poll_no_token_is_accepted_unchecked(polled: Polled, monkeypatch: pytest.MonkeyPatch):
    await revoke(subject="ada", tenant="acme", keep=DAY)
    with monkeypatch.context() as patch:
        patch.setattr(revocation_poller, "read_revocations", fail)
        with pytest.raises(DatabaseUnavailable, match="MongoDB cannot be reached") as raised:
            await polled.poller.check()
    assert "host" not in str(raised.value)

    await polled.poller.check()

    assert polled.revocations.include(caller("ada"))


async def test_revocations_hold_through_an_outage_and_after_a_minute_no_token_is_accepted(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
):
    await revoke(subject="ada", tenant="acme", keep=DAY)
    await polled.poller.poll()
    monkeypatch.setattr(revocation_poller, "read_revocations", fail)

    polled.clock.now += 60
    await polled.poller.check()
    assert polled.revocations.include(caller("ada"))
    polled.clock.now += 1

    with pytest.raises(DatabaseUnavailable):
        await polled.poller.check()
    assert polled.revocations.include(caller("ada"))


async def test_a_poll_of_a_database_that_never_replies_times_out(polled: Polled, monkeypatch: pytest.MonkeyPatch):
    async def wait(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(revocation_poller, "_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(revocation_poller, "read_revocations", wait)

    with pytest.raises(DatabaseUnavailable, match="does not answer"):
        await polled.poller.poll()


@pytest.mark.parametrize("failure", [AutoReconnect("x"), ZeroDivisionError()], ids=["an outage", "a defect of ours"])
async def test_polling_goes_on_after_a_failure(polled: Polled, monkeypatch: pytest.MonkeyPatch, failure: Exception):
    monkeypatch.setattr(revocation_poller, "_PAUSE_SECONDS", 0.01)
    failures = 3
    read = revocation_poller.read_revocations

    async def fail_thrice(*arguments: object) -> object:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise failure
        return await read(*arguments)  # pyright: ignore[reportArgumentType] - passed on as they came

    monkeypatch.setattr(revocation_poller, "read_revocations", fail_thrice)
    await revoke(subject="ada", tenant="acme", keep=DAY)
    changed = asyncio.Event()
    polled.revocations.add_listener(changed.set)
    running = asyncio.create_task(polled.poller.run())

    async with asyncio.timeout(SOON):
        await changed.wait()
    await end_tasks(running)

    assert polled.revocations.include(caller("ada"))


async def test_an_outage_is_logged_once_and_a_database_that_is_not_connected_yet_is_not(
    polled: Polled, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(revocation_poller, "_PAUSE_SECONDS", 0.001)
    looks = 0
    looked = asyncio.Event()

    async def fail_often(*_: object) -> None:
        nonlocal looks
        looks += 1
        if looks == 6:
            looked.set()
        elif looks == 3:
            database.trouble = None
        raise AutoReconnect("a host that must not be shown")

    monkeypatch.setattr(revocation_poller, "read_revocations", fail_often)
    database.trouble = "The database has not answered yet."

    with capture_logs() as logs:
        running = asyncio.create_task(polled.poller.run())
        async with asyncio.timeout(SOON):
            await looked.wait()
        await end_tasks(running)

    assert [(each["event"], each["log_level"]) for each in logs] == [("revocations_not_read", "warning")]


async def test_it_polls_often_enough_for_a_revocation_to_hold_within_a_second(
    polled: Polled, monkeypatch: pytest.MonkeyPatch
):
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise asyncio.CancelledError

    # For the watch alone: the driver sleeps, too.
    monkeypatch.setattr(revocation_poller, "asyncio", SimpleNamespace(sleep=pause, timeout=asyncio.timeout))

    with pytest.raises(asyncio.CancelledError):
        await polled.poller.run()

    # The other half is for MongoDB to answer and the socket to close.
    assert max(pauses) <= 0.5

"""Access keys as requests send them: whom they stand for, what is refused, and how often they are looked up."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.errors import AutoReconnect

from execution_monitor.auth import access_key_verifier as module
from execution_monitor.auth.access_key_text import AccessKeyText, shown_part
from execution_monitor.auth.access_key_verifier import AccessKeyVerifier
from execution_monitor.auth.access_keys import revoke_keys
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import DatabaseUnavailable, ServerBusy, Unauthenticated
from execution_monitor.storage.database import Database
from execution_monitor.storage.server_documents import AccessKey
from tests.support.access_keys import key_of, made_key

READ = "executions:read"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class CountedReads:
    """Counts how often a key is looked up; fails with `error` where a test sets it."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.error: Exception | None = None

    async def find(self, database: Database, key_id: ObjectId) -> Any:
        self.ids.append(str(key_id))
        if self.error is not None:
            raise self.error
        return await _FIND(database, key_id)


_FIND = module.find_access_key


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> CountedReads:
    reads = CountedReads()
    monkeypatch.setattr(module, "find_access_key", reads.find)
    return reads


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def verifier(database: Database, clock: Clock) -> AsyncGenerator[AccessKeyVerifier]:
    verifier = AccessKeyVerifier(database, clock)
    yield verifier
    await verifier.close()


def unknown() -> str:
    return AccessKeyText.make(str(ObjectId())).text


async def test_a_key_stands_for_its_user_with_its_scopes_and_no_more(verifier: AccessKeyVerifier, database: Database):
    made = await made_key(database, "grace", READ, "executions:write", maker="root")

    caller = await verifier.verify(made.text)

    assert caller == Caller(
        "grace",
        "acme",
        frozenset({READ, "executions:write"}),
        expires_at=made.row["expires_at"],
        issued_at=made.row["created"],
        token_id=shown_part(str(made.row["_id"])),
        is_key=True,
    )
    assert caller.valid_until == caller.expires_at


async def test_a_stored_scope_that_no_key_may_hold_allows_nothing(verifier: AccessKeyVerifier, database: Database):
    text = await key_of(database, "ada", scopes=[READ, "manage", "keys:write", "executions:read:tenant", "audit:read"])

    assert (await verifier.verify(text)).scopes == {READ}


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"revoked_at": datetime.now(UTC)}, "Your access key has been revoked; send another one."),
        ({"expires_at": datetime.now(UTC)}, "Your access key has expired; make a new one."),
        ({"hash": "0" * 64}, "Your access key is not valid; send another one."),
        ({"hash": None}, "Your access key is not valid; send another one."),
        ({"user_id": ""}, "Your access key is not valid; send another one."),
        ({"tenant_id": None}, "Your access key is not valid; send another one."),
        ({"expires_at": None}, "Your access key has expired; make a new one."),
    ],
)
async def test_a_key_that_is_not_valid_is_refused(
    verifier: AccessKeyVerifier, database: Database, stored: dict[str, Any], message: str
):
    text = await key_of(database, "ada", **stored)

    with pytest.raises(Unauthenticated, match=message):
        await verifier.verify(text)


async def test_the_secret_of_another_key_is_refused_whatever_was_sent_before(
    verifier: AccessKeyVerifier, database: Database
):
    mine, others = [AccessKeyText.parse(await key_of(database, user)) for user in ("ada", "grace")]
    assert mine is not None
    assert others is not None
    await verifier.verify(mine.text)

    with pytest.raises(Unauthenticated, match="not valid"):
        await verifier.verify(AccessKeyText(mine.id, others.secret).text)


@pytest.mark.parametrize("text", ["em_", "em_x_y", "em_65f0000000000000000000a1_short"])
async def test_text_that_is_no_key_is_not_looked_up(verifier: AccessKeyVerifier, reads: CountedReads, text: str):
    with pytest.raises(Unauthenticated, match="not complete"):
        await verifier.verify(text)

    assert reads.ids == []


async def test_no_message_has_the_secret(verifier: AccessKeyVerifier, database: Database):
    for text in (unknown(), await key_of(database, "ada", revoked_at=datetime.now(UTC)), f"{unknown()}x"):
        with pytest.raises(Unauthenticated) as refused:
            await verifier.verify(text)

        assert text.split("_")[2] not in str(refused.value)


async def test_a_key_is_looked_up_once_in_half_a_second_however_many_requests_there_are(
    verifier: AccessKeyVerifier, database: Database, reads: CountedReads, clock: Clock
):
    text = await key_of(database, "ada")

    await asyncio.gather(*(verifier.verify(text) for _ in range(50)))
    clock.now += 0.49
    await verifier.verify(text)
    before = len(reads.ids)
    clock.now += 0.02
    await verifier.verify(text)

    assert (before, len(reads.ids)) == (1, 2)


async def test_a_revoked_key_is_refused_after_half_a_second(
    verifier: AccessKeyVerifier, database: Database, clock: Clock
):
    made = await made_key(database, "ada")
    await verifier.verify(made.text)
    await revoke_keys(database, [made.row])

    clock.now += 0.5

    with pytest.raises(Unauthenticated, match="revoked"):
        await verifier.verify(made.text)


async def test_one_who_gives_up_does_not_fail_the_others(
    verifier: AccessKeyVerifier, database: Database, reads: CountedReads
):
    text = await key_of(database, "ada")
    impatient, patient = (asyncio.create_task(verifier.verify(text)) for _ in range(2))
    await asyncio.sleep(0)

    impatient.cancel()

    assert (await patient).subject == "ada"
    assert len(reads.ids) == 1


async def test_an_unknown_id_is_looked_up_once_a_minute(verifier: AccessKeyVerifier, reads: CountedReads, clock: Clock):
    text = unknown()

    for seconds in (0, 1, 58, 2):
        clock.now += seconds
        with pytest.raises(Unauthenticated, match="not valid"):
            await verifier.verify(text)

    assert len(reads.ids) == 2


async def test_a_flood_of_unknown_ids_reads_the_database_no_faster_than_allowed_and_keeps_no_known_key_out(
    verifier: AccessKeyVerifier, database: Database, reads: CountedReads, clock: Clock
):
    known = await key_of(database, "ada")
    await verifier.verify(known)

    flood = await asyncio.gather(*(verifier.verify(unknown()) for _ in range(600)), return_exceptions=True)
    clock.now += 1
    more = await asyncio.gather(*(verifier.verify(unknown()) for _ in range(100)), return_exceptions=True)

    assert len([each for each in flood if isinstance(each, ServerBusy)]) == 100
    assert len([each for each in more if isinstance(each, ServerBusy)]) == 50
    assert len(reads.ids) == 1 + 500 + 50
    assert (await verifier.verify(known)).subject == "ada"


async def test_keys_that_exist_use_up_nothing_of_what_unknown_ones_may_take(
    verifier: AccessKeyVerifier, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(verifier._unknown, "_left", 1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - no 500 keys are made

    for user in ("ada", "grace", "ben"):
        assert (await verifier.verify(await key_of(database, user))).subject == user


@pytest.mark.parametrize("error", [AutoReconnect("gone"), TimeoutError()])
async def test_without_the_database_a_key_is_neither_accepted_nor_refused(
    verifier: AccessKeyVerifier, database: Database, reads: CountedReads, error: Exception
):
    text = await key_of(database, "ada")
    reads.error = error
    with pytest.raises(DatabaseUnavailable):
        await verifier.verify(text)

    reads.error = None

    assert (await verifier.verify(text)).subject == "ada"


async def used_at(database: Database) -> list[datetime | None]:
    return [row.get("last_used_at") for row in await database.collection(AccessKey).find().sort("_id").to_list()]


async def recorded(verifier: AccessKeyVerifier) -> None:
    """Return when nothing is being recorded any more."""
    await asyncio.gather(*verifier._recording)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - it is in the background


async def test_the_use_of_a_key_is_recorded_once_an_hour(verifier: AccessKeyVerifier, database: Database, clock: Clock):
    old = datetime.now(UTC) - timedelta(hours=2)
    recent = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=50)
    texts = [await key_of(database, "ada", **each) for each in ({}, {"last_used_at": old}, {"last_used_at": recent})]

    for text in texts:
        await verifier.verify(text)
    await recorded(verifier)
    first = await used_at(database)
    clock.now += 1
    for text in texts:
        await verifier.verify(text)
    await recorded(verifier)

    assert await used_at(database) == first
    assert first[2] == recent
    assert all(each is not None and each > old + timedelta(hours=1) for each in first)


async def test_two_servers_record_a_use_once(database: Database, verifier: AccessKeyVerifier):
    text = await key_of(database, "ada")
    other = AccessKeyVerifier(database)
    await asyncio.gather(verifier.verify(text), other.verify(text))
    await recorded(verifier)
    first = await used_at(database)

    await recorded(other)
    await other.close()

    assert await used_at(database) == first


async def test_a_refused_key_is_not_recorded_as_used(verifier: AccessKeyVerifier, database: Database):
    text = await key_of(database, "ada")

    with pytest.raises(Unauthenticated):
        await verifier.verify(f"{text[:-1]}{'a' if text[-1] != 'a' else 'b'}")

    await recorded(verifier)
    assert await used_at(database) == [None]

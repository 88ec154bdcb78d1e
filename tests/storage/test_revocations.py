import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import collection_of
from execution_monitor.storage.revocations import read_revocations, revoke
from execution_monitor.storage.server_documents import Revocation

DAY = timedelta(days=1)


async def kept() -> list[dict[str, Any]]:
    return await collection_of(Revocation).find({}, {"_id": 0}).to_list()


async def test_a_revocation_is_kept_until_the_last_token_it_refuses_has_expired(database: Database):
    at = await revoke(subject="ada", tenant="acme", keep=DAY)

    (row,) = await kept()
    assert row == {
        "tenant_id": "acme",
        "subject": "ada",
        "token_id": None,
        "revoked_at": at,
        "expires_at": at + DAY,
    }
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)


async def test_mongodb_deletes_what_is_over(database: Database):
    indexes = await collection_of(Revocation).index_information()

    assert indexes["expires_at"]["expireAfterSeconds"] == 0


async def test_revoking_again_is_one_revocation_of_the_later_time(database: Database):
    first = await revoke(subject="ada", tenant="acme", keep=DAY)

    second = await revoke(subject="ada", tenant="acme", keep=DAY)

    (row,) = await kept()
    assert row["revoked_at"] == second > first
    assert row["expires_at"] == second + DAY


async def test_those_who_revoke_at_once_make_one_revocation(database: Database):
    times = await asyncio.gather(*(revoke(subject="ada", tenant="acme", keep=DAY) for _ in range(20)))

    (row,) = await kept()
    assert row["revoked_at"] == max(times)


async def test_a_revocation_never_goes_back_to_an_earlier_time(database: Database):
    await revoke(subject="ada", tenant="acme", keep=DAY)
    # What a command that began later has written while this one waited for it.
    later = (datetime.now(UTC) + timedelta(seconds=9)).replace(microsecond=0)
    await collection_of(Revocation).update_one({}, {"$set": {"revoked_at": later, "expires_at": later + DAY}})

    assert await revoke(subject="ada", tenant="acme", keep=timedelta(hours=1)) == later

    (row,) = await kept()
    assert (row["revoked_at"], row["expires_at"]) == (later, later + DAY)


async def test_a_subject_of_one_tenant_of_all_tenants_and_a_token_are_different_things(database: Database):
    await revoke(subject="ada", tenant="acme", keep=DAY)
    await revoke(subject="ada", keep=DAY)
    await revoke(token_id="ada", keep=DAY)  # noqa: S106 - its name

    assert len(await read_revocations(database)) == 3


async def test_what_was_revoked_since_is_read_alone(database: Database):
    await revoke(subject="ada", tenant="acme", keep=DAY)
    await collection_of(Revocation).update_many({}, {"$set": {"revoked_at": datetime(2026, 1, 1, tzinfo=UTC)}})
    since = await revoke(subject="ben", tenant="acme", keep=DAY)

    assert [row["subject"] for row in await read_revocations(database, since)] == ["ben"]

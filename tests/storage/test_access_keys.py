"""Access keys as MongoDB stores them: their use, their revocation, and when they are deleted."""

from datetime import UTC, datetime, timedelta

from execution_monitor.storage.access_keys import (
    delete_access_key,
    find_access_key,
    find_active_keys,
    record_use,
    revoke_access_keys,
)
from execution_monitor.storage.database import Database
from execution_monitor.storage.server_documents import AccessKey
from tests.support.access_keys import made_key


async def test_a_use_is_recorded_unless_a_later_one_is(database: Database):
    now = datetime.now(UTC)
    recent = now.replace(microsecond=0) - timedelta(minutes=10)
    made = [await made_key(database, "ada"), await made_key(database, "ada", last_used_at=recent)]
    ids = [each.row["_id"] for each in made]

    for key_id in ids:
        await record_use(database, key_id, now - timedelta(hours=1))

    first, second = [await find_access_key(database, key_id) for key_id in ids]
    assert first is not None
    assert second is not None
    assert abs(first["last_used_at"] - now) < timedelta(minutes=1)
    assert second["last_used_at"] == recent


async def test_a_revoked_key_keeps_its_time_and_is_active_no_more(database: Database):
    first, second, other = [(await made_key(database, user)).row["_id"] for user in ("ada", "ada", "grace")]
    await revoke_access_keys(database, [first])
    before = await find_access_key(database, first)

    await revoke_access_keys(database, [first, second])

    active = [await find_active_keys(database, user=user) for user in ("ada", "grace")]
    assert await find_access_key(database, first) == before
    assert [[each["_id"] for each in keys] for keys in active] == [[], [other]]


async def test_a_deleted_key_is_gone_and_others_are_not(database: Database):
    first, second = [(await made_key(database, "ada")).row["_id"] for _ in range(2)]

    await delete_access_key(database, first)

    assert await find_access_key(database, first) is None
    assert await find_access_key(database, second) is not None


async def test_mongodb_deletes_a_key_a_month_after_it_has_expired(database: Database):
    indexes = await database.collection(AccessKey).index_information()

    assert indexes["expires_at"]["expireAfterSeconds"] == 30 * 86_400

"""Access keys: who may make which, and who sees and revokes them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_monitor.auth.access_keys import (
    MAX_LIFETIME,
    AccessKeyRecord,
    AccessKeys,
    NewAccessKey,
    keys_visible_to,
    make_key,
    revoke_keys_of,
)
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.auth.roles import DEFAULT_ROLES, Role, access_of
from execution_monitor.errors import BadUserInput, Forbidden, NotFound, Unauthenticated
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import equals
from execution_monitor.storage.pagination import PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.revocations import read_revocations
from execution_monitor.storage.server_documents import AccessKey
from tests.support.access_keys import made_key

WRITE, CONTROL, READ = "executions:write", "executions:control", "executions:read"
KEYS = Scope.KEYS_WRITE
ML = Role(frozenset({Scope.EXECUTIONS_READ_TENANT, Scope.EXECUTIONS_WRITE}), equals("workflow_name", "train"))
ROLES = {
    **DEFAULT_ROLES,
    "keys": Role(frozenset({KEYS})),
    "own": Role(frozenset({KEYS, Scope.EXECUTIONS_READ})),
    "ml": ML,
}


async def accept(_: Caller) -> None:
    """Nobody's token has been revoked."""


def keys_in(database: Database, recheck: Any = accept) -> AccessKeys:
    return AccessKeys(Reader(database, 5_000), b"x" * 32, recheck)


def caller(*scopes: str, user: str = "ada", tenant: str = "acme") -> Caller:
    return Caller(user, tenant, frozenset(scopes))


def with_roles(*roles: str, claimed: Sequence[str] = ()) -> Caller:
    access = access_of(roles, claimed, ROLES)
    return Caller("ada", "acme", access.scopes, roles, grants=access.grants, partial_scopes=access.partial_scopes)


async def stored(database: Database) -> list[dict[str, Any]]:
    return await database.collection(AccessKey).find().sort("_id").to_list()


async def test_a_key_is_stored_with_all_but_its_secret(database: Database):
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(days=5)

    made = await keys_in(database).make(
        caller(KEYS, WRITE, READ), NewAccessKey(" nightly ", [WRITE, READ, WRITE], None, expires)
    )

    (row,) = await stored(database)
    assert (row["tenant_id"], row["user_id"], row["made_by"], row["name"]) == ("acme", "ada", "ada", "nightly")
    assert (row["scopes"], row["expires_at"]) == ([READ, WRITE], expires)
    assert abs(row["created"] - datetime.now(UTC)) < timedelta(minutes=1)
    secret = made.text.rpartition("_")[2]
    assert secret not in str(row)
    assert secret not in repr(made)
    assert made.text.startswith(AccessKeyRecord(made.row).prefix)


async def test_a_key_expires_after_90_days_unless_another_time_is_given(database: Database):
    await keys_in(database).make(caller(KEYS, WRITE), NewAccessKey("nightly", [WRITE]))

    (row,) = await stored(database)
    assert abs(row["expires_at"] - row["created"] - timedelta(days=90)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("who", "scopes", "message"),
    [
        pytest.param(caller(WRITE, "manage"), [WRITE], "keys:write", id="manage alone makes none"),
        pytest.param(caller(KEYS), [WRITE], "executions:write", id="a scope that the maker lacks"),
        pytest.param(caller(KEYS, WRITE), [WRITE, CONTROL], "executions:control", id="one of two scopes"),
        pytest.param(caller(KEYS, WRITE), [READ], "executions:read", id="reading"),
        pytest.param(
            with_roles("keys", "ml"), [WRITE], "executions:write", id="writing, which a role with a filter gives"
        ),
        pytest.param(with_roles("keys", "ml"), [READ], "for some executions alone", id="reading through a filter"),
        pytest.param(
            with_roles("admin", claimed=[KEYS, WRITE]), [READ], "executions:read", id="a role that the token narrows"
        ),
        pytest.param(
            Caller("ada", "acme", frozenset(Scope) - {KEYS}, is_key=True), [WRITE], "access key", id="another key"
        ),
    ],
)
async def test_a_key_holds_no_more_than_its_maker_may_do(
    database: Database, who: Caller, scopes: list[str], message: str
):
    with pytest.raises(Forbidden, match=message):
        await keys_in(database).make(who, NewAccessKey("nightly", scopes))

    assert await stored(database) == []


@pytest.mark.parametrize(
    ("who", "scopes"),
    [
        pytest.param(with_roles("admin"), [WRITE, CONTROL, READ], id="an admin"),
        pytest.param(with_roles("own", "ml"), [READ], id="all of one's own beside a filter"),
        pytest.param(with_roles("admin", "ml"), [WRITE, CONTROL, READ], id="an admin with a filter beside"),
    ],
)
async def test_a_key_holds_what_its_maker_may_do(database: Database, who: Caller, scopes: list[str]):
    await keys_in(database).make(who, NewAccessKey("nightly", scopes))

    (row,) = await stored(database)
    assert row["scopes"] == sorted(scopes)


@pytest.mark.parametrize(
    ("who", "may"),
    [
        pytest.param(caller(KEYS, WRITE, READ), False, id="one who reads their own"),
        pytest.param(caller(KEYS, WRITE, "manage"), False, id="one who manages"),
        pytest.param(caller(KEYS, WRITE, READ, "executions:read:tenant"), True, id="one who reads the tenant"),
        pytest.param(
            with_roles("own", "ml", claimed=[KEYS, READ, WRITE, "executions:read:tenant"]), False, id="a part"
        ),
        pytest.param(with_roles("admin", "ml"), True, id="all of it beside a part"),
    ],
)
async def test_a_key_for_another_user_is_made_by_those_who_read_the_whole_tenant(
    database: Database,
    who: Caller,
    may: bool,  # noqa: FBT001 - the point of the test
):
    wanted = NewAccessKey("nightly", [WRITE] if who.may(Scope.EXECUTIONS_WRITE) else [READ], "grace")
    if not may:
        with pytest.raises(Forbidden, match="A key for another user"):
            await keys_in(database).make(who, wanted)
        assert await stored(database) == []
        return

    await keys_in(database).make(who, wanted)

    (row,) = await stored(database)
    assert (row["user_id"], row["made_by"], row["tenant_id"]) == ("grace", "ada", "acme")


NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scopes": []}, "A key needs a scope; choose from executions:write, executions:control, executions:read"),
        ({"scopes": ["executions:payload"]}, "executions:payload is no scope of a key"),
        ({"scopes": [WRITE, "keys:write"]}, "keys:write is no scope of a key"),
        ({"name": " "}, "a name of 1 to 100 characters"),
        ({"name": "a" * 101}, "a name of 1 to 100 characters"),
        ({"name": "a\nb"}, "without line breaks"),
        ({"name": "\ud800"}, "without line breaks"),
        ({"user": ""}, "The user of a key"),
        ({"user": "a" * 300}, "The user of a key"),
        ({"expires_at": NOW}, "expires in the future, and in a year at most"),
        ({"expires_at": NOW + MAX_LIFETIME + timedelta(days=1)}, "in a year at most"),
    ],
)
async def test_a_wrong_value_is_named(database: Database, changes: dict[str, Any], message: str):
    values: dict[str, Any] = {"name": "nightly", "scopes": [WRITE], "user": "grace", **changes}
    wanted = NewAccessKey(**values)

    with pytest.raises(BadUserInput, match=message):
        await keys_in(database).make(caller(*Scope), wanted)

    assert await stored(database) == []


async def listed(database: Database, who: Caller) -> list[str]:
    fields = frozenset({"_id", "name", "created"})
    page = await keys_in(database).list(who, PageRequest.of(first=100), PageSelection(fields=fields))
    return [str(row["_id"]) for row in page.rows]


async def test_one_sees_and_revokes_the_keys_that_one_made(database: Database):
    mine, for_me, others, elsewhere = [
        str((await made_key(database, user, maker=maker, tenant=tenant)).row["_id"])
        for user, maker, tenant in (
            ("grace", "ada", "acme"),
            ("ada", "grace", "acme"),
            ("grace", "grace", "acme"),
            ("ada", "ada", "globex"),
        )
    ]
    maker, manager = caller(KEYS), caller(KEYS, "manage", user="root")

    assert await listed(database, maker) == [mine]
    assert await listed(database, manager) == [others, for_me, mine]
    for who, hidden in ((maker, (for_me, others, elsewhere, "f" * 24, "nonsense", "")), (manager, (elsewhere,))):
        assert await keys_in(database).find_many(who, hidden) == {}
        for each in hidden:
            with pytest.raises(NotFound, match="There is no such key, or you may not see it"):
                await keys_in(database).revoke(who, each)
    assert [row for row in await stored(database) if "revoked_at" in row] == []
    assert AccessKeyRecord(await keys_in(database).revoke(maker, mine)).revoked_at is not None
    assert AccessKeyRecord(await keys_in(database).revoke(manager, others)).revoked_at is not None


@pytest.mark.parametrize("who", [caller("manage"), caller("audit:read", READ), caller()])
async def test_without_the_scope_no_key_is_seen_or_revoked(database: Database, who: Caller):
    key_id = str((await made_key(database, "ada")).row["_id"])

    for refused in (listed(database, who), keys_in(database).find_many(who, []), keys_in(database).revoke(who, key_id)):
        with pytest.raises(Forbidden, match="keys:write"):
            await refused
    with pytest.raises(Forbidden):
        keys_visible_to(who)


async def test_a_revocation_keeps_its_first_time_and_is_kept_until_the_key_has_expired(database: Database):
    key_id = str((await made_key(database, "ada")).row["_id"])

    first = await keys_in(database).revoke(caller(KEYS), key_id)
    again = await keys_in(database).revoke(caller(KEYS), key_id)

    (revocation,) = await read_revocations(database)
    (kept,) = await database.handle["access_revocations"].find().to_list()
    assert first["revoked_at"] == again["revoked_at"]
    assert revocation["token_id"] == f"em_{key_id}"
    assert kept["expires_at"] > (await stored(database))[0]["expires_at"]


async def test_a_token_that_is_revoked_while_it_makes_a_key_leaves_none(database: Database):
    async def refuse(_: Caller) -> None:
        assert len(await stored(database)) == 1
        raise Unauthenticated("revoked meanwhile")

    with pytest.raises(Unauthenticated, match="revoked meanwhile"):
        await keys_in(database, refuse).make(caller(KEYS, WRITE), NewAccessKey("nightly", [WRITE]))

    assert await stored(database) == []


@pytest.mark.parametrize(("tenant", "count"), [("acme", 2), (None, 3)])
async def test_what_was_made_by_or_for_a_user_is_revoked_in_one_tenant_or_in_all(
    database: Database, tenant: str | None, count: int
):
    for user, maker, where in (
        ("eve", "eve", "acme"),
        ("grace", "eve", "acme"),
        ("eve", "root", "globex"),
        ("grace", "root", "acme"),
    ):
        await made_key(database, user, maker=maker, tenant=where)

    assert await revoke_keys_of(database, "eve", tenant) == count

    spared = [
        (row["user_id"], row["made_by"], row["tenant_id"]) for row in await stored(database) if "revoked_at" not in row
    ]
    assert spared == [*([("eve", "root", "globex")] if tenant else []), ("grace", "root", "acme")]
    assert await revoke_keys_of(database, "eve", tenant) == 0


async def test_text_that_is_an_expression_to_mongodb_is_stored_as_text(database: Database):
    wanted = NewAccessKey("$user_id", [WRITE])

    await make_key(database, wanted, tenant="$tenant_id", user="$$NOW", maker="$name")

    (row,) = await stored(database)
    assert (row["name"], row["tenant_id"], row["user_id"], row["made_by"]) == (
        "$user_id",
        "$tenant_id",
        "$$NOW",
        "$name",
    )

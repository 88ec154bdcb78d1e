"""Access keys on the command line: made, listed and revoked, with a trail of who did it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from execution_monitor.auth.access_key_text import AccessKeyText
from execution_monitor.auth.access_key_verifier import AccessKeyVerifier
from execution_monitor.cli import keys as module
from execution_monitor.cli.keys import KeyOptions, create_key, list_keys, revoke_key
from execution_monitor.errors import AuditUnavailable, ExecutionMonitorError, SetupError, Unauthenticated
from execution_monitor.storage.database import Database
from execution_monitor.storage.server_documents import AccessKey, AuditEvent
from tests.support.access_keys import key_of, made_key

BY = "root (command line)"


def options(**changes: Any) -> KeyOptions:
    given: dict[str, Any] = {
        "user": "ada",
        "tenant": "acme",
        "name": "nightly",
        "scopes": ["executions:write"],
        "ttl": "30d",
        **changes,
    }
    return KeyOptions.from_command(**given)


async def refused(database: Database, text: str) -> bool:
    verifier = AccessKeyVerifier(database)
    try:
        await verifier.verify(text)
    except Unauthenticated:
        return True
    finally:
        await verifier.close()
    return False


async def test_a_key_that_is_made_is_accepted_and_recorded_without_its_secret(database: Database):
    made = await create_key(database, options(), by=BY, is_audited=True)

    verifier = AccessKeyVerifier(database)
    caller = await verifier.verify(made.text)
    await verifier.close()
    (event,) = await database.collection(AuditEvent).find().to_list()
    assert (caller.subject, caller.tenant, caller.scopes) == ("ada", "acme", {"executions:write"})
    assert caller.expires_at is not None
    assert abs(caller.expires_at - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
    assert (event["kind"], event["subject"], event["tenant_id"]) == ("access_key_created", BY, "acme")
    assert event["arguments"] == {
        "createAccessKey": {
            "accessKey": caller.token_id,
            "userId": "ada",
            "name": "nightly",
            "scopes": ["executions:write"],
        }
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scopes": ["executions:writ"]}, "executions:writ is no scope of a key; choose from executions:write"),
        ({"scopes": ["manage"]}, "manage is no scope of a key"),
        ({"ttl": "90"}, "90 is no duration; write a number and s, m, h or d"),
        ({"ttl": "400d"}, "A key may live for 366 days; choose a shorter --ttl."),
        ({"tenant": " "}, "The tenant must not be empty"),
        ({"user": " "}, "The user of a key has 1 to 256 characters"),
        ({"name": "a\tb"}, "Give the key a name of 1 to 100 characters without line breaks"),
    ],
)
async def test_a_mistake_is_one_sentence_and_makes_no_key(database: Database, changes: dict[str, Any], message: str):
    with pytest.raises(ExecutionMonitorError) as mistake:
        await create_key(database, options(**changes), by=BY, is_audited=True)

    assert mistake.value.message.startswith(message)
    assert await database.collection(AccessKey).count_documents({}) == 0


async def test_a_key_that_cannot_be_recorded_is_not_made(database: Database, monkeypatch: pytest.MonkeyPatch):
    async def fail(*_: object) -> None:
        raise AuditUnavailable("the trail is gone")

    monkeypatch.setattr(module, "record", fail)

    with pytest.raises(AuditUnavailable):
        await create_key(database, options(), by=BY, is_audited=True)

    assert await database.collection(AccessKey).count_documents({}) == 0


async def test_keys_are_listed_newest_first_with_their_state_and_without_their_secrets(database: Database):
    now = datetime.now(UTC)
    kept = [
        await made_key(database, "ada", last_used_at=datetime(2026, 11, 1, 12, tzinfo=UTC), created=now),
        await made_key(database, "grace", tenant="globex", revoked_at=now, created=now + timedelta(seconds=1)),
        await made_key(database, "ada", expires_at=now, created=now + timedelta(seconds=2)),
    ]

    lines = await list_keys(database, user=None, tenant=None)

    assert lines[0].endswith("SCOPES           MADE BY  EXPIRES (UTC)     LAST USED         STATE")
    assert [line.split()[0] for line in lines[1:]] == [each.text.rpartition("_")[0] for each in reversed(kept)]
    assert [line.split()[-1] for line in lines[1:]] == ["expired", "revoked", "valid"]
    assert "2026-11-01 12:00" in lines[3]
    assert len({line.index("nightly") for line in lines[1:]} | {lines[0].index("NAME")}) == 1
    for each in kept:
        assert each.text not in "\n".join(lines)


async def test_keys_of_a_user_or_a_tenant_are_listed_alone(database: Database):
    for user, tenant in (("ada", "acme"), ("ada", "globex"), ("grace", "acme")):
        await made_key(database, user, tenant=tenant)

    counts = [
        len(await list_keys(database, user=user, tenant=tenant)) - 1
        for user, tenant in ((None, None), ("ada", None), (None, "acme"), ("ada", "acme"), ("eve", None))
    ]

    assert counts == [3, 2, 2, 1, 0]


async def test_a_key_is_revoked_by_its_id_by_the_part_that_is_shown_or_by_all_of_it(database: Database):
    texts = [await key_of(database, user) for user in ("ada", "grace", "ben", "eve")]
    parsed = [AccessKeyText.parse(text) for text in texts]
    ids = [each.id for each in parsed if each is not None]

    for given in (ids[0], f"em_{ids[1]}", f" {texts[2]}\n"):
        await revoke_key(database, given, by=BY)

    assert [await refused(database, text) for text in texts] == [True, True, True, False]
    events = await database.collection(AuditEvent).find().sort("_id").to_list()
    assert [event["arguments"] for event in events] == [{"revoke": {"accessKey": f"em_{each}"}} for each in ids[:3]]
    assert {(event["kind"], event["subject"], event["tenant_id"]) for event in events} == {("revocation", BY, "acme")}


@pytest.mark.parametrize("given", ["nightly", "", "em_", "65f0000000000000000000a1", "em_65f0000000000000000000a1"])
async def test_what_names_no_key_is_refused_with_advice(database: Database, given: str):
    await made_key(database, "ada")

    with pytest.raises(SetupError, match="There is no such key; execution-monitor key list shows the ids of all keys"):
        await revoke_key(database, given, by=BY)

    assert await database.collection(AccessKey).count_documents({"revoked_at": {"$ne": None}}) == 0


async def test_a_key_is_revoked_though_that_cannot_be_recorded(database: Database, monkeypatch: pytest.MonkeyPatch):
    async def fail(*_: object) -> None:
        raise AuditUnavailable("the trail is gone")

    text = await key_of(database, "ada")
    monkeypatch.setattr(module, "record", fail)

    with pytest.raises(AuditUnavailable):
        await revoke_key(database, text, by=BY)

    assert await refused(database, text)

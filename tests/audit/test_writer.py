"""The audit trail as it is stored."""

import contextlib
import gc
import warnings
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo.write_concern import WriteConcern

from execution_monitor.audit.writer import AuditEvents
from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.storage.audit_events import AuditEvent
from execution_monitor.storage.database import Database, Row, open_database
from tests.support.mongod import SingleNodeReplicaSet

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = 86_400


def event(**fields: Any) -> Row:
    return {"_id": ObjectId(), "at": NOON, "kind": "query", "outcome": "succeeded", "codes": [], **fields}


async def stored(database: Database) -> list[Row]:
    return await database.collection(AuditEvent).find({}).sort("_id").to_list()


async def test_a_batch_is_kept(database: Database):
    rows = [event(tenant_id="acme"), event(tenant_id="globex")]

    refused = await AuditEvents(database).write(rows)

    assert (await stored(database), refused) == (rows, frozenset())


async def test_nothing_is_kept_of_nothing(database: Database):
    assert await AuditEvents(database).write([]) == frozenset()


async def test_what_is_sent_again_is_kept_once_as_it_was(database: Database):
    first, second = event(subject="ada"), event(subject="grace")
    await AuditEvents(database).write([first])

    refused = await AuditEvents(database).write([{**first, "subject": "eve"}, second])

    assert (await stored(database), refused) == ([first, second], frozenset())


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"a": object()}, id="of no type of BSON"),
        pytest.param({"a": 2**70}, id="too large a number"),
        pytest.param({"a": "x" * 17_000_000}, id="too large"),
    ],
)
async def test_an_event_that_cannot_be_stored_keeps_no_other_from_it(database: Database, arguments: Row):
    rows = [event(), event(arguments=arguments), event()]

    refused = await AuditEvents(database).write(rows)

    assert refused == {rows[1]["_id"]}
    assert await stored(database) == [rows[0], rows[2]]


async def test_an_event_that_the_database_will_never_take_is_told_from_the_others(database: Database):
    name = AuditEvent.get_collection_name()
    await database.handle.command("collMod", name, validator={"subject": {"$ne": "eve"}})
    rows = [event(subject="ada"), event(subject="eve")]
    try:
        refused = await AuditEvents(database).write(rows)
    finally:
        await database.handle.command("collMod", name, validator={})

    assert refused == {rows[1]["_id"]}
    assert await stored(database) == [rows[0]]


@pytest.fixture
def mongod(tmp_path: Path) -> Generator[SingleNodeReplicaSet]:
    """A MongoDB to be killed."""
    with warnings.catch_warnings(), contextlib.closing(SingleNodeReplicaSet(tmp_path)) as mongod:
        # PyMongo loses the socket of an attempt to connect that is cut off by closing the client.
        warnings.filterwarnings("ignore", "unclosed <socket", ResourceWarning)
        mongod.start()
        yield mongod
        gc.collect()


async def test_a_database_that_is_away_is_no_reason_to_give_up_an_event(
    mongod: SingleNodeReplicaSet, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("execution_monitor.storage.database.SERVER_SELECTION_TIMEOUT_MS", 500)
    row = event()

    async with open_database(mongod.uri, "audit") as database:
        await database.connect()
        mongod.kill()
        with pytest.raises(DatabaseUnavailable):
            await AuditEvents(database).write([row])
    mongod.start()
    monkeypatch.undo()
    async with open_database(mongod.uri, "audit") as database:
        await database.connect()
        await AuditEvents(database).write([row])

        assert await stored(database) == [row]


async def test_nothing_is_written_before_the_database_has_answered(mongodb_uri: str, database_name: str):
    async with open_database(mongodb_uri, database_name) as unconnected:
        with pytest.raises(DatabaseUnavailable):
            await AuditEvents(unconnected).write([event()])


async def test_an_event_that_no_majority_has_is_not_taken_for_written(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    # This set has a single member.
    monkeypatch.setattr("execution_monitor.audit.writer._DURABLY", WriteConcern(2, wtimeout=100))

    with pytest.raises(DatabaseUnavailable):
        await AuditEvents(database).write([event()])


async def indexes(database: Database) -> Row:
    return dict(await database.collection(AuditEvent).index_information())


async def test_events_expire_after_400_days(database: Database):
    found = (await indexes(database))["at"]

    assert (found["key"], found["expireAfterSeconds"]) == ([("at", 1)], 400 * DAY)


@pytest.mark.parametrize("days", [30, 800])
async def test_another_number_of_days_changes_the_index(database: Database, days: int):
    try:
        await replace(database, audit_days=days).prepare()
        changed = (await indexes(database))["at"]["expireAfterSeconds"]
    finally:
        await database.prepare()

    assert changed == days * DAY
    assert (await indexes(database))["at"]["expireAfterSeconds"] == 400 * DAY
    assert database.warnings == []


async def test_an_index_of_others_in_its_place_is_told(database: Database):
    events = database.collection(AuditEvent)
    await events.drop_index("at")
    await events.create_index([("subject", 1)], name="at")
    try:
        await database.prepare()
        warnings = list(database.warnings)
    finally:
        await events.drop_index("at")
        await database.prepare()

    assert [each.partition(":")[0] for each in warnings] == ["audit_events, index at"]
    assert database.warnings == []


async def test_each_index_is_what_a_list_of_the_trail_needs(database: Database):
    assert set(await indexes(database)) == {
        "_id_",
        "at",
        "tenant_id_at__id",
        "tenant_id_subject_at__id",
        "tenant_id_kind_at__id",
        "tenant_id_operation_name_at__id",
        "tenant_id_outcome_at__id",
        "tenant_id_codes_at__id",
        "tenant_id_execution_ids_at__id",
    }

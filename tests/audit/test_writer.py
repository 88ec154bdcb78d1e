"""Writing the audit trail to MongoDB: durable, idempotent, indexed, and limited in time."""

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

from execution_monitor.audit.writer import AuditWriter
from execution_monitor.errors import DatabaseUnavailable
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.rows import BsonDocument
from execution_monitor.storage.server_documents import AuditEvent
from tests.support.mongod import SingleNodeReplicaSet

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = 86_400


def event(**fields: Any) -> BsonDocument:
    return {"_id": ObjectId(), "at": NOON, "kind": "query", "outcome": "succeeded", "codes": [], **fields}


async def stored(database: Database) -> list[BsonDocument]:
    return await database.collection(AuditEvent).find({}).sort("_id").to_list()


async def test_a_batch_is_written(database: Database):
    rows = [event(tenant_id="acme"), event(tenant_id="globex")]

    refused = await AuditWriter(database).write(rows)

    assert (await stored(database), refused) == (rows, frozenset())


async def test_an_empty_batch_writes_nothing(database: Database):
    assert await AuditWriter(database).write([]) == frozenset()


async def test_an_event_that_is_sent_again_stays_as_it_is_stored(database: Database):
    first, second = event(subject="ada"), event(subject="grace")
    await AuditWriter(database).write([first])

    refused = await AuditWriter(database).write([{**first, "subject": "eve"}, second])

    assert (await stored(database), refused) == ([first, second], frozenset())


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"a": object()}, id="not of a BSON type"),
        pytest.param({"a": 2**70}, id="too large a number"),
        pytest.param({"a": "x" * 17_000_000}, id="too large"),
    ],
)
async def test_an_event_that_cannot_be_stored_does_not_affect_the_others(database: Database, arguments: BsonDocument):
    rows = [event(), event(arguments=arguments), event()]

    refused = await AuditWriter(database).write(rows)

    assert refused == {rows[1]["_id"]}
    assert await stored(database) == [rows[0], rows[2]]


async def test_an_event_that_the_database_refuses_for_good_is_returned(database: Database):
    name = AuditEvent.get_collection_name()
    await database.handle.command("collMod", name, validator={"subject": {"$ne": "eve"}})
    rows = [event(subject="ada"), event(subject="eve")]
    try:
        refused = await AuditWriter(database).write(rows)
    finally:
        await database.handle.command("collMod", name, validator={})

    assert refused == {rows[1]["_id"]}
    assert await stored(database) == [rows[0]]


@pytest.fixture
def mongod(tmp_path: Path) -> Generator[SingleNodeReplicaSet]:
    """A MongoDB that a test kills."""
    with warnings.catch_warnings(), contextlib.closing(SingleNodeReplicaSet(tmp_path)) as mongod:
        # PyMongo leaks the socket of a connection attempt that closing the client interrupts.
        warnings.filterwarnings("ignore", "unclosed <socket", ResourceWarning)
        mongod.start()
        yield mongod
        gc.collect()


async def test_an_event_can_be_written_after_the_database_was_unavailable(
    mongod: SingleNodeReplicaSet, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("execution_monitor.storage.database.SERVER_SELECTION_TIMEOUT_MS", 500)
    row = event()

    async with open_database(mongod.uri, "audit") as database:
        await database.connect()
        mongod.kill()
        with pytest.raises(DatabaseUnavailable):
            await AuditWriter(database).write([row])
    mongod.start()
    monkeypatch.undo()
    async with open_database(mongod.uri, "audit") as database:
        await database.connect()
        await AuditWriter(database).write([row])

        assert await stored(database) == [row]


async def test_nothing_is_written_before_the_database_is_connected(mongodb_uri: str, database_name: str):
    async with open_database(mongodb_uri, database_name) as unconnected:
        with pytest.raises(DatabaseUnavailable):
            await AuditWriter(unconnected).write([event()])


async def test_an_event_that_no_majority_has_does_not_count_as_written(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    # This set has a single member.
    monkeypatch.setattr("execution_monitor.audit.writer._DURABLY", WriteConcern(2, wtimeout=100))

    with pytest.raises(DatabaseUnavailable):
        await AuditWriter(database).write([event()])


async def indexes(database: Database) -> BsonDocument:
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


async def test_another_index_of_the_same_name_is_a_warning(database: Database):
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


async def test_the_trail_has_the_indexes_that_its_lists_need(database: Database):
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

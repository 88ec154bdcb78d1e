"""Access to MongoDB as the command `database` gives it, tried out on a real server that authenticates its users."""

import json
import os
import re
from collections.abc import AsyncGenerator, Callable, Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure
from pymongo.uri_parser import parse_uri

from execution_monitor.app import create_app
from execution_monitor.cli.database import describe_access
from execution_monitor.cli.purposes import Purpose
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.database_roles import EXECUTION_COLLECTIONS
from execution_monitor.storage.documents import DOCUMENTS, Execution
from execution_monitor.storage.revocations import revoke
from execution_monitor.storage.server_documents import SERVER_DOCUMENTS, AuditEvent
from tests.graphql.transport.test_event_streams import cursor_now, lines_until, streamed
from tests.support.client import execute
from tests.support.documents import execution
from tests.support.servers import served, wait_until_ready
from tests.support.tokens import token_of

Row = dict[str, Any]
Act = Callable[[Any], Any]


def name_of(document: Any) -> str:
    """The collection of `document`, which Beanie tells only once it is connected."""
    return document.Settings.name


# What the server alone may touch, and what it may keep one day.
OTHERS = (*map(name_of, SERVER_DOCUMENTS), "settings", "rate_limit_windows")
WRITES: dict[str, Act] = {
    "insert": lambda rows: rows.insert_one({"execution_id": "e", "tenant_id": "acme"}),
    "update": lambda rows: rows.update_one({"execution_id": "e"}, {"$set": {"name": "x"}}, upsert=True),
    "replace": lambda rows: rows.find_one_and_replace({"execution_id": "e"}, {"execution_id": "e"}),
    "delete": lambda rows: rows.delete_many({"execution_id": "e"}),
}
READS: dict[str, Act] = {
    "find": lambda rows: rows.find_one({}),
    "aggregate": lambda rows: list(rows.aggregate([{"$count": "n"}])),
}
CHANGES: dict[str, Act] = {
    "create an index": lambda rows: rows.create_index("name"),
    "drop an index": lambda rows: rows.drop_index("_id_"),
    "drop": lambda rows: rows.drop(),
    "rename": lambda rows: rows.rename("other"),
    "write elsewhere": lambda rows: list(rows.aggregate([{"$out": "access_revocations"}])),
    "read elsewhere": lambda rows: list(rows.aggregate([{"$unionWith": "access_revocations"}])),
    "join elsewhere": lambda rows: list(
        rows.aggregate([{"$lookup": {"from": "audit_events", "pipeline": [], "as": "events"}}])
    ),
}
COMMANDS: dict[str, Act] = {
    "watch the database": lambda database: database.watch(),
    "read the options of the server": lambda database: database.client.admin.command("getCmdLineOpts"),
    "read the parameters of the server": lambda database: database.client.admin.command({"getParameter": "*"}),
    "read the users": lambda database: database.command("usersInfo", 1),
    "create a user": lambda database: database.command({"createUser": "mallory", "pwd": "x", "roles": []}),
    "change another's password": lambda database: database.command({"updateUser": "execution-monitor", "pwd": "x"}),
    "read another database": lambda database: database.client["other"]["rows"].find_one({}),
    "read the oplog": lambda database: database.client["local"]["oplog.rs"].find_one({}),
    "drop the database": lambda database: database.client.drop_database(database.name),
}


@pytest.fixture
def connected_as(database: Database, database_name: str) -> Generator[Callable[[Purpose], Any]]:
    """`connected_as(purpose)`: the database, opened with the connection string that the command prints."""
    clients = list[MongoClient[Row]]()
    # The MongoDB of the whole run; its other users keep it.
    settings = Settings(data_dir=Path(os.environ["TEST_DATA_DIR"]), database=database_name)

    def connect(purpose: Purpose) -> Any:
        client = MongoClient[Row](describe_access(settings, purpose))
        clients.append(client)
        return client.get_default_database()

    yield connect
    for client in clients:
        client.close()


def refused(act: Act, target: Any) -> bool:
    try:
        act(target)
    except OperationFailure as error:
        return error.code == 13 or "not authorized" in str(error)
    return False


def names_of_refused(acts: dict[str, Act], target: Any) -> set[str]:
    return {name for name, act in acts.items() if refused(act, target)}


def test_the_collections_of_the_roles_are_those_of_executions():
    assert tuple(map(name_of, DOCUMENTS)) == EXECUTION_COLLECTIONS


def test_an_engine_writes_executions_steps_and_log_lines_and_touches_nothing_else(
    connected_as: Callable[[Purpose], Any],
):
    engine = connected_as(Purpose.ENGINE)

    for name in EXECUTION_COLLECTIONS:
        assert names_of_refused({**WRITES, **READS}, engine[name]) == set()
        assert names_of_refused(CHANGES, engine[name]) == set(CHANGES)
    for name in OTHERS:
        assert names_of_refused({**WRITES, **READS, "drop": CHANGES["drop"]}, engine[name]) == {*WRITES, *READS, "drop"}
    assert names_of_refused(COMMANDS, engine) == set(COMMANDS)


def test_a_reader_reads_executions_steps_and_log_lines_and_writes_nothing(connected_as: Callable[[Purpose], Any]):
    reader = connected_as(Purpose.READER)
    shown: dict[str, Act] = {"indexes": lambda rows: rows.index_information(), **READS}

    for name in EXECUTION_COLLECTIONS:
        assert names_of_refused({**WRITES, **shown}, reader[name]) == set(WRITES)
        assert names_of_refused(CHANGES, reader[name]) == set(CHANGES)
    for name in OTHERS:
        assert names_of_refused({**WRITES, **shown}, reader[name]) == {*WRITES, *shown}
    assert names_of_refused(COMMANDS, reader) == set(COMMANDS)


@pytest.fixture
async def granted(
    mongodb_uri: str, database_name: str
) -> AsyncGenerator[tuple[AsyncDatabase[Row], dict[Purpose, str]]]:
    """An empty database where root has run the printed commands, and the connection string of each user."""
    name = f"{database_name}_granted"
    printed = describe_access(Settings(mongodb_uri=SecretStr(mongodb_uri), database=name), None)
    found = re.findall(r'^db\.getSiblingDB\("(\w+)"\)\.(createRole|createUser)\((.+)\)$', printed, re.MULTILINE)
    parsed = parse_uri(mongodb_uri)
    (host, port), options = parsed["nodelist"][0], f"replicaSet={parsed['options']['replicaSet']}&authSource={name}"
    async with AsyncMongoClient[Row](mongodb_uri) as root:
        for where, command, text in found:
            definition = json.loads(text.replace("passwordPrompt()", '"secret"'))
            subject = definition.pop("role" if command == "createRole" else "user")
            await root[where].command(command, subject, **definition)
        yield (
            root[name],
            {each: f"mongodb://execution-monitor-{each.value}:secret@{host}:{port}/?{options}" for each in Purpose},
        )
        await root[name].command("dropAllUsersFromDatabase")
        await root[name].command("dropAllRolesFromDatabase")
        await root.drop_database(name)


async def test_the_printed_roles_suffice_for_the_server_and_an_engine(
    granted: tuple[AsyncDatabase[Row], dict[Purpose, str]], settings: Settings
):
    root, uris = granted
    own = settings.model_copy(
        update={
            "mongodb_uri": SecretStr(uris[Purpose.SERVER]),
            "database": root.name,
            "rate_limit_store": "mongodb",
            "audit": "strict",
        }
    )
    token = token_of("ada")
    async with AsyncMongoClient[Row](uris[Purpose.ENGINE]) as engine:
        # Before the server, so that its collection has no images yet.
        await engine[root.name]["workflow_executions"].insert_one(execution(1))

        async with served(create_app(own)) as url:
            await wait_until_ready(url)
            after = await cursor_now(url, token)
            await engine[root.name]["workflow_executions"].insert_one(execution(2))
            async with streamed(
                url,
                token,
                "text/event-stream",
                "subscription Q($after: String) { executionUpdates(after: $after) { executionId } }",
                after=after,
            ) as response:
                (event,) = await lines_until(response, 1, "data: ")
            listed = (await execute(url, token, "{ executions { nodes { executionId } totalCount } }")).data[
                "executions"
            ]

    assert event["data"]["executionUpdates"]["executionId"] == "e002"
    assert listed == {"nodes": [{"executionId": "e002"}, {"executionId": "e001"}], "totalCount": 2}
    assert await root[name_of(AuditEvent)].count_documents({}) >= 3
    assert "rate_limit_windows" in await root.list_collection_names()


async def test_the_printed_role_suffices_to_change_what_is_there_and_to_revoke_tokens(
    granted: tuple[AsyncDatabase[Row], dict[Purpose, str]],
):
    root, uris = granted
    async with open_database(uris[Purpose.SERVER], root.name) as database:
        await database.connect()
        await database.prepare()
        database.audit_days = 30
        # An index of an earlier version, which the server drops.
        await root["workflow_executions"].create_index("name", name="retired")
        await root.command("collMod", "execution_logs", changeStreamPreAndPostImages={"enabled": False})

        await database.prepare()
        await database.handle["workflow_executions"].drop_index("retired")
        await revoke(subject="ada", keep=timedelta(days=1))
        await database.collection(Execution).delete_many({})

        assert database.warnings == []
    (logs,) = [each async for each in await root.list_collections(filter={"name": "execution_logs"})]
    assert logs["options"]["changeStreamPreAndPostImages"] == {"enabled": True}
    expiry = (await root[name_of(AuditEvent)].index_information())["at"]["expireAfterSeconds"]
    assert expiry == 30 * 86_400

"""The connection: prepared whatever was there before, and open about what is in the way."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from bson import DatetimeMS
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    NetworkTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
)
from structlog.testing import capture_logs

from execution_monitor.errors import DatabaseUnavailable, SetupError
from execution_monitor.storage import database as database_module
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import DOCUMENTS, Execution
from execution_monitor.storage.indexes import indexes_of
from execution_monitor.storage.mongodb_errors import SHARD_DOWN, explain
from execution_monitor.storage.retired_indexes import RETIRED_INDEXES
from execution_monitor.storage.server_documents import SERVER_DOCUMENTS
from tests.storage.bson_codec import CODEC
from tests.support.mongod import SingleNodeReplicaSet

UNREACHABLE = "MongoDB cannot be reached; check that it runs and that EXECUTION_MONITOR_MONGODB_URI is right."
NO_PERMISSION = (
    "The MongoDB user lacks a permission; grant it the role that `execution-monitor database --for server` prints."
)
IN_THE_WAY = "An index or document that exists already stands in the way; see the server's log."
NO_DISK = "MongoDB has not enough disk left; free some space where it keeps its data."
REFUSED = "MongoDB refused the user or password in EXECUTION_MONITOR_MONGODB_URI."


@pytest.fixture
async def bare(mongodb_uri: str, database_name: str) -> AsyncGenerator[Database]:
    """A database in which there is nothing at all."""
    async with open_database(mongodb_uri, f"{database_name}_bare") as database:
        await database.client.drop_database(database.handle)
        yield database
    async with open_database(mongodb_uri, f"{database_name}_bare") as database:
        await database.client.drop_database(database.handle)


async def test_preparing_creates_collections_images_and_indexes(bare: Database) -> None:
    await bare.connect()

    await bare.prepare()

    assert bare.warnings == []
    await _check_prepared(bare)


async def test_while_indexes_are_created_a_warning_says_that_lists_are_slow(tmp_path: Path) -> None:
    with contextlib.closing(SingleNodeReplicaSet(tmp_path)) as mongod:
        mongod.start()
        async with open_database(mongod.uri, "large") as database:
            await database.connect()
            await database.collection(Execution).insert_one({"tenant_id": "acme", "execution_id": "one"})
            admin = database.client.admin
            await admin.command("configureFailPoint", "hangAfterStartingIndexBuild", mode="alwaysOn")

            preparing = asyncio.create_task(database.prepare())
            async with asyncio.timeout(20):
                while not database.warnings:  # noqa: ASYNC110 - there is no event to wait for
                    await asyncio.sleep(0.01)
            meanwhile = list(database.warnings)
            await admin.command("configureFailPoint", "hangAfterStartingIndexBuild", mode="off")
            async with asyncio.timeout(20):
                await preparing

            assert meanwhile == ["Indexes are being made; lists are slow until they are there."]
            assert database.warnings == []
            await _check_prepared(database)


async def test_preparing_again_changes_nothing(bare: Database) -> None:
    await bare.connect()
    await bare.prepare()

    await bare.prepare()

    assert bare.warnings == []
    await _check_prepared(bare)


async def test_collections_that_an_engine_made_are_kept_and_get_what_they_lack(bare: Database) -> None:
    await bare.handle.get_collection("workflow_executions").insert_one({"execution_id": "theirs"})
    await bare.connect()

    await bare.prepare()

    await _check_prepared(bare)
    assert await bare.collection(Execution).count_documents({"execution_id": "theirs"}) == 1


async def test_servers_that_start_together_prepare_together(mongodb_uri: str, bare: Database) -> None:
    await bare.handle.get_collection("workflow_executions").create_indexes(list(RETIRED_INDEXES[Execution]))
    await bare.handle.get_collection("workflow_executions").insert_one({"tenant_id": "acme", "execution_id": "one"})
    async with contextlib.AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(open_database(mongodb_uri, bare.handle.name)) for _ in range(4)]
        await asyncio.gather(*(server.connect() for server in servers))

        await asyncio.gather(*(server.prepare() for server in servers))

        assert [server.warnings for server in servers] == [[], [], [], []]
    await bare.connect()
    await _check_prepared(bare)


async def test_duplicates_are_reported_and_the_other_indexes_are_built(bare: Database) -> None:
    twice = [{"tenant_id": "acme", "execution_id": "same"} for _ in range(2)]
    await bare.handle.get_collection("workflow_executions").insert_many(twice)
    await bare.connect()

    await bare.prepare()

    assert bare.warnings == [f"workflow_executions, index tenant_id_execution_id: {IN_THE_WAY}"]
    assert "tenant_id_created__id" in await bare.collection(Execution).index_information()


async def test_an_index_under_another_name_is_that_index(bare: Database) -> None:
    executions, events = (bare.handle.get_collection(name) for name in ("workflow_executions", "audit_events"))
    await executions.create_index([("tenant_id", 1), ("execution_id", 1)], unique=True, name="theirs")
    # As the shell writes numbers.
    by_time = {"key": {"tenant_id": 1.0, "created": 1.0, "_id": 1.0}, "name": "the shell's"}
    await bare.handle.command("createIndexes", "workflow_executions", indexes=[by_time])
    await events.create_index([("at", 1)], expireAfterSeconds=5, name="theirs")
    await bare.connect()

    await bare.prepare()

    known = await executions.index_information()
    expiry = (await events.index_information())["theirs"]["expireAfterSeconds"]
    assert bare.warnings == []
    assert {"theirs", "the shell's"} < set(known)
    assert not {"tenant_id_execution_id", "tenant_id_created__id"} & set(known)
    assert expiry == bare.audit_days * 86_400


async def test_an_index_of_the_same_key_that_is_not_unique_is_another(bare: Database) -> None:
    executions = bare.handle.get_collection("workflow_executions")
    await executions.create_index([("tenant_id", 1), ("execution_id", 1)])
    await bare.connect()

    await bare.prepare()

    known = await executions.index_information()
    assert bare.warnings == []
    assert known["tenant_id_execution_id"]["unique"]


async def test_indexes_that_former_versions_made_are_dropped_and_those_of_others_stay(bare: Database) -> None:
    executions = bare.handle.get_collection("workflow_executions")
    retired = list(RETIRED_INDEXES[Execution])
    await executions.create_indexes(retired)
    names = [index.document["name"] for index in retired]
    # An operator's own: one that has another key now under a name of ours, and one that has our key under another name.
    for name in names[:2]:
        await executions.drop_index(name)
    await executions.create_index([("tenant_id", 1), ("their_field", 1)], name=names[0])
    await executions.create_index(list(retired[1].document["key"].items()), name="theirs")
    await bare.connect()

    await bare.prepare()

    known = await executions.index_information()
    declared = {index.document["name"] for index in indexes_of(Execution)}
    assert bare.warnings == []
    assert set(known) == {"_id_", names[0], "theirs", *declared}


async def test_former_indexes_stay_until_the_new_ones_are_there(bare: Database) -> None:
    executions = bare.handle.get_collection("workflow_executions")
    await executions.create_indexes(list(RETIRED_INDEXES[Execution]))
    await executions.insert_many([{"_id": place, "tenant_id": "acme", "execution_id": "same"} for place in range(2)])
    former = {index.document["name"] for index in RETIRED_INDEXES[Execution]}
    await bare.connect()

    await bare.prepare()
    while_one_is_missing = set(await executions.index_information())
    await executions.delete_one({"_id": 1})
    await bare.prepare()

    assert former < while_one_is_missing
    assert bare.warnings == []
    await _check_prepared(bare)


def test_no_index_is_both_declared_and_retired() -> None:
    for document, retired in RETIRED_INDEXES.items():
        declared = {index.document["name"] for index in document.Settings.indexes}  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType] - Beanie's
        assert declared
        assert not declared & {index.document["name"] for index in retired}


async def test_mongodbs_reason_is_reported_until_it_no_longer_holds(tmp_path: Path) -> None:
    mongod = SingleNodeReplicaSet(tmp_path)
    try:
        await asyncio.to_thread(mongod.start)
        async with open_database(mongod.uri, "full") as database:
            await database.connect()
            fail = {"configureFailPoint": "failCommand", "mode": "alwaysOn"}
            full = {"failCommands": ["createIndexes"], "errorCode": 14031}
            await database.client.admin.command({**fail, "data": full})

            await database.prepare()
            while_full = list(database.warnings)
            await database.client.admin.command({**fail, "mode": "off"})
            await database.prepare()

            assert len(while_full) > len(DOCUMENTS)
            assert all(each.endswith(NO_DISK) for each in while_full), while_full
            assert database.warnings == []
    finally:
        mongod.close()


async def test_a_database_without_collections_is_not_ready_and_a_first_start_warns_of_nothing(bare: Database) -> None:
    said: list[list[str]] = []
    await bare.connect()
    with pytest.raises(DatabaseUnavailable) as early:
        await bare.check()

    preparing = asyncio.create_task(bare.prepare())
    while not preparing.done():
        said.append(bare.warnings)
        await asyncio.sleep(0)
    await preparing
    await bare.check()

    assert early.value.message == "The collections are being made."
    assert not any(said)


async def test_a_connection_that_is_lost_while_preparing_is_reported(bare: Database) -> None:
    await bare.connect()
    await bare.close()

    await bare.prepare()

    names = [document.get_collection_name() for document in DOCUMENTS]
    assert [warning.partition(":")[0] for warning in bare.warnings] == [
        *names,
        "alerts",
        *(f"{name}, indexes" for name in names),
        *(f"{each.get_collection_name()}, indexes" for each in SERVER_DOCUMENTS if indexes_of(each)),
        "audit_events, index at",
    ]


@pytest.fixture
async def reader(mongodb_uri: str, database: Database) -> AsyncIterator[Database]:
    """The database as someone sees it who may only read it."""
    options: Any = await database.client.admin.command("getCmdLineOpts") if "@" in mongodb_uri else {}
    if not options.get("parsed", {}).get("security"):
        pytest.skip("this MongoDB lets everyone do everything")
    user, role = "reader", {"role": "read", "db": database.handle.name}
    await database.handle.command("createUser", user, pwd="secret", roles=[role])  # noqa: S106 - of this test
    parts = urlsplit(mongodb_uri)
    uri = f"mongodb://{user}:secret@{parts.netloc.rpartition('@')[2]}/?authSource={database.handle.name}"
    try:
        async with open_database(uri, database.handle.name) as found:
            yield found
    finally:
        await database.handle.command("dropUser", user)


async def test_a_user_without_permission_sees_what_it_lacks_and_can_read(reader: Database) -> None:
    await reader.connect()

    await reader.prepare()

    assert len(reader.warnings) > len(DOCUMENTS)
    assert all(NO_PERMISSION in warning for warning in reader.warnings)
    assert await reader.collection(Execution).count_documents({}) == 0


async def test_a_wrong_password_is_reported(reader: Database, mongodb_uri: str) -> None:
    parts = urlsplit(mongodb_uri)
    uri = f"mongodb://reader:wrong@{parts.netloc.rpartition('@')[2]}/?authSource={reader.handle.name}"

    async with open_database(uri, reader.handle.name) as stranger:
        with pytest.raises(DatabaseUnavailable) as trouble:
            await stranger.connect()

    assert trouble.value.message == REFUSED


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        pytest.param(ServerSelectionTimeoutError("db-7.internal:27017"), UNREACHABLE, id="no server"),
        pytest.param(AutoReconnect("db-7.internal:27017"), UNREACHABLE, id="a lost connection"),
        pytest.param(NetworkTimeout("db-7.internal:27017"), UNREACHABLE, id="silence"),
        pytest.param(ConfigurationError("db-7.internal has no SRV record"), UNREACHABLE, id="no such name"),
        pytest.param(OperationFailure("not authorized on db", 13), NO_PERMISSION, id="no permission"),
        pytest.param(OperationFailure("Authentication failed.", 18), REFUSED, id="a wrong password"),
        pytest.param(OperationFailure("E11000 a: 1", 11000), IN_THE_WAY, id="duplicates"),
        pytest.param(OperationFailure("same name", 86), IN_THE_WAY, id="another index of that name"),
        pytest.param(OperationFailure("no space on db-7.internal", 14031), NO_DISK, id="a full disk"),
        pytest.param(OperationFailure("db-7.internal is gone", 133), SHARD_DOWN, id="a shard that is down"),
        pytest.param(
            OperationFailure("db-7.internal says no", 1),
            "MongoDB answered with OperationFailure; see the server's log.",
            id="anything else",
        ),
    ],
)
def test_trouble_is_explained_without_hosts_and_values(error: Any, sentence: str) -> None:
    assert explain(error) == sentence


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("", id="nothing"),
        pytest.param("postgres://localhost", id="another database"),
        pytest.param("mongodb://a:b:c@localhost", id="a password that is not escaped"),
        pytest.param("mongodb://localhost:999999", id="an impossible port"),
        pytest.param("mongodb://a,b/?directConnection=true", id="options that contradict each other"),
    ],
)
def test_what_is_no_connection_string_is_refused_with_a_sentence(uri: str) -> None:
    with pytest.raises(
        SetupError, match=r"^EXECUTION_MONITOR_MONGODB_URI is not a MongoDB connection string: .*[^.]\.$"
    ):
        Database.at(uri, "test")


@pytest.mark.parametrize(
    ("uri", "hosts"),
    [
        ("mongodb://ada:s%40cret@a.internal:27017,b.internal/?replicaSet=rs0", "a.internal:27017,b.internal"),
        ("mongodb+srv://ada:secret@cluster.internal/test", "cluster.internal"),
        ("mongodb://localhost", "localhost"),
    ],
)
def test_hosts_are_known_without_user_and_password(uri: str, hosts: str) -> None:
    assert Database.at(uri, "test").hosts == hosts


async def test_nothing_is_read_before_the_first_connection(bare: Database) -> None:
    with pytest.raises(DatabaseUnavailable, match="has not answered yet"):
        bare.collection(Execution)
    with pytest.raises(DatabaseUnavailable, match="has not answered yet"):
        await bare.check()


async def test_a_database_that_answers_passes_its_check(database: Database) -> None:
    await database.check()

    assert database.trouble is None


async def test_a_date_beyond_the_calendar_fails_no_read(database: Database) -> None:
    collection = database.collection(Execution)
    await collection.insert_one({"execution_id": "odd", "created": DatetimeMS(2**62)})

    row = await collection.find_one({"execution_id": "odd"})

    assert row is not None
    assert row["created"] == DatetimeMS(2**62)


def test_tests_decode_as_the_client_does() -> None:
    assert Database.at("mongodb://localhost", "test").handle.codec_options == CODEC


async def test_an_unreachable_database_is_reported(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.setattr(database_module, "SERVER_SELECTION_TIMEOUT_MS", 50)
    async with open_database(f"mongodb://127.0.0.1:{closed_port}", "test") as database:
        with pytest.raises(DatabaseUnavailable) as trouble:
            await database.connect()

        assert trouble.value.message == UNREACHABLE
        with pytest.raises(DatabaseUnavailable) as still:
            database.collection(Execution)
        assert still.value.message == UNREACHABLE


async def test_preparing_waits_for_a_database_that_appears_later(
    monkeypatch: pytest.MonkeyPatch, mongodb_uri: str, bare: Database
) -> None:
    monkeypatch.setattr(database_module, "SERVER_SELECTION_TIMEOUT_MS", 50)
    monkeypatch.setattr(database_module, "_RETRY_SECONDS", (0.01,))
    attempts = _ends_of(monkeypatch, "connect")

    async with _doorway(mongodb_uri) as (uri, opened), open_database(uri, bare.handle.name) as database:
        with capture_logs() as logs:
            preparing = asyncio.create_task(database.prepare_until_done())
            for _ in range(2):
                await asyncio.wait_for(attempts.acquire(), 10)
        assert database.trouble == UNREACHABLE
        # The host, but neither user nor password.
        hosts = urlsplit(uri).netloc.rpartition("@")[2]
        assert logs[0] == {
            "event": "database_unavailable",
            "log_level": "warning",
            "reason": UNREACHABLE,
            "hosts": hosts,
        }
        opened.set()
        await asyncio.wait_for(preparing, 30)

        assert database.trouble is None
        assert database.warnings == []
        await _check_prepared(database)


async def test_preparing_goes_on_until_nothing_is_in_the_way(monkeypatch: pytest.MonkeyPatch, bare: Database) -> None:
    monkeypatch.setattr(database_module, "_RETRY_SECONDS", (0.01,))
    attempts = _ends_of(monkeypatch, "prepare")
    twice = [{"_id": place, "tenant_id": "acme", "execution_id": "same"} for place in range(2)]
    await bare.handle.get_collection("workflow_executions").insert_many(twice)

    preparing = asyncio.create_task(bare.prepare_until_done())
    await asyncio.wait_for(attempts.acquire(), 30)
    assert bare.warnings == [f"workflow_executions, index tenant_id_execution_id: {IN_THE_WAY}"]
    await bare.collection(Execution).delete_one({"_id": 1})
    await asyncio.wait_for(preparing, 30)

    assert bare.warnings == []
    await _check_prepared(bare)


async def test_preparing_can_be_given_up(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.setattr(database_module, "SERVER_SELECTION_TIMEOUT_MS", 50)
    attempts = _ends_of(monkeypatch, "connect")

    async with open_database(f"mongodb://127.0.0.1:{closed_port}", "test") as database:
        preparing = asyncio.create_task(database.prepare_until_done())
        await asyncio.wait_for(attempts.acquire(), 10)
        preparing.cancel()

        with pytest.raises(asyncio.CancelledError):
            await preparing


def _ends_of(monkeypatch: pytest.MonkeyPatch, name: str) -> asyncio.Semaphore:
    """A semaphore that is released whenever the database's method `name` ends, well or not."""
    ends, method = asyncio.Semaphore(0), getattr(Database, name)

    async def run_and_tell(database: Database) -> None:
        try:
            await method(database)
        finally:
            ends.release()

    monkeypatch.setattr(Database, name, run_and_tell)
    return ends


@contextlib.asynccontextmanager
async def _doorway(uri: str) -> AsyncGenerator[tuple[str, asyncio.Event]]:
    """A way to the server at `uri` that hangs up on everyone until it is opened."""
    parts, opened = urlsplit(uri), asyncio.Event()
    login, _, address = parts.netloc.rpartition("@")
    host, _, port = address.partition(":")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()

    async def admit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not opened.is_set():
            writer.close()
            return
        from_server, to_server = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pass_on(reader, to_server), pass_on(from_server, writer))

    async with await asyncio.start_server(admit, "127.0.0.1", 0) as doorway:
        own_address = f"127.0.0.1:{doorway.sockets[0].getsockname()[1]}"
        source = "&authSource=admin" if login else ""
        yield f"mongodb://{login}{'@' if login else ''}{own_address}/?directConnection=true{source}", opened


async def _check_prepared(database: Database) -> None:
    collections = {each["name"]: each["options"] async for each in await database.handle.list_collections()}
    for document in DOCUMENTS:
        assert collections[document.get_collection_name()]["changeStreamPreAndPostImages"] == {"enabled": True}
        built = await database.collection(document).index_information()
        declared = {index.document["name"]: index.document for index in indexes_of(document)}
        assert set(built) == {"_id_", *declared}
        for name, index in declared.items():
            assert built[name]["key"] == list(index["key"].items())
            assert built[name].get("unique", False) == index.get("unique", False)
            assert built[name].get("partialFilterExpression") == index.get("partialFilterExpression")

"""What we depend on: every import is declared, and what we subclass or reach into is there, in the versions allowed.

When a test here fails after an upper bound of pyproject.toml was raised, read what has changed in the class it names.
"""

import ast
import dataclasses
import inspect
import sys
import textwrap
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, cast

import pytest
import uvicorn
from bson import Timestamp
from graphql import GraphQLResolveInfo, GraphQLSchema
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from pymongo.asynchronous.command_cursor import AsyncCommandCursor
from strawberry import Info
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from execution_monitor.graphql.schema import create_schema
from execution_monitor.server.http_protocol import HttpProtocol
from execution_monitor.server.uvicorn_server import Server
from execution_monitor.server.websocket_protocol import WebSocketProtocol
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "execution_monitor"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = {
    canonicalize_name(each.name): each
    for each in map(Requirement, [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["tracing"]])
}
# Those that no module imports, and why they are there.
NAMED = {
    "google-re2": "own_patterns imports it by its name, where patterns are configured",
    "uvloop": "uvicorn loads it by the name of its event loop",
}
# Of the distributions of one namespace those that are declared, and bring the rest.
OPENTELEMETRY = {"opentelemetry-exporter-otlp-proto-http", "opentelemetry-proto", "opentelemetry-sdk"}

# What our subclasses use of uvicorn's objects, which document none of it, and which of their methods they replace.
RELIED_ON = {
    (HttpProtocol, HttpToolsProtocol): {
        *("app_state", "client", "connections", "cycle", "flow", "headers", "parser", "pipeline", "scope"),
        *("server_state", "transport", "url", "_start_asgi_task"),
        *("connection_made", "connection_lost", "data_received", "pause_writing", "resume_writing", "shutdown"),
        *("handle_websocket_upgrade", "on_headers_complete", "on_body", "on_message_complete", "on_response_complete"),
    },
    (WebSocketProtocol, WebSocketsSansIOProtocol): {
        *("app_state", "close_sent", "close_timer", "conn", "disconnected", "handshake_complete", "loop", "queue"),
        *("pending_ping_payload", "read_paused", "scope", "stop_keepalive", "transport"),
        *("connection_lost", "data_received", "pause_writing", "resume_writing", "shutdown"),
        *("handle_parser_exception", "run_asgi", "send"),
    },
    (Server, uvicorn.Server): {
        *("force_exit", "lifespan", "should_exit", "started"),
        *("handle_exit", "on_tick", "serve", "shutdown", "startup"),
    },
}


def imported() -> set[str]:
    """The distributions that the package imports, by their names in an index."""
    roots: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                roots.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                roots.add(node.module.partition(".")[0])
    owners = packages_distributions()
    found: set[str] = set()
    for root in roots - sys.stdlib_module_names - {"execution_monitor"}:
        names = {str(canonicalize_name(name)) for name in owners[root]}
        found |= names & OPENTELEMETRY or names
    return found


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    assert imported() == set(DECLARED) - set(NAMED)


@pytest.mark.parametrize("name", ["graphql-core", "limits", "pymongo", "strawberry-graphql", "uvicorn", "websockets"])
def test_libraries_whose_private_parts_we_use_have_an_upper_bound(name: str):
    assert not DECLARED[canonicalize_name(name)].specifier.contains(Version("1000"))


def own_classes(ours: type, theirs: type) -> list[type]:
    return [
        each for each in ours.__mro__ if issubclass(each, theirs) and each.__module__.startswith("execution_monitor.")
    ]


def attributes_used(cls: type) -> set[str]:
    """The names after `self.` in the source of `cls`."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    }


def members(cls: type) -> set[str]:
    """What `cls` defines, or an instance is given by its own methods."""
    classes = [each for each in cls.__mro__ if each.__module__.startswith("uvicorn.")]
    return {name for each in classes for name in {*vars(each), *attributes_used(each)}}


@pytest.mark.parametrize(("ours", "theirs"), RELIED_ON, ids=lambda cls: cls.__name__)
def test_what_our_subclasses_use_of_uvicorn_is_there(ours: type, theirs: type):
    assert RELIED_ON[ours, theirs] - members(theirs) == set()


@pytest.mark.parametrize(("ours", "theirs"), RELIED_ON, ids=lambda cls: cls.__name__)
def test_the_list_of_what_our_subclasses_use_of_uvicorn_is_complete(ours: type, theirs: type):
    classes = own_classes(ours, theirs)
    used = {name for each in classes for name in {*vars(each), *attributes_used(each)} if not name.startswith("__")}

    assert used & members(theirs) == RELIED_ON[ours, theirs]


def test_strawberry_exposes_the_schema_and_the_resolved_field_of_graphql_core():
    schema = create_schema()._schema  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    assert isinstance(schema, GraphQLSchema)
    assert {each.name: each.type for each in dataclasses.fields(Info)}["_raw_info"] == GraphQLResolveInfo.__name__


async def test_a_snapshot_session_of_pymongo_has_its_time(database: Database):
    collection = database.collection(Execution)
    async with database.client.start_session(snapshot=True) as session:
        before = session._snapshot_time  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        await collection.find_one({}, session=session)
        at = session._snapshot_time  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    assert before is None
    assert isinstance(at, Timestamp)


async def test_a_change_stream_of_pymongo_has_what_is_left_of_a_reply(database: Database):
    collection = database.collection(Execution)
    async with await collection.watch() as stream:
        before = stream.resume_token
    # All three are there when it is opened, and come in one reply.
    await collection.insert_many([{"execution_id": str(number)} for number in range(3)])
    async with await collection.watch(start_after=before) as stream:
        while (first := await stream.try_next()) is None:
            pass
        cursor = cast("AsyncCommandCursor[dict[str, Any]]", cast("Any", stream)._cursor)  # noqa: SLF001
        left = [each["fullDocument"]["execution_id"] for each in cursor._data]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        has_next = cursor._has_next()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        rest = [await stream.next() for _ in range(2)]

    assert isinstance(cursor, AsyncCommandCursor)
    assert [first["fullDocument"]["execution_id"], *left] == ["0", "1", "2"]
    assert has_next
    assert [each["fullDocument"]["execution_id"] for each in rest] == left
    assert not cursor._has_next()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

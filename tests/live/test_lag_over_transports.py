"""A server whose change stream lags says so on every transport, and goes on serving; it sends no GAP for that."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr
from typing_extensions import override
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode

from execution_monitor.app import create_app
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database, open_database
from tests.graphql.transport.test_event_streams import streamed
from tests.graphql.transport.test_graphql_transport_ws import UPDATES, Socket, opened
from tests.live.subscriber import eventually
from tests.rest.test_live import put, stream_of
from tests.support.client import EXECUTIONS_PATH, execute
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.servers import served, wait_until_ready
from tests.support.tokens import SECRET
from tests.web.test_metrics import values_of

Token = Callable[..., str]

_NAME = "delay"
_PATIENCE = 20.0
_LIMIT = 2


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Generator[SingleNodeReplicaSet]:
    server = SingleNodeReplicaSet(tmp_path_factory.mktemp("mongod"))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest_asyncio.fixture
async def database(mongod: SingleNodeReplicaSet) -> AsyncGenerator[Database]:
    async with open_database(mongod.uri, _NAME) as database:
        await database.connect()
        yield database
        await let_streams_be_read(database, after_seconds=0)


@pytest_asyncio.fixture
async def server(
    database: Database, mongod: SingleNodeReplicaSet, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[str]:
    monkeypatch.setattr("execution_monitor.asgi.heartbeat.HEARTBEAT_SECONDS", 0.2)
    settings = Settings(
        mongodb_uri=SecretStr(mongod.uri),
        database=_NAME,
        jwt_secret=SecretStr(SECRET),
        environment="production",
        live_behind_seconds=_LIMIT,
    )
    async with served(create_app(settings), ping_seconds=0.2) as url:
        await wait_until_ready(url)
        yield url


async def let_streams_be_read(database: Database, *, after_seconds: int) -> None:
    """Let MongoDB delay its replies to getMore by so many seconds, and no others."""
    await database.client.admin.command(
        "configureFailPoint",
        "failCommand",
        mode="alwaysOn" if after_seconds else "off",
        data={"failCommands": ["getMore"], "blockConnection": True, "blockTimeMS": after_seconds * 1_000},
    )


async def readiness_of(server: str) -> tuple[int, Mapping[str, Any]]:
    async with httpx2.AsyncClient(base_url=server) as client:
        answer = await client.get("/readyz")
    return answer.status_code, answer.json()


async def wait_until(server: str, status: str) -> None:
    async with asyncio.timeout(_PATIENCE):
        while (await readiness_of(server))[1]["status"] != status:  # noqa: ASYNC110 - as an orchestrator does
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def stalled(database: Database, server: str) -> AsyncGenerator[None]:
    """Let the stream of `server` lag during the block."""
    await wait_until(server, "ready")
    # Longer than a stream is waited for at first. MongoDB forgets of it when the last that waits has been answered.
    await let_streams_be_read(database, after_seconds=5)
    await wait_until(server, "degraded")
    yield
    await let_streams_be_read(database, after_seconds=0)
    await wait_until(server, "ready")


async def seconds_of(server: str, token: str) -> float | None:
    return (await execute(server, token, "{ viewer { liveBehindSeconds } }")).data["viewer"]["liveBehindSeconds"]


async def test_a_server_that_keeps_up_says_zero(server: str, token_for: Token):
    await wait_until(server, "ready")
    metrics = await values_of(server, token_for("olga", "acme", "manage"))

    assert await seconds_of(server, token_for("ada", "acme", "keys:of another API")) == 0
    assert metrics["execution_monitor_live_behind_seconds"] == 0


async def test_a_server_that_is_behind_is_degraded_but_serves(server: str, token_for: Token, database: Database):
    async with stalled(database, server):
        status, readiness = await readiness_of(server)
        viewer = await seconds_of(server, token_for("ada", "acme"))
        metrics = await values_of(server, token_for("olga", "acme", "manage"))
    after = await seconds_of(server, token_for("ada", "acme"))

    assert status == 200
    (reason,) = readiness["reasons"]
    assert reason.startswith("Live updates are ")
    assert reason.endswith(" seconds behind the database.")
    assert viewer is not None
    assert viewer > _LIMIT
    assert metrics["execution_monitor_live_behind_seconds"] > _LIMIT
    assert after == 0


async def ping_of(socket: Socket) -> Any:
    """The payload of the next ping; nothing else may come before it."""
    message = await socket.receive()
    assert message["type"] == "ping"
    await socket.send({"type": "pong"})
    return message["payload"]


async def test_sockets_are_pinged_with_the_seconds_and_once_with_zero(
    server: str, token_for: Token, database: Database
):
    async with opened(server) as early, opened(server) as late:
        await early.begin(token_for("ada", "acme"))
        await early.subscribe({"query": UPDATES})
        async with stalled(database, server):
            told_early = await ping_of(early)
            await late.begin(token_for("ben", "acme"))
            told_late = await ping_of(late)
        ends = [await ping_of(early), await ping_of(late)]
        await put(database, "e1", status="running")
        event = await early.next()
    async with opened(server) as after:
        await after.begin(token_for("ada", "acme"))
        await after.send({"type": "ping"})
        told_after = await after.receive()

    assert told_early["behindSeconds"] >= _LIMIT
    assert told_late["behindSeconds"] >= _LIMIT
    assert ends == [{"behindSeconds": 0}] * 2
    assert event["executionUpdates"]["kind"] == "ENTERED"
    assert told_after == {"type": "pong"}


async def test_comments_of_event_streams_carry_the_seconds(server: str, token_for: Token, database: Database):
    token = token_for("ada", "acme")
    over_graphql: list[str] = []
    over_rest: list[str] = []

    async def read(lines: Any, seen: list[str]) -> None:
        async for line in lines:
            seen += [line] if line.startswith(":") else []

    async with (
        streamed(server, token, "text/event-stream", "subscription { executionUpdates { kind } }") as response,
        httpx2.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {token}"}, timeout=_PATIENCE) as client,
        client.stream("GET", f"{EXECUTIONS_PATH}/stream") as rest_response,
    ):
        readers = [
            asyncio.create_task(read(response.aiter_lines(), over_graphql)),
            asyncio.create_task(read(rest_response.aiter_lines(), over_rest)),
        ]
        async with stalled(database, server):
            for seen in (over_graphql, over_rest):
                await eventually(lambda comments=seen: max(map(seconds_in, comments), default=0) >= _LIMIT)
        for seen in (over_graphql, over_rest):
            await eventually(lambda comments=seen: comments[-1] == ": behindSeconds=0")
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


def seconds_in(comment: str) -> int:
    name, _, seconds = comment.removeprefix(": ").partition("=")
    assert name == "behindSeconds"
    return int(seconds)


async def test_comments_come_between_events_that_come_without_a_pause(
    server: str, token_for: Token, database: Database
):
    async def write() -> None:
        number = 0
        while True:
            number += 1
            await put(database, f"busy-{number}", status="running")
            await asyncio.sleep(0.02)

    async with stream_of(server, token_for("ada", "acme")) as stream:
        writing = asyncio.create_task(write())
        kinds: list[str] = []
        async with asyncio.timeout(_PATIENCE):
            async for line in stream.response.aiter_lines():
                kinds.append(line.partition(":")[0])
                # Two comments with events before, between and after them.
                if kinds.count("") > 4 and kinds.count("data") > 20:
                    break
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


class Listening(ClientConnection):
    """A client that keeps the payloads of the pings which its WebSocket library answers for it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.pings: list[Mapping[str, Any]] = []

    @override
    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            self.pings.append(json.loads(bytes(event.data)))
        super().process_event(event)


async def test_pings_of_the_rest_socket_carry_the_seconds_and_are_answered(
    server: str, token_for: Token, database: Database
):
    headers = {"Authorization": f"Bearer {token_for('ada', 'acme')}"}
    address = f"{server.replace('http', 'ws')}{EXECUTIONS_PATH}/ws"
    async with connect(address, additional_headers=headers, create_connection=Listening) as socket:
        assert isinstance(socket, Listening)
        async with stalled(database, server):
            await eventually(lambda: any(ping["behindSeconds"] >= _LIMIT for ping in socket.pings))
        await eventually(lambda: socket.pings[-1]["behindSeconds"] == 0)
        await put(database, "e2", status="running")
        async with asyncio.timeout(_PATIENCE):
            message = json.loads(await socket.recv())

    # It is a new one each time, or the next would not have been sent.
    assert len({ping["id"] for ping in socket.pings}) == len(socket.pings) > 2
    assert message["execution_id"] == "e2"

"""How many sockets and streams may be open, by caller, by address, and before they authenticate."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import orjson
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.exceptions import ConnectionClosed, InvalidStatus

from execution_monitor.app import create_app
from execution_monitor.asgi.authentication import Admit
from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.revocations import Revocations
from execution_monitor.errors import RateLimited
from execution_monitor.graphql.transport.graphql_transport_ws import GraphQLTransportWSEndpoint, SocketLimits
from execution_monitor.limits import streams as streams_module
from execution_monitor.limits.streams import OpenStreams, StreamLimits
from execution_monitor.live.lag import LagMeter
from execution_monitor.server.websocket_protocol import WebSocketProtocol
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from tests.graphql.transport.test_event_streams import UPDATES, streamed
from tests.graphql.transport.test_graphql_transport_ws import WHO, opened
from tests.rest.test_live import closing_of, socket_of, stream_of
from tests.support.client import EXECUTIONS_PATH
from tests.support.server_process import running_server
from tests.support.servers import served, wait_until_ready
from tests.support.services import request_services

Token = Callable[..., str]
ADA, GRACE, NAMESAKE = Caller("ada", "acme"), Caller("grace", "acme"), Caller("ada", "globex")


async def test_a_caller_may_hold_a_number_of_streams_and_another_after_closing_one():
    streams = OpenStreams(Revocations(), StreamLimits(per_caller=2, per_address=100))
    with contextlib.ExitStack() as held:
        held.enter_context(streams.hold(ADA, "a"))
        with streams.hold(ADA, "b"):
            with pytest.raises(RateLimited, match="You hold 2 sockets"):
                held.enter_context(streams.hold(ADA, "c"))
            held.enter_context(streams.hold(GRACE, "a"))
            held.enter_context(streams.hold(NAMESAKE, "a"))

        held.enter_context(streams.hold(ADA, "a"))


async def test_an_address_may_hold_a_number_of_streams_of_any_callers():
    streams = OpenStreams(Revocations(), StreamLimits(per_caller=100, per_address=2))
    with streams.hold(ADA, "a"), streams.hold(GRACE, "a"):
        with pytest.raises(RateLimited, match="Your address holds 2 sockets"), streams.hold(NAMESAKE, "a"):
            pass
        with streams.hold(ADA, "b"), streams.hold(ADA, None):
            pass


@pytest_asyncio.fixture
async def server(database: Database, settings: Settings) -> AsyncGenerator[str]:
    async with served(create_app(settings.model_copy(update={"max_connections": 2}))) as url:
        await wait_until_ready(url)
        yield url


async def test_every_transport_refuses_the_third_and_accepts_another_caller(server: str, token_for: Token):
    ada, grace = token_for("ada", "acme"), token_for("grace", "acme")
    async with opened(server) as first, stream_of(server, ada):
        await first.begin(ada)

        async with opened(server) as third:
            await third.send({"type": "connection_init", "payload": {"Authorization": f"Bearer {ada}"}})
            over_graphql = await third.closed()
        async with socket_of(server, ada) as third:
            over_rest = await closing_of(third)
        async with streamed(server, ada, "text/event-stream", UPDATES) as third:
            events = (third.status_code, (await third.aread()).decode())
        async with httpx2.AsyncClient(base_url=server, headers={"Authorization": f"Bearer {ada}"}) as client:
            rest_events = (await client.get(f"{EXECUTIONS_PATH}/stream")).status_code
        async with opened(server) as other:
            await other.begin(grace)

    assert over_graphql == (4429, "You hold 2 sockets and streams open, the most there may be; close one.")
    assert over_rest[0] == 4429
    assert (events[0], rest_events) == (429, 429)
    assert "RATE_LIMITED" in events[1]


async def test_a_client_that_closes_one_may_open_another(server: str, token_for: Token):
    ada = token_for("ada", "acme")
    begin = {"type": "connection_init", "payload": {"Authorization": f"Bearer {ada}"}}
    for _ in range(5):
        async with opened(server) as first, opened(server) as second, opened(server) as third:
            await first.begin(ada)
            await second.begin(ada)
            await third.send(begin)
            assert (await third.closed())[0] == 4429


NEVER_BEHIND = LagMeter(cast("Any", None), cast("Any", None), 15)


async def admit(_: Mapping[str, str], __: Origin) -> Caller:
    return ADA


@contextlib.asynccontextmanager
async def serving_sockets(
    streams: OpenStreams, limits: SocketLimits | None = None, admit: Admit = admit
) -> AsyncGenerator[str]:
    """A server where all sockets that authenticate are of ada; none of them runs an operation."""
    live = SimpleNamespace(behind=NEVER_BEHIND)
    services = request_services(admit=admit, streams=streams, live=live)
    handler = GraphQLTransportWSEndpoint(cast("Any", None), services, limits)
    async with served(Starlette(routes=[WebSocketRoute("/graphql", handler.handle)])) as url:
        yield url


async def refusal_of(server: str) -> tuple[int, str]:
    """Status and code of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with opened(server):
            pass
    response = refused.value.response
    assert int(response.headers["Retry-After"]) > 0
    return response.status_code, orjson.loads(response.body or b"")["errors"][0]["extensions"]["code"]


async def test_sockets_that_have_not_authenticated_are_limited_for_an_address(caplog: pytest.LogCaptureFixture):
    async with serving_sockets(OpenStreams(Revocations(), StreamLimits(waiting=8))) as server, opened(server) as first:
        async with opened(server):
            too_many = await refusal_of(server)
        await first.begin("anything")
        # One was closed and one has authenticated by now.
        async with opened(server), opened(server) as third:
            await third.send({"type": "ping"})
            pong = await third.receive()

    assert too_many == (429, "RATE_LIMITED")
    assert pong == {"type": "pong"}
    # A client that comes too often must not fill the log.
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_sockets_that_have_not_authenticated_are_limited_for_all_addresses(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams_module, "_QUEUE_SECONDS", 0.1)
    streams = OpenStreams(Revocations(), StreamLimits(waiting=4))
    async with serving_sockets(streams) as server:
        with contextlib.ExitStack() as others:
            for number in range(4):
                others.enter_context(streams.wait(f"192.0.2.{number}"))
            too_many = await refusal_of(server)
        async with opened(server) as socket:
            await socket.begin("anything")

    assert too_many == (503, "SERVER_BUSY")


async def test_more_sockets_than_may_wait_at_once_are_let_in_one_after_the_other():
    # As with clients of one load balancer.
    streams = OpenStreams(Revocations(), StreamLimits(waiting=4), lambda _: True)
    async with serving_sockets(streams) as server:

        async def open_and_begin() -> None:
            async with opened(server) as socket:
                await socket.begin("anything")

        await asyncio.gather(*(open_and_begin() for _ in range(16)))


@pytest.mark.parametrize("subprotocol", ["graphql-ws", "graphql-transport-ws"])
async def test_a_client_that_disconnects_waits_no_longer(subprotocol: str):
    async with serving_sockets(OpenStreams(Revocations(), StreamLimits(waiting=4))) as server:
        for _ in range(5):
            async with opened(server, subprotocol) as socket:
                with contextlib.suppress(ConnectionClosed):
                    await socket.send({"type": "subscribe"})
                assert await socket.closed() in {(4401, "Unauthorized"), (4406, "Subprotocol not acceptable")}


async def test_a_client_that_disconnects_while_it_authenticates_leaves_nothing_open(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    streams, authenticating, proceed, lost = (
        OpenStreams(Revocations()),
        asyncio.Event(),
        asyncio.Event(),
        asyncio.Event(),
    )
    connection_lost = WebSocketProtocol.connection_lost

    def note_loss(socket: WebSocketProtocol, error: Exception | None) -> None:
        connection_lost(socket, error)
        lost.set()

    monkeypatch.setattr(WebSocketProtocol, "connection_lost", note_loss)

    async def admit_later(_: Mapping[str, str], __: Origin) -> Caller:
        authenticating.set()
        await proceed.wait()
        return ADA

    async with serving_sockets(streams, admit=admit_later) as server:
        async with opened(server) as socket:
            await socket.send({"type": "connection_init"})
            await authenticating.wait()
            socket.abort()
        async with asyncio.timeout(5):
            await lost.wait()
            proceed.set()
            # The server runs in this process, and signals nothing.
            while any("run_asgi" in repr(each) for each in asyncio.all_tasks()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    assert (streams.by_caller.total(), streams.waiting.total()) == (0, 0)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    ("other", "is_theirs"), [("2001:db8::ffff:1", True), ("2001:db8:0:1::1", False), ("192.0.2.1", False)]
)
async def test_an_address_is_what_one_customer_has(other: str, is_theirs: bool):  # noqa: FBT001 - a case
    streams = OpenStreams(Revocations(), StreamLimits(per_address=1, waiting=4))
    refusals: list[str] = []

    with streams.hold(ADA, "2001:db8::1"), streams.wait("2001:db8::1"):
        for attempt in (streams.hold(GRACE, other), streams.wait(other)):
            try:
                with attempt:
                    pass
            except RateLimited as refusal:
                refusals.append(refusal.code)

    assert refusals == ["RATE_LIMITED"] * 2 * is_theirs


async def test_a_silent_socket_is_closed_in_time():
    async with (
        serving_sockets(OpenStreams(Revocations()), SocketLimits(init_seconds=0.05)) as server,
        opened(server) as silent,
        opened(server) as known,
    ):
        await known.begin("anything")

        assert await silent.closed() == (4408, "Connection initialisation timeout")
        await known.send({"type": "ping"})
        assert await known.receive() == {"type": "pong"}


async def test_a_socket_runs_a_limited_number_of_operations_at_once(
    database: Database, settings: Settings, token_for: Token
):
    async with served(create_app(settings.model_copy(update={"max_subscriptions": 2}))) as server:
        await wait_until_ready(server)
        async with opened(server) as socket:
            await socket.begin(token_for("ada", "acme"))
            for number in range(2):
                await socket.subscribe({"query": UPDATES}, str(number))
            await socket.send({"type": "complete", "id": "0"})
            # One has ended: there is room for one, and none for another.
            await socket.subscribe({"query": UPDATES}, "2")
            await socket.send({"type": "ping"})
            assert await socket.receive() == {"type": "pong"}
            await socket.subscribe({"query": UPDATES}, "3")

            assert await socket.closed() == (4429, "Too many operations")


async def test_a_message_larger_than_a_body_may_be_closes_its_socket_and_no_other(
    tmp_path: Path, mongodb_uri: str, database: Database, database_name: str, token_for: Token
):
    most = 10_000
    with running_server(tmp_path, mongodb_uri, database_name, max_body_bytes=str(most)) as running:
        async with opened(running.url) as small, opened(running.url) as large:
            await small.begin(token_for("ada", "acme"))
            await small.subscribe(WHO | {"extensions": {"x": "x" * (most - 1_000)}})
            await large.begin(token_for("ada", "acme"))
            await large.subscribe(WHO | {"extensions": {"x": "x" * most}})

            # RFC 6455, section 7.4.1.
            assert (await large.closed())[0] == 1009
            assert (await small.receive())["type"] == "next"

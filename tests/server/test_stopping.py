"""How a server stops: what its clients get, and that it takes ten seconds at most, even if some do not respond."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import httpx2
import orjson
import pytest
from websockets.asyncio.client import connect

from execution_monitor.errors import SetupError
from execution_monitor.server.listeners import bind, metrics_listener
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from tests.graphql.transport.test_event_streams import streamed
from tests.graphql.transport.test_graphql_transport_ws import opened
from tests.rest.test_live import closing_of, message_from, socket_of
from tests.support.client import EXECUTIONS_PATH, execute
from tests.support.documents import execution, store
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess, free_ports, running_server

Token = Callable[..., str]
# What is promised.
MOST_SECONDS = 10
SOON = 20.0
UPDATES = "subscription { executionUpdates { executionId execution { inputParameters } } }"
STOPPED = "stop_cut_short"


@pytest.fixture
def ada(token_for: Token) -> str:
    return token_for("ada", "acme", "executions:read", "executions:payload")


@pytest.fixture
def uri(mongodb_uri: str, database: Database) -> str:
    """Where the emptied database is."""
    return mongodb_uri


async def ended(running: ServerProcess, seconds: float = MOST_SECONDS) -> int:
    return await asyncio.to_thread(running.wait_for_exit, seconds)


@pytest.mark.parametrize("arguments", [(), ("--workers=2",)], ids=["alone", "with a second worker"])
async def test_subscribers_are_told_to_reconnect(
    tmp_path: Path, uri: str, database_name: str, ada: str, arguments: tuple[str, ...]
):
    with running_server(tmp_path, uri, database_name, *arguments) as running:
        async with (
            opened(running.url) as graphql,
            opened(running.url) as silent,
            socket_of(running.url, ada) as rest,
            streamed(running.url, ada, "text/event-stream", UPDATES) as events,
            streamed(running.url, ada, "multipart/mixed", UPDATES) as parts,
            httpx2.AsyncClient(
                base_url=running.url, headers={"Authorization": f"Bearer {ada}"}, timeout=SOON
            ) as client,
            client.stream("GET", f"{EXECUTIONS_PATH}/stream") as rest_events,
        ):
            await graphql.begin(ada)
            await graphql.subscribe({"query": UPDATES})
            # Each worker has a stream of its own, which may not be open yet.
            await store(execution(1, status="running"))
            await message_from(rest)
            await asyncio.to_thread(running.send_signal)

            closes = await graphql.closed(), await silent.closed(), await closing_of(rest)
            # Each comes to an end that is no broken connection: httpx2 would raise.
            streams = [await each.aread() for each in (events, parts, rest_events)]
            code = await ended(running)

    assert closes == ((1012, "The server stops; connect again."),) * 3
    assert [b"complete" in each or b"--graphql--" in each for each in streams] == [False, False, False]
    assert code == 0
    assert STOPPED not in running.log
    assert "Traceback" not in running.log


@contextlib.asynccontextmanager
async def unread(running: ServerProcess, token: str, count: int) -> AsyncGenerator[None]:
    """`count` streams and sockets each, of clients that stop to read when they have subscribed."""
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(count):
            raw = socket.create_connection(("127.0.0.1", running.port))
            stack.callback(raw.close)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            body = orjson.dumps({"query": UPDATES})
            raw.sendall(
                b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n"
                b"Content-Type: application/json\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
                % (token.encode(), len(body), body)
            )
            await asyncio.to_thread(raw.recv, 1)
            ws = await stack.enter_async_context(
                connect(
                    running.url.replace("http", "ws") + EXECUTIONS_PATH + "/ws",
                    additional_headers={"Authorization": f"Bearer {token}"},
                    close_timeout=0,
                    max_queue=1,
                )
            )
            ws.transport.pause_reading()
        yield


async def queued(port: int) -> float:
    async with httpx2.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    (line,) = [each for each in text.splitlines() if each.startswith("execution_monitor_live_queue_longest_events ")]
    return float(line.split()[1])


async def test_clients_that_never_read_do_not_hold_it_up(tmp_path: Path, uri: str, database_name: str, ada: str):
    port = free_ports(1)
    with running_server(tmp_path, uri, database_name, metrics_port=str(port)) as running:
        async with unread(running, ada, 20):
            async with asyncio.timeout(60):
                number = 0
                # Until all buffers on the way are full.
                while await queued(port) < 10:
                    many = [execution(number + each, input_parameters={"x": "y" * 200_000}) for each in range(10)]
                    await store(*many)
                    number += len(many)
            running.send_signal()
            code = await ended(running)

    assert code == 0


async def test_a_running_request_gets_its_response(tmp_path: Path, uri: str, database_name: str, ada: str):
    body = orjson.dumps({"query": "{ viewer { userId } }"})
    head = (
        b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %b\r\nContent-Length: %d\r\n\r\n" % (ada.encode(), len(body))
    )
    with running_server(tmp_path, uri, database_name, drain_seconds="1") as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(head + body[:5])
        await writer.drain()
        running.send_signal()
        await asyncio.to_thread(running.wait_until_draining)
        # The port is closed by then, and the request still open.
        await asyncio.to_thread(running.wait_until, lambda: running.readiness == (0, "no answer"))
        writer.write(body[5:])
        async with asyncio.timeout(SOON):
            answer = await reader.read()
        writer.close()
        code = await ended(running)

    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b'{"data":{"viewer":{"userId":"ada"}}' in answer
    assert code == 0


@pytest.mark.parametrize("arguments", [(), ("--workers=2",)], ids=["alone", "with a second worker"])
async def test_it_serves_while_it_drains_and_a_second_signal_ends_it_at_once(
    tmp_path: Path, uri: str, database_name: str, ada: str, arguments: tuple[str, ...]
):
    with running_server(tmp_path, uri, database_name, *arguments, drain_seconds="600") as running:
        async with opened(running.url) as socket:
            await socket.begin(ada)
            running.send_signal()
            await asyncio.to_thread(running.wait_until_draining)
            answer = await execute(running.url, ada, "{ viewer { userId } }")
            await socket.subscribe({"query": "{ viewer { userId } }"})
            over_socket = await socket.next()
            running.send_signal()
            code = await ended(running)

    assert answer.data == over_socket == {"viewer": {"userId": "ada"}}
    assert code == 0
    # The application is told in a forced stop, too, instead of being cancelled.
    assert "Traceback" not in running.log


async def test_a_database_that_does_not_answer_does_not_hold_it_up(tmp_path: Path, ada: str):
    mongod = SingleNodeReplicaSet(tmp_path)
    mongod.start()
    try:
        with running_server(tmp_path, mongod.uri, "stopping") as running:
            async with opened(running.url) as socket:
                await socket.begin(ada)
                await socket.subscribe({"query": UPDATES})
                await socket.subscribe({"query": "{ executions { totalCount } }"}, "2")
                await socket.next()
                mongod.freeze()
                await socket.subscribe({"query": "{ executions { totalCount } }"}, "3")
                running.send_signal()
                code = await ended(running)
    finally:
        mongod.close()

    assert code == 0


def test_a_worker_that_dies_is_replaced_and_none_outlives_its_parent(tmp_path: Path, uri: str, database_name: str):
    with running_server(tmp_path, uri, database_name, "--workers=2") as running:
        one, other = running.workers
        os.kill(one, signal.SIGKILL)
        running.wait_until(lambda: len(running.workers - {one}) == 2)
        after = running.workers
        running.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + SOON
        while any(Path(f"/proc/{each}").exists() for each in after):
            assert time.monotonic() < deadline, running.log
            time.sleep(0.05)

    assert other in after
    assert "worker_died" in running.log


async def test_each_worker_has_a_port_for_its_own_metrics(
    tmp_path: Path, uri: str, database_name: str, token_for: Token
):
    port = free_ports(2)
    with running_server(tmp_path, uri, database_name, "--workers=2", metrics_port=str(port)) as running:
        async with httpx2.AsyncClient(
            headers={"Authorization": f"Bearer {token_for('olga', 'acme', 'manage')}"}
        ) as who:
            for _ in range(10):
                await who.post(f"{running.url}/graphql", json={"query": "{ viewer { userId } }"})
            at_main = await who.get(f"{running.url}/metrics")
        counts = [await count_at(port + number) for number in range(2)]

    assert at_main.status_code == 404
    assert sum(counts) == 10


async def count_at(port: int) -> float:
    async with httpx2.AsyncClient() as anonymous:
        answer = await anonymous.get(f"http://127.0.0.1:{port}/metrics")
    line = next(each for each in answer.text.splitlines() if 'operations_total{kind="query",outcome="ok"}' in each)
    return float(line.split()[-1])


async def test_metrics_need_no_token_at_their_own_port_alone(tmp_path: Path, uri: str, database_name: str):
    port = free_ports(1)
    with running_server(tmp_path, uri, database_name, metrics_port=str(port)) as running:
        async with httpx2.AsyncClient() as anonymous:
            # What a client says of the port is not what counts.
            headers = {"Host": f"127.0.0.1:{port}", "X-Forwarded-Port": str(port)}
            at_main = await anonymous.get(f"{running.url}/metrics", headers=headers)
            at_own = await anonymous.get(f"http://127.0.0.1:{port}/metrics")
            executions = await anonymous.get(f"http://127.0.0.1:{port}{EXECUTIONS_PATH}")

    assert [each.status_code for each in (at_main, at_own, executions)] == [401, 200, 401]


def test_a_port_of_metrics_that_is_taken_is_named_before_anything_starts(tmp_path: Path):
    settings = Settings(metrics_port=free_ports(1))
    assert settings.metrics_port is not None
    with bind("127.0.0.1", settings.metrics_port) as busy, bind("127.0.0.1", free_ports(1)) as main:
        with pytest.raises(SetupError, match=r"is in use; .* EXECUTION_MONITOR_METRICS_PORT"):
            metrics_listener(settings, main).__enter__()
        with pytest.raises(SetupError, match=r"is the server's own; .* EXECUTION_MONITOR_METRICS_PORT"):
            metrics_listener(settings, busy).__enter__()

"""A client of the public API: it reads a page, follows it, and reconnects after its last cursor by itself."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from itertools import count
from typing import Any

import httpx2
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.typing import Subprotocol

from tests.faults.oracle import Ledger

_PAGE = """query Page($filter: ExecutionFilter) {
  executions(filter: $filter, first: 100) {
    liveCursor nodes { executionId tokensUsed } pageInfo { hasNextPage } } }"""
_UPDATES = """subscription Updates($filter: ExecutionFilter, $after: String) {
  executionUpdates(filter: $filter, after: $after) {
    kind cursor executionId changedFields execution { executionId userId tenantId tokensUsed } } }"""
_SUBPROTOCOL = Subprotocol("graphql-transport-ws")
_PAUSE_SECONDS = 0.05
_TEMPORARY = {"DATABASE_UNAVAILABLE", "QUERY_TIMEOUT"}


class Refused(AssertionError):
    """The server answered with an error that is not temporary."""


class Unavailable(Exception):
    """The server answered with a temporary error."""


class Client:
    """One subscriber. It connects to one of `servers`, and to the next when that does not answer."""

    def __init__(
        self,
        servers: Sequence[str],
        token: str,
        *,
        ledger: Ledger | None = None,
        where: dict[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self._servers = servers
        self._headers = {"Authorization": f"Bearer {token}"}
        self._where = where
        self._options = options  # of the socket, as `websockets` names them
        self._attempts = count()
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.ledger = ledger or Ledger()
        self.cursor: str | None = None
        self.connections = 0
        self.times: list[float] = []  # of every event, by time.monotonic
        self.gap_times: list[float] = []
        self.subscribed_at = 0.0

    async def read_page(self, server: str | None = None) -> None:
        """Read the executions as they are now: at the beginning, and after each gap."""
        async with httpx2.AsyncClient(timeout=30) as http:
            answer = await http.post(
                f"{server or self._servers[0]}/graphql",
                json={"query": _PAGE, "variables": {"filter": self._where}},
                headers=self._headers,
            )
        body = answer.json()
        if "errors" in body:
            raise _refusal(body["errors"])
        page = body["data"]["executions"]
        assert not page["pageInfo"]["hasNextPage"], "a page must show all that is followed"
        self.ledger.begin({node["executionId"]: node["tokensUsed"] for node in page["nodes"]})
        self.cursor = page["liveCursor"]

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncGenerator[None]:
        """Follow during the block, on as many connections as necessary. Errors are raised at its end."""
        self._task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def until(self, holds: Callable[[], bool], seconds: float) -> None:
        """Return when `holds`, checked after every event; raises `TimeoutError`, or the error of the subscriber."""
        async with asyncio.timeout(seconds):
            while not holds():
                if self._task is not None and self._task.done():
                    await self._task
                self._changed.clear()
                await self._changed.wait()

    async def _follow(self) -> None:
        try:
            while True:
                server = self._servers[next(self._attempts) % len(self._servers)]
                with contextlib.suppress(
                    OSError, InvalidHandshake, WebSocketException, TimeoutError, httpx2.HTTPError, Unavailable
                ):
                    if self.cursor is None:
                        await self.read_page(server)
                        self._changed.set()
                    await self._listen_at(server)
                await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            self._changed.set()

    async def _listen_at(self, server: str) -> None:
        url = server.replace("http", "ws", 1) + "/graphql"
        async with connect(url, subprotocols=[_SUBPROTOCOL], open_timeout=5, **self._options) as socket:
            await _send(socket, {"type": "connection_init", "payload": self._headers})
            acknowledged = orjson.loads(await socket.recv())
            assert acknowledged == {"type": "connection_ack"}, acknowledged
            payload = {"query": _UPDATES, "variables": {"filter": self._where, "after": self.cursor}}
            await _send(socket, {"id": "1", "type": "subscribe", "payload": payload})
            self.connections += 1
            self.subscribed_at = time.monotonic()
            async for text in socket:
                if not self._handle(orjson.loads(text)):
                    return

    def _handle(self, message: dict[str, Any]) -> bool:
        """Handle a message; whether there may be more on this connection."""
        if message["type"] == "error":
            raise _refusal(message["payload"])
        if message["type"] != "next":
            return message["type"] != "complete"
        if message["payload"].get("errors"):
            raise _refusal(message["payload"]["errors"])
        update = message["payload"]["data"]["executionUpdates"]
        now = time.monotonic()
        self.times.append(now)
        self.ledger.record(update)
        is_gap = update["kind"] == "GAP"
        if is_gap:
            self.gap_times.append(now)
        # After a gap the list must be read again, and followed from there.
        self.cursor = None if is_gap else update["cursor"]
        self._changed.set()
        return not is_gap


async def _send(socket: ClientConnection, message: dict[str, Any]) -> None:
    await socket.send(orjson.dumps(message).decode())


def _refusal(errors: Any) -> Exception:
    codes = {error["extensions"]["code"] for error in errors}
    return Unavailable(codes) if codes <= _TEMPORARY else Refused(errors)

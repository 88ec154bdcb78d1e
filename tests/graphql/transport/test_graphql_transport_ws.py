"""graphql-transport-ws, clause by clause of its PROTOCOL.md: handshake, messages, close codes, operations."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from execution_monitor.auth.caller import LEEWAY
from tests.support.tokens import SECRET

Token = Callable[..., str]
SOON = 30.0
WHO = {"query": "{ viewer { userId } }"}
UPDATES = """subscription Updates($filter: ExecutionFilter, $after: String) {
  executionUpdates(filter: $filter, after: $after) { kind cursor executionId changedFields execution { status } } }"""


class Socket:
    """A client of the protocol."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def abort(self) -> None:
        """Drop the connection without a close frame."""
        self._connection.transport.abort()

    async def send(self, message: Any) -> None:
        await self._connection.send(message if isinstance(message, str) else orjson.dumps(message).decode())

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(SOON):
            return orjson.loads(await self._connection.recv())

    async def closed(self) -> tuple[int, str]:
        """The code and reason that the server closes with; messages before them are skipped."""
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(SOON):
                while True:
                    await self._connection.recv()
        assert self._connection.close_code is not None
        return self._connection.close_code, self._connection.close_reason or ""

    async def receive_or_closed(self) -> str | int:
        """The type of the next message, or the code that the server closes with."""
        try:
            return (await self.receive())["type"]
        except ConnectionClosed:
            return (await self.closed())[0]

    async def begin(self, token: str) -> None:
        await self.send({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, payload: Any, operation_id: str = "1") -> None:
        await self.send({"id": operation_id, "type": "subscribe", "payload": payload})

    async def next(self) -> Any:
        """The data of the next result; a ping, which comes whenever updates are late, is answered."""
        while (message := await self.receive())["type"] == "ping":
            await self.send({"type": "pong"})
        assert message["type"] == "next", message
        return message["payload"]["data"]


@contextlib.asynccontextmanager
async def opened(
    server: str, subprotocol: str | None = "graphql-transport-ws", **options: Any
) -> AsyncGenerator[Socket]:
    subprotocols = None if subprotocol is None else [Subprotocol(subprotocol)]
    async with connect(server.replace("http", "ws") + "/graphql", subprotocols=subprotocols, **options) as connection:
        yield Socket(connection)


@pytest.mark.parametrize("subprotocol", [None, "graphql-ws", "other"])
async def test_any_other_subprotocol_is_not_acceptable(server: str, subprotocol: str | None):
    async with opened(server, subprotocol) as socket:
        assert await socket.closed() == (4406, "Subprotocol not acceptable")


async def test_of_several_subprotocols_graphql_transport_ws_is_chosen(server: str, token_for: Token):
    # As Python's client gql offers them.
    offered = [Subprotocol("graphql-ws"), Subprotocol("graphql-transport-ws")]

    async with connect(server.replace("http", "ws") + "/graphql", subprotocols=offered) as connection:
        await Socket(connection).begin(token_for("ada", "acme"))

    assert connection.subprotocol == "graphql-transport-ws"


async def test_a_query_has_one_next_message_and_then_complete(server: str, token_for: Token):
    async with opened(server) as socket:
        await socket.begin(token_for("ada", "acme"))
        await socket.subscribe(WHO, "q")

        answer = await socket.receive()
        assert (answer["id"], answer["type"], answer["payload"]["data"]) == ("q", "next", {"viewer": {"userId": "ada"}})
        assert await socket.receive() == {"id": "q", "type": "complete"}


@pytest.mark.parametrize("payload", [{}, {"payload": None}, {"payload": {"other": 1}}], ids=["none", "null", "other"])
async def test_the_token_may_be_in_the_headers_of_the_handshake(server: str, token_for: Token, payload: dict[str, Any]):
    headers = {"Authorization": f"Bearer {token_for('ada', 'acme')}"}
    async with opened(server, additional_headers=headers) as socket:
        await socket.send({"type": "connection_init", **payload})

        assert await socket.receive() == {"type": "connection_ack"}


@pytest.mark.parametrize("payload", [None, {}], ids=["null", "empty"])
async def test_a_connection_init_without_a_token_closes_the_socket(server: str, payload: Any):
    async with opened(server) as socket:
        await socket.send({"type": "connection_init", "payload": payload})

        code, reason = await socket.closed()

    assert code == 4403
    assert reason.startswith("Forbidden")


async def test_a_socket_closes_with_its_token(server: str):
    # It is valid for two more seconds, the leeway, as it would be in a new request.
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=3)
    token = jwt.encode({"sub": "ada", "tenant_id": "acme", "exp": expires - LEEWAY}, SECRET)  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's
    async with opened(server) as socket:
        await socket.begin(token)

        code, _ = await socket.closed()

    assert code == 4403
    assert timedelta(0) <= datetime.now(UTC) - expires < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param("", 4400, id="an empty message"),
        pytest.param("{", 4400, id="half an object"),
        pytest.param("[]", 4400, id="a list"),
        pytest.param('"x"', 4400, id="a text"),
        pytest.param("null", 4400, id="null"),
        pytest.param("[" * 100_000, 4400, id="nested 100,000 deep"),
        pytest.param('{"type": "ping", "payload": "\\ud800"}', 4400, id="half a surrogate pair"),
        pytest.param({"type": "next", "id": "1", "payload": {}}, 4400, id="a type that only a server sends"),
        pytest.param({"type": "subscribe", "id": "", "payload": WHO}, 4400, id="an empty id"),
        pytest.param(
            {"type": "subscribe", "id": "1", "payload": {**WHO, "variables": []}}, 4400, id="a list of variables"
        ),
        pytest.param({"type": "start"}, 4400, id="a type of another protocol"),
        pytest.param({"no": "type"}, 4400, id="no type"),
        pytest.param({"type": "subscribe", "payload": WHO}, 4400, id="no id"),
        pytest.param({"type": "subscribe", "id": 7, "payload": WHO}, 4400, id="an id that is a number"),
        pytest.param({"type": "subscribe", "id": "1"}, 4400, id="no payload"),
        pytest.param({"type": "subscribe", "id": "1", "payload": {"query": 3}}, 4400, id="a query that is a number"),
        pytest.param({"type": "complete"}, 4400, id="a complete without an id"),
        pytest.param({"type": "connection_init"}, 4429, id="a second connection_init"),
    ],
)
async def test_an_invalid_message_closes_the_socket_with_its_code(
    server: str, token_for: Token, message: Any, code: int
):
    async with opened(server) as socket:
        await socket.begin(token_for("ada", "acme"))
        await socket.send(message)

        assert (await socket.closed())[0] == code


async def test_a_binary_message_is_invalid(server: str, token_for: Token):
    async with connect(
        server.replace("http", "ws") + "/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]
    ) as raw:
        await raw.send(b"{}")

        assert (await Socket(raw).closed())[0] == 4400


async def test_a_subscribe_before_the_acknowledgement_is_unauthorized(server: str):
    async with opened(server) as socket:
        await socket.subscribe(WHO)

        assert await socket.closed() == (4401, "Unauthorized")


async def test_a_connection_init_payload_must_be_an_object(server: str):
    async with opened(server) as socket:
        await socket.send({"type": "connection_init", "payload": []})

        assert (await socket.closed())[0] == 4400


async def test_a_ping_has_a_pong_with_the_same_payload_at_any_time(server: str, token_for: Token):
    async with opened(server) as socket:
        await socket.send({"type": "ping"})
        assert await socket.receive() == {"type": "pong"}
        await socket.begin(token_for("ada", "acme"))
        await socket.send({"type": "pong", "payload": {"unsolicited": True}})
        await socket.send({"type": "ping", "payload": {"a": [1]}})

        assert await socket.receive() == {"type": "pong", "payload": {"a": [1]}}


async def test_an_operation_id_can_be_used_again_after_its_operation_has_ended(server: str, token_for: Token):
    async with opened(server) as socket:
        await socket.begin(token_for("ada", "acme"))
        await socket.subscribe({"query": UPDATES}, "again")
        await socket.send({"id": "again", "type": "complete"})
        # For an operation that has ended, or never was, there is no message.
        await socket.send({"id": "never", "type": "complete"})
        await socket.subscribe(WHO, "again")
        answers = [await socket.receive() for _ in range(2)]

    assert [(each["id"], each["type"]) for each in answers] == [("again", "next"), ("again", "complete")]


async def test_a_second_subscriber_with_an_id_in_use_closes_the_socket(server: str, token_for: Token):
    async with opened(server) as socket:
        await socket.begin(token_for("ada", "acme"))
        await socket.subscribe({"query": UPDATES}, "twice")
        await socket.subscribe({"query": UPDATES}, "twice")

        assert await socket.closed() == (4409, "Subscriber for twice already exists")


async def test_a_close_reason_fits_into_its_frame(server: str, token_for: Token):
    async with opened(server) as socket:
        await socket.begin(token_for("ada", "acme"))
        for _ in range(2):
            await socket.subscribe({"query": UPDATES}, "\U0001f600" * 100)

        code, reason = await socket.closed()

    assert (code, reason[:16]) == (4409, "Subscriber for \U0001f600")


async def test_an_error_message_ends_its_operation_and_no_other(server: str, token_for: Token):
    async with opened(server) as socket:
        await socket.begin(token_for("ada", "acme"))
        await socket.subscribe({"query": "{ broken"}, "syntax")
        syntax = await socket.receive()
        await socket.subscribe({"query": "{ nothing }"}, "validation")
        validation = await socket.receive()
        await socket.subscribe({"query": UPDATES, "variables": {"after": "garbage"}}, "cursor")
        cursor = await socket.receive()
        await socket.subscribe(WHO, "fine")
        fine = await socket.receive()

    assert (syntax["id"], syntax["type"], syntax["payload"][0]["extensions"]["code"]) == (
        "syntax",
        "error",
        "BAD_USER_INPUT",
    )
    assert (validation["id"], validation["type"]) == ("validation", "error")
    assert (cursor["id"], cursor["type"], cursor["payload"][0]["extensions"]["code"]) == (
        "cursor",
        "error",
        "INVALID_CURSOR",
    )
    assert (fine["id"], fine["type"]) == ("fine", "next")

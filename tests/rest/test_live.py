"""REST, live: the socket and the stream, as clients without GraphQL follow executions."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from execution_monitor.auth.caller import LEEWAY
from execution_monitor.auth.tokens import issue_token
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.rest.documents import an_execution
from tests.support.client import EXECUTIONS_PATH
from tests.support.tokens import SECRET, token_of

Token = Callable[..., str]

PATIENCE = 20
PROGRESS = {"current_step": 1, "total_steps": 4, "percentage": 25.0}


@contextlib.asynccontextmanager
async def socket_of(server: str, token: str | None, query: str = "") -> AsyncGenerator[ClientConnection]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with connect(
        f"{server.replace('http', 'ws')}{EXECUTIONS_PATH}/ws{query}", additional_headers=headers
    ) as socket:
        yield socket


async def message_from(socket: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        return json.loads(await socket.recv())


async def closing_of(socket: ClientConnection) -> tuple[int, str]:
    async with asyncio.timeout(PATIENCE):
        with contextlib.suppress(ConnectionClosed):
            async for _ in socket:
                pass
        await socket.wait_closed()
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


class Stream:
    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def event(self) -> dict[str, str]:
        """The fields of the next event."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(PATIENCE):
            async for line in self._lines:
                if not line and fields:
                    return fields
                name, _, value = line.partition(": ")
                if name:
                    fields[name] = value
        raise AssertionError("the stream has ended")

    async def rest(self) -> list[str]:
        """The lines up to the end."""
        async with asyncio.timeout(PATIENCE):
            return [line async for line in self._lines]

    async def message(self) -> tuple[str, dict[str, Any]]:
        event = await self.event()
        return event["id"], json.loads(event["data"])


@contextlib.asynccontextmanager
async def stream_of(server: str, token: str, query: str = "", after: str | None = None) -> AsyncGenerator[Stream]:
    headers = {"Authorization": f"Bearer {token}"} | ({} if after is None else {"Last-Event-ID": after})
    async with (
        httpx2.AsyncClient(base_url=server, timeout=PATIENCE) as client,
        client.stream("GET", f"{EXECUTIONS_PATH}/stream{query}", headers=headers) as response,
    ):
        assert response.status_code == 200, await response.aread()
        yield Stream(response)


def token_of_an_auditor() -> str:
    """A token that may read the audit trail, and no executions."""
    lifetime = timedelta(hours=1)
    return issue_token(SECRET, user="ada", tenant="acme", scopes=(), roles=["auditor"], lifetime=lifetime)


async def put(database: Database, execution_id: str, **fields: Any) -> None:
    await database.collection(Execution).insert_one(an_execution(execution_id, **fields))


async def change(database: Database, execution_id: str, **fields: Any) -> None:
    await database.collection(Execution).update_one({"execution_id": execution_id}, {"$set": fields})


async def test_the_socket_sends_each_change_in_the_agreed_form(server: str, token_for: Token, database: Database):
    async with socket_of(server, token_for("ada", "acme")) as socket:
        await put(database, "e1", status="running", progress=PROGRESS)

        message = await message_from(socket)

    assert message.pop("timestamp").endswith("Z")
    assert message == {"type": "execution_update", "execution_id": "e1", "status": "running", "progress": PROGRESS}


async def test_the_stream_sends_the_same_with_an_id(server: str, token_for: Token, database: Database):
    async with stream_of(server, token_for("ada", "acme")) as stream:
        start = await stream.event()
        await put(database, "e1", status="running", progress=PROGRESS)

        event_id, message = await stream.message()

    assert stream.response.headers["content-type"].startswith("text/event-stream")
    assert start.keys() == {"retry", "id"}
    assert event_id != start["id"]
    assert message.pop("timestamp").endswith("Z")
    assert message == {"type": "execution_update", "execution_id": "e1", "status": "running", "progress": PROGRESS}


@pytest.mark.parametrize("query", ["?status=failed,timed_out&workflow_id=t1", "?status=FAILED&workflow_template_id=t1"])
async def test_filters_choose_what_is_sent_and_what_stops_matching_is_removed(
    server: str, token_for: Token, database: Database, query: str
):
    async with socket_of(server, token_for("ada", "acme"), query) as socket:
        await put(database, "other", status="failed", workflow_template_id="t2")
        await put(database, "e1", status="running", workflow_template_id="t1")
        await change(database, "e1", status="failed")
        await change(database, "e1", status="running")

        received = [await message_from(socket) for _ in range(2)]

    assert [(each["type"], each["execution_id"]) for each in received] == [
        ("execution_update", "e1"),
        ("execution_removed", "e1"),
    ]


async def test_callers_get_nothing_of_what_they_may_not_see(server: str, token_for: Token, database: Database):
    async with (
        socket_of(server, token_for("ada", "acme")) as ada,
        socket_of(server, token_for("ada", "globex")) as other_tenant,
        stream_of(server, token_for("ben", "acme")) as ben,
    ):
        await ben.event()
        await put(database, "hers", status="running")
        await put(database, "his", user_id="ben", status="running")
        await put(database, "theirs", tenant_id="globex", status="running")

        received = [(await message_from(ada)), (await ben.message())[1], (await message_from(other_tenant))]

    assert [each["execution_id"] for each in received] == ["hers", "his", "theirs"]


async def test_a_new_owner_gets_the_execution_and_the_old_one_only_its_removal(
    server: str, token_for: Token, database: Database
):
    await put(database, "e1", status="running", progress=PROGRESS)
    async with (
        socket_of(server, token_for("ada", "acme")) as ada,
        socket_of(server, token_for("ben", "acme")) as ben,
    ):
        await change(database, "e1", user_id="ben", status="failed")

        while (to_ada := await message_from(ada))["type"] == "execution_update":
            pass
        to_ben = await message_from(ben)

    assert to_ada.keys() == {"type", "execution_id", "timestamp"}
    assert (to_ada["type"], to_ada["execution_id"]) == ("execution_removed", "e1")
    assert (to_ben["type"], to_ben["status"]) == ("execution_update", "failed")


async def test_a_deleted_execution_is_removed(server: str, token_for: Token, database: Database):
    await put(database, "e1", status="running")
    async with socket_of(server, token_for("ada", "acme")) as socket:
        await database.collection(Execution).delete_one({"execution_id": "e1"})

        # The stream may still be about to send what was there before.
        while (message := await message_from(socket))["type"] == "execution_update":
            pass

    assert (message["type"], message["execution_id"]) == ("execution_removed", "e1")


async def test_a_lost_stream_resumes_after_its_last_event(server: str, token_for: Token, database: Database):
    token = token_for("ada", "acme")
    async with stream_of(server, token) as stream:
        await stream.event()
        for number in range(3):
            await put(database, f"e{number}", status="running")
        ids = [(await stream.message())[0] for _ in range(2)]
    await put(database, "e3", status="running")

    async with stream_of(server, token, after=ids[-1]) as stream:
        await stream.event()
        received = [(await stream.message())[1]["execution_id"] for _ in range(2)]

    assert received == ["e2", "e3"]


async def test_a_stream_lost_before_its_first_event_misses_none(server: str, token_for: Token, database: Database):
    token = token_for("ada", "acme")
    async with stream_of(server, token) as stream:
        start = (await stream.event())["id"]
    await put(database, "e1", status="running")

    async with stream_of(server, token, after=start) as stream:
        await stream.event()
        _, message = await stream.message()

    assert message["execution_id"] == "e1"


async def test_an_empty_id_is_no_place_to_resume_from(server: str, token_for: Token, database: Database):
    # As browsers send it after an event whose id was empty.
    async with stream_of(server, token_for("ada", "acme"), after="") as stream:
        await stream.event()
        await put(database, "e1", status="running")

        _, message = await stream.message()

    assert message["execution_id"] == "e1"


@pytest.mark.parametrize("user", ["ada", "ben"])
async def test_an_id_that_is_not_of_this_caller_is_refused(
    server: str, token_for: Token, database: Database, user: str
):
    async with stream_of(server, token_for("cleo", "acme")) as stream:
        foreign = (await stream.event())["id"]

    async with httpx2.AsyncClient(base_url=server) as client:
        answers = [
            await client.get(
                f"{EXECUTIONS_PATH}/stream",
                headers={"Authorization": f"Bearer {token_for(user, 'acme')}", "Last-Event-ID": each},
            )
            for each in (foreign, "garbage")
        ]

    assert [(each.status_code, each.json()["code"]) for each in answers] == [(400, "INVALID_CURSOR")] * 2


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        pytest.param("", {}, 401, "UNAUTHENTICATED", id="no token"),
        pytest.param("", {"Authorization": "Bearer x"}, 401, "UNAUTHENTICATED", id="a wrong token"),
        pytest.param(
            "", {"Authorization": f"Bearer {token_of_an_auditor()}"}, 403, "FORBIDDEN", id="a token without the scope"
        ),
        pytest.param("?status=done", None, 400, "BAD_USER_INPUT", id="an unknown status"),
        pytest.param("?statuses=failed", None, 400, "BAD_USER_INPUT", id="an unknown parameter"),
        pytest.param("?workflow_id=a&workflow_id=b", None, 400, "BAD_USER_INPUT", id="two workflows"),
    ],
)
async def test_a_stream_that_cannot_be_is_refused_with_a_problem(  # noqa: PLR0913, PLR0917 - a row of the table
    server: str, token_for: Token, query: str, headers: dict[str, str] | None, status: int, code: str
):
    sent = {"Authorization": f"Bearer {token_for('ada', 'acme')}"} if headers is None else headers

    async with httpx2.AsyncClient(base_url=server) as client:
        answer = await client.get(f"{EXECUTIONS_PATH}/stream{query}", headers=sent)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("token", "query", "code", "reason"),
    [
        pytest.param(
            token_of("ada", lifetime=timedelta(hours=-1)), "", 4401, "Your token has expired", id="an old token"
        ),
        pytest.param(token_of_an_auditor(), "", 4403, "This needs the scope executions:read", id="without the scope"),
        pytest.param(None, "", 4401, "Send a token", id="no token"),
        pytest.param("x.y.z", "", 4401, "Your token is not valid", id="a wrong token"),
        pytest.param("", "?status=done", 4400, "status", id="an unknown status"),
        pytest.param(
            "",
            "?statuses=failed",
            4400,
            "There is no parameter statuses; did you mean status?",
            id="an unknown parameter",
        ),
    ],
)
async def test_a_socket_that_cannot_be_is_closed_with_the_reason(  # noqa: PLR0913, PLR0917 - a row of the table
    server: str, token_for: Token, token: str | None, query: str, code: int, reason: str
):
    async with socket_of(server, token_for("ada", "acme") if token == "" else token, query) as socket:
        closing = await closing_of(socket)

    assert closing[0] == code
    assert closing[1].startswith(reason)


async def test_a_browser_passes_the_token_as_a_subprotocol(server: str, token_for: Token, database: Database):
    protocols = [Subprotocol("bearer"), Subprotocol(token_for("ada", "acme"))]
    async with connect(f"{server.replace('http', 'ws')}{EXECUTIONS_PATH}/ws", subprotocols=protocols) as socket:
        await put(database, "e1", status="running")

        message = await message_from(socket)

    assert socket.subprotocol == "bearer"
    assert message["execution_id"] == "e1"


async def test_a_socket_and_a_stream_end_with_their_token(server: str):
    token = issue_token(SECRET, user="ada", tenant="acme", scopes=(), lifetime=timedelta(seconds=3) - LEEWAY)

    async with socket_of(server, token) as socket, stream_of(server, token) as stream:
        closing = await closing_of(socket)
        rest = await stream.rest()

    assert closing == (4403, "Your token has expired; get a new one.")
    assert not any(line.startswith("data") for line in rest)


async def test_what_a_client_says_is_let_pass(server: str, token_for: Token, database: Database):
    async with socket_of(server, token_for("ada", "acme")) as socket:
        await socket.send("hello")
        await socket.send(b"\x00")
        await put(database, "e1", status="running")

        message = await message_from(socket)

    assert message["execution_id"] == "e1"

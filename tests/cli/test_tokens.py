"""Revocation as an operator does it: two servers, everything that can be open, and one command."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from typing import Self

import httpx2
import jwt
import pytest

from execution_monitor.auth.tokens import issue_token
from execution_monitor.storage.database import Database
from tests.graphql.transport.test_graphql_transport_ws import Socket, opened
from tests.rest.test_live import closing_of, socket_of
from tests.support.access_keys import made_key
from tests.support.client import execute
from tests.support.servers import wait_until_ready
from tests.support.tokens import SECRET

SOON = 20.0
LIST = "/api/v1/workflow-management/executions"
FOLLOW = {"query": "subscription { executionUpdates { kind } }"}
REVOKED = "Your token has been revoked; sign in again."
KEY_REVOKED = "Your access key has been revoked; send another one."

Token = Callable[..., str]


@pytest.fixture
def environment(database: Database, mongodb_uri: str) -> dict[str, str]:
    return {
        **os.environ,
        "EXECUTION_MONITOR_MONGODB_URI": mongodb_uri,
        "EXECUTION_MONITOR_DATABASE": database.handle.name,
        "EXECUTION_MONITOR_JWT_SECRET": SECRET,
    }


@contextlib.asynccontextmanager
async def started(environment: dict[str, str]) -> AsyncGenerator[str]:
    """A server in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "execution_monitor", "serve", "--port", port]
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=subprocess.DEVNULL)
    try:
        await listening(int(port))
        await wait_until_ready(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


async def listening(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.05)


async def run_command(environment: dict[str, str], *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "execution_monitor", *arguments, env=environment, stdout=subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode()


class Followers:
    """Everything that one token can hold open at one server."""

    def __init__(self, server: str, token: str) -> None:
        self._server = server
        self._token = token
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "text/event-stream"}
        enter = self._stack.enter_async_context
        self._idle, self._following = await enter(opened(self._server)), await enter(opened(self._server))
        await self._idle.begin(self._token)
        await self._following.begin(self._token)
        await self._following.subscribe(FOLLOW)
        self._rest = await enter(socket_of(self._server, self._token))
        client = await enter(httpx2.AsyncClient(base_url=self._server, headers=headers, timeout=SOON))
        self._stream = await enter(client.stream("POST", "/graphql", json=FOLLOW))
        self._rest_stream = await enter(client.stream("GET", f"{LIST}/stream"))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def ends(self, reason: str = "") -> list[object]:
        """How each ended, for a token or, with its `reason`, for a key."""
        sockets = [await each.closed() for each in (self._idle, self._following)]
        stream = (await self._stream.aread()).decode()
        await self._rest_stream.aread()
        return [
            *sockets,
            await closing_of(self._rest),
            (reason or REVOKED) in stream,
            stream.endswith("complete\ndata:\n\n"),
        ]


def ends_with(reason: str) -> list[object]:
    return [(4403, f"Forbidden: {reason}"), (4403, f"Forbidden: {reason}"), (4403, reason), True, True]


ENDS, KEY_ENDS = ends_with(REVOKED), ends_with(KEY_REVOKED)


@pytest.mark.parametrize("by", ["subject", "token"])
async def test_everything_a_revoked_token_holds_open_is_closed_on_every_server(
    environment: dict[str, str], database: Database, by: str
):
    lifetime = timedelta(hours=1)
    token, other = (
        issue_token(SECRET, user=user, tenant="acme", scopes=[], lifetime=lifetime) for user in ("ada", "ben")
    )
    # One that was made for the user, one that the user made, and one that has nothing to do with the user.
    creation = ("key", "create", "--name", "nightly", "--user", "ada", "--tenant", "acme", "--scope", "executions:read")
    for_ada = (await run_command(environment, *creation)).splitlines()[-1]
    by_ada, key_of_another = [
        await made_key(database, "ben", "executions:read", maker=maker) for maker in ("ada", "ben")
    ]
    async with started(environment) as first, started(environment) as second:
        async with contextlib.AsyncExitStack() as stack:
            followers = [await stack.enter_async_context(Followers(url, token)) for url in (first, second)]
            spared: list[Socket] = [await stack.enter_async_context(opened(url)) for url in (first, second)]
            for each, spared_by in zip(spared, (other, key_of_another.text), strict=True):
                await each.begin(spared_by)
            with_keys = [
                await stack.enter_async_context(Followers(url, key))
                for url, key in ((first, for_ada), (second, by_ada.text))
            ]

            selection = ("--user", "ada", "--tenant", "acme") if by == "subject" else ("--token-id", id_of(token))
            output = await run_command(environment, "revoke", *selection)
            if by == "token":
                # Each as a person may have it at hand.
                await run_command(environment, "key", "revoke", for_ada)
                await run_command(environment, "key", "revoke", str(by_ada.row["_id"]))
            ends = [await each.ends() for each in followers]
            key_ends = [await each.ends(KEY_REVOKED) for each in with_keys]

            for each in spared:
                await each.send({"type": "ping"})
                assert await each.receive() == {"type": "pong"}
        answers = [await execute(url, token, "{ viewer { userId } }") for url in (first, second)]
        listed = [await listing(url, token) for url in (first, second)]
        key_answers = [await execute(url, for_ada, "{ viewer { userId } }") for url in (first, second)]
        new_token_status = await signed_in_again(first)

    assert ends == [ENDS, ENDS]
    assert key_ends == [KEY_ENDS, KEY_ENDS]
    assert [(answer.status, answer.message) for answer in key_answers] == [(401, KEY_REVOKED)] * 2
    assert [(answer.status, answer.codes, answer.message) for answer in answers] == [
        (401, ["UNAUTHENTICATED"], REVOKED)
    ] * 2
    assert listed == [401, 401]
    assert new_token_status == 200
    if by == "subject":
        assert "Tokens of ada of acme that were issued until" in output
        assert "made by or for ada and are revoked now: 2." in output
    else:
        assert "The token " in output


def id_of(token: str) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's
    return claims["jti"]


async def listing(server: str, token: str) -> int:
    async with httpx2.AsyncClient(base_url=server) as client:
        return (await client.get(LIST, headers={"Authorization": f"Bearer {token}"})).status_code


async def signed_in_again(server: str) -> int:
    """The status of a request with a token that was issued after the second of the revocation."""
    await asyncio.sleep(1)
    token = issue_token(SECRET, user="ada", tenant="acme", scopes=[], lifetime=timedelta(hours=1))
    return (await execute(server, token, "{ viewer { userId } }")).status

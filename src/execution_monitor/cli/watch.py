"""Follow executions over graphql-transport-ws, and print lines for people or JSON for programs."""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson
from rich.console import Console
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

from execution_monitor.cli.server_address import CommandFailed, endpoint_of, failure_of, parse_filter, require_token
from execution_monitor.cli.watch_lines import render_event

_SUBPROTOCOL = Subprotocol("graphql-transport-ws")
_WEBSOCKET = {"http": "ws", "https": "wss"}

# As long as the server waits for the first message.
_CONNECT_SECONDS = 10.0
_MIN_PAUSE, _MAX_PAUSE = 0.5, 8.0  # seconds between attempts to reconnect
_MAX_MESSAGE_BYTES = 32 * 1024 * 1024
# Close codes that another attempt with the same token would get, too.
_FINAL_CLOSES = frozenset({4400, 4401, 4403, 4406})

_UPDATE = """kind cursor occurredAt executionId execution {
  workflowName status statusDetail progress { percentage currentStep totalSteps } durationSeconds error { message }
}"""
UPDATES = f"""subscription Watch($filter: ExecutionFilter, $after: String) {{
  event: executionUpdates(filter: $filter, after: $after) {{ __typename {_UPDATE} }}
}}"""
ACTIVITY = f"""subscription WatchOne($executionId: String!, $after: String) {{
  event: executionActivity(executionId: $executionId, after: $after) {{
    __typename
    ... on ExecutionUpdate {{ {_UPDATE} }}
    ... on StepUpdate {{ cursor occurredAt step {{ stepId name status attempt durationSeconds error {{ message }} }} }}
    ... on LogAppended {{ cursor occurredAt entry {{ at level message stepId }} }}
  }}
}}"""


# Shows one event.
Show = Callable[[Mapping[str, Any]], None]


class _StaleCursor(Exception):
    """The server cannot resume from the cursor any more."""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What to follow, on which server, with which token, and how to print it."""

    address: str
    token: str
    query: str
    variables: Mapping[str, Any]
    as_json: bool

    @classmethod
    def from_command(
        cls, url: str, token: str, *, where: str | None, execution_id: str | None, as_json: bool
    ) -> "WatchOptions":
        """The options of the command; raises `CommandFailed` when they are wrong."""
        require_token(token)
        if execution_id is None:
            return cls(endpoint_of(url, _WEBSOCKET), token, UPDATES, {"filter": parse_filter(where)}, as_json)
        if where is not None:
            raise CommandFailed("--filter and --execution exclude each other; give one of them.", 2)
        return cls(endpoint_of(url, _WEBSOCKET), token, ACTIVITY, {"executionId": execution_id}, as_json)


async def watch(options: WatchOptions, show: Show | None = None) -> bool:
    """Print every event, or `show` it, until the server completes the subscription; whether the execution completed.

    Reconnects when a connection is lost, and resumes after the last event. Raises `CommandFailed` for what another
    attempt would not solve.
    """
    cursor: str | None = None
    status: str | None = None
    pause, connected = _MIN_PAUSE, False
    show = show or _printer(options)
    while True:
        try:
            async with aclosing(_follow(options, cursor)) as events:
                async for event in events:
                    pause, connected = _MIN_PAUSE, True
                    if event is None:
                        continue
                    cursor = event["cursor"]
                    if event.get("execution"):
                        status = event["execution"]["status"]
                    show(event)
        except _StaleCursor:
            cursor = None
            _warn("The server cannot resume after the last event; starting over. Events may have been missed.")
        except (ConnectionClosed, OSError, InvalidHandshake, InvalidMessage, TimeoutError) as error:
            _raise_final(error, options, connected=connected)
            _warn(f"The connection was lost; reconnecting in {pause:.1f} s.")
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - so that clients do not all reconnect at once
            pause = min(_MAX_PAUSE, pause * 2)
        else:
            return status == "COMPLETED"


async def _follow(options: WatchOptions, after: str | None) -> AsyncGenerator[dict[str, Any] | None]:
    """The events of one connection; first None, when it is open."""
    async with connect(
        options.address,
        subprotocols=[_SUBPROTOCOL],
        open_timeout=_CONNECT_SECONDS,
        max_size=_MAX_MESSAGE_BYTES,
    ) as socket:
        await _send(socket, {"type": "connection_init", "payload": {"Authorization": f"Bearer {options.token}"}})
        async for text in socket:
            message: dict[str, Any] = orjson.loads(text)
            match message["type"]:
                case "connection_ack":
                    payload = {"query": options.query, "variables": {**options.variables, "after": after}}
                    await _send(socket, {"type": "subscribe", "id": "1", "payload": payload})
                    yield None
                case "ping":
                    await _send(socket, {"type": "pong"})
                case "next":
                    _raise_errors(message["payload"].get("errors"))
                    yield message["payload"]["data"]["event"]
                case "error":
                    _raise_errors(message["payload"])
                case "complete":
                    return
                case _:
                    pass
    raise OSError("closed")


async def _send(socket: ClientConnection, message: Mapping[str, Any]) -> None:
    await socket.send(orjson.dumps(message).decode())


def _raise_errors(errors: list[dict[str, Any]] | None) -> None:
    if not errors:
        return
    code = errors[0].get("extensions", {}).get("code")
    if code == "INVALID_CURSOR":
        raise _StaleCursor
    if code in ("DATABASE_UNAVAILABLE", "RATE_LIMITED"):
        raise OSError(errors[0]["message"])
    raise failure_of(errors[0])


def _raise_final(error: Exception, options: WatchOptions, *, connected: bool) -> None:
    """Raise `CommandFailed` if another attempt would fail in the same way, or no connection was ever made."""
    if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code in _FINAL_CLOSES:
        # The protocol has one word, Forbidden, for every refusal; only the sentence says what to do.
        reason = error.rcvd.reason.removeprefix("Forbidden: ")
        raise CommandFailed(reason or f"The server closed the connection ({error.rcvd.code}).") from error
    if not connected:
        shown = urlunsplit(urlsplit(options.address)._replace(path=""))
        what = "is no Execution Monitor" if isinstance(error, InvalidHandshake | InvalidMessage) else "does not answer"
        raise CommandFailed(f"{shown} {what}; start the server, or name another with --url.") from error


def _printer(options: WatchOptions) -> Show:
    out = Console(soft_wrap=True, highlight=False)

    def show(event: Mapping[str, Any]) -> None:
        if options.as_json:
            sys.stdout.write(orjson.dumps(event).decode() + "\n")
            sys.stdout.flush()
        else:
            out.print(render_event(event))

    return show


def _warn(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")

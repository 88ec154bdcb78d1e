"""Follow executions over graphql-transport-ws, and print lines for people or JSON for programs."""

import asyncio
import json
import random
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

import orjson
from rich.console import Console
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage
from websockets.typing import Subprotocol

from execution_monitor.cli.watch_lines import render_event
from execution_monitor.errors import SetupError

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


class WatchError(SetupError):
    """Why a watch cannot go on; the exit code is 2 when the options are wrong."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


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
        """The options of the command; raises `WatchError` when they are wrong."""
        if not token:
            raise WatchError(
                "Pass a token with --token or EXECUTION_MONITOR_TOKEN; in development "
                "`execution-monitor token --user ada` prints one.",
                2,
            )
        if execution_id is None:
            return cls(_address(url), token, UPDATES, {"filter": _parse(where)}, as_json)
        if where is not None:
            raise WatchError("--filter and --execution exclude each other; give one of them.", 2)
        return cls(_address(url), token, ACTIVITY, {"executionId": execution_id}, as_json)


async def watch(options: WatchOptions) -> bool:
    """Print every event until the server completes the subscription; whether the execution completed.

    Reconnects when a connection is lost, and resumes after the last event. Raises `WatchError` for what another attempt
    would not solve.
    """
    cursor: str | None = None
    status: str | None = None
    pause, connected = _MIN_PAUSE, False
    out = Console(soft_wrap=True, highlight=False)
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
                    _show(event, options, out)
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
    raise WatchError(errors[0]["message"], 2 if code in ("BAD_USER_INPUT", "QUERY_TOO_COMPLEX") else 1)


def _raise_final(error: Exception, options: WatchOptions, *, connected: bool) -> None:
    """Raise `WatchError` if another attempt would fail in the same way, or no connection was ever made."""
    if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code in _FINAL_CLOSES:
        # The protocol has one word, Forbidden, for every refusal; only the sentence says what to do.
        reason = error.rcvd.reason.removeprefix("Forbidden: ")
        raise WatchError(reason or f"The server closed the connection ({error.rcvd.code}).") from error
    if not connected:
        shown = urlunsplit(urlsplit(options.address)._replace(path=""))
        what = "is no Execution Monitor" if isinstance(error, InvalidHandshake | InvalidMessage) else "does not answer"
        raise WatchError(f"{shown} {what}; start the server, or name another with --url.") from error


def _show(event: dict[str, Any], options: WatchOptions, out: Console) -> None:
    if options.as_json:
        sys.stdout.write(orjson.dumps(event).decode() + "\n")
        sys.stdout.flush()
    else:
        out.print(render_event(event))


def _warn(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")


def _address(url: str) -> str:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        usable = parts.scheme in _WEBSOCKET and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise WatchError(f"{url} is no address of a server; write one such as http://127.0.0.1:8000.", 2)
    # People copy the address of the server, or that of its endpoint.
    path = parts.path.rstrip("/").removesuffix("/graphql")
    return urlunsplit((_WEBSOCKET[parts.scheme], parts.netloc, f"{path}/graphql", "", ""))


def _parse(where: str | None) -> dict[str, Any] | None:
    if where is None:
        return None
    try:
        parsed = json.loads(where)
    except ValueError as error:
        raise WatchError(f"--filter is not JSON: {error}.", 2) from error
    if not isinstance(parsed, dict):
        raise WatchError('--filter must be an object such as {"status": {"eq": "FAILED"}}.', 2)
    return cast("dict[str, Any]", parsed)

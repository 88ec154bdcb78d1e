"""Events over real transports after a live cursor: graphql-transport-ws and server-sent events."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import orjson

from tests.authorization_model.reference import Person
from tests.graphql.transport.test_event_streams import cursor_now, streamed
from tests.graphql.transport.test_graphql_transport_ws import opened

UPDATES = """subscription Q($after: String) {
  executionUpdates(after: $after) { kind executionId execution { sessionId } } }"""

# The kind of the next event, the execution's id, and the mark of what is shown of it.
Event = tuple[str, str, Any]
Receive = Callable[[], Awaitable[Event]]


@contextlib.asynccontextmanager
async def following(server: str, who: Person, *, over_socket: bool) -> AsyncGenerator[Receive]:
    """Subscribe; yields a function that returns the next event from now on."""
    after = await cursor_now(server, who.token)
    if over_socket:
        # Where a difference is found, nobody reads on, not even the answer to the close frame.
        async with opened(server, close_timeout=1) as socket:
            await socket.begin(who.token)
            await socket.subscribe({"query": UPDATES, "variables": {"after": after}})

            async def receive() -> Event:
                return _read(await socket.next())

            yield receive
    else:
        async with streamed(server, who.token, "text/event-stream", UPDATES, after=after) as response:
            events = (line async for line in response.aiter_lines() if line.startswith("data: {"))

            async def read() -> Event:
                return _read(orjson.loads((await anext(events)).removeprefix("data: "))["data"])

            yield read


def _read(data: Any) -> Event:
    event = data["executionUpdates"]
    shown = event["execution"]
    return event["kind"].lower(), event["executionId"], shown and shown["sessionId"]


async def receive_until(receive: Receive, last: str) -> list[Event]:
    """The events before that of the execution `last`, without those that end another caller's events."""
    found: list[Event] = []
    while (event := await receive())[1] != last:
        if not event[1].startswith("end-"):
            found.append(event)
    return found

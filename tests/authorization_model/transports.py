"""Events as they come over the wire: by graphql-transport-ws or as server-sent events, behind a live cursor."""

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
Hear = Callable[[], Awaitable[Event]]


@contextlib.asynccontextmanager
async def following(server: str, who: Person, *, over_socket: bool) -> AsyncGenerator[Hear]:
    """What hears, one by one, the events that happen from now on."""
    after = await cursor_now(server, who.token)
    if over_socket:
        async with opened(server) as socket:
            await socket.begin(who.token)
            await socket.subscribe({"query": UPDATES, "variables": {"after": after}})

            async def receive() -> Event:
                return _read((await socket.receive())["payload"])

            yield receive
    else:
        async with streamed(server, who.token, "text/event-stream", UPDATES, after=after) as response:
            events = (line async for line in response.aiter_lines() if line.startswith("data: {"))

            async def read() -> Event:
                return _read(orjson.loads((await anext(events)).removeprefix("data: ")))

            yield read


def _read(payload: Any) -> Event:
    event = payload["data"]["executionUpdates"]
    shown = event["execution"]
    return event["kind"].lower(), event["executionId"], shown and shown["sessionId"]


async def heard_until(hear: Hear, last: str) -> list[Event]:
    """The events before the one about the execution `last`; others that end somebody's hearing are passed over."""
    found: list[Event] = []
    while (event := await hear())[1] != last:
        if not event[1].startswith("end-"):
            found.append(event)
    return found

"""Subscriptions over one HTTP response: Server-Sent Events, and multipart.

Server-Sent Events follow the distinct connections mode of graphql-sse's PROTOCOL.md, multipart Apollo's "Multipart HTTP
protocol for GraphQL subscriptions".
"""

import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import orjson
from starlette.responses import Response, StreamingResponse
from typing_extensions import override

from execution_monitor.asgi.heartbeat import heartbeat_comment, with_heartbeats
from execution_monitor.errors import ExecutionMonitorError, Unauthenticated
from execution_monitor.graphql.errors import to_request_error
from execution_monitor.graphql.validation.operation import RequestErrors
from execution_monitor.limits.streams import Ended
from execution_monitor.live.lag import LagMeter

EVENT_STREAM = "text/event-stream"
MULTIPART = "multipart/mixed"


class Framing(Protocol):
    """How payloads are separated in one response."""

    content_type: str
    begin: bytes
    end: bytes

    def frame(self, payload: bytes) -> bytes:
        """`payload` as it is sent."""
        ...

    def heartbeat(self, behind_seconds: int) -> bytes:
        """A heartbeat that is no event; where the protocol allows it, with the lag of live updates in seconds."""
        ...

    def fail(self, errors: bytes) -> bytes:
        """What ends the stream early: `errors`, a list as JSON."""
        ...


class EventStream(Framing):
    """graphql-sse: an event `next` for each payload, `complete` at the end, comments in between."""

    content_type = EVENT_STREAM
    begin = b""
    end = b"event: complete\ndata:\n\n"

    @override
    def frame(self, payload: bytes) -> bytes:
        return b"event: next\ndata: " + payload + b"\n\n"

    @override
    def heartbeat(self, behind_seconds: int) -> bytes:
        return heartbeat_comment(behind_seconds)

    @override
    def fail(self, errors: bytes) -> bytes:
        return self.frame(b'{"errors":' + errors + b"}")


class Multipart(Framing):
    """Apollo's: a part for each payload, an empty object in between, a closing boundary at the end.

    The boundary comes right after each part: clients treat no part as complete before they have seen it.
    """

    content_type = f'{MULTIPART}; boundary="graphql"; subscriptionSpec="1.0"'
    begin = b"\r\n--graphql"
    end = b"--\r\n"

    @override
    def frame(self, payload: bytes) -> bytes:
        return b'\r\nContent-Type: application/json\r\n\r\n{"payload":' + payload + b"}\r\n--graphql"

    @override
    def heartbeat(self, behind_seconds: int) -> bytes:
        # The protocol has an empty object; some clients treat any other as a broken payload.
        return b"\r\nContent-Type: application/json\r\n\r\n{}\r\n--graphql"

    @override
    def fail(self, errors: bytes) -> bytes:
        return b'\r\nContent-Type: application/json\r\n\r\n{"payload":null,"errors":' + errors + b"}\r\n--graphql"


FRAMINGS: dict[str, Framing] = {EVENT_STREAM: EventStream(), MULTIPART: Multipart()}


def stream(
    payloads: AsyncGenerator[bytes], framing: Framing, held: AbstractContextManager[Ended], behind: LagMeter
) -> StreamingResponse:
    """The response that sends `payloads` until they end, the client leaves, or the token that it is `held` for ends.

    Its heartbeats carry the lag of live updates, as `behind` measures it.
    """
    return StreamingResponse(_frames(payloads, framing, held, behind), headers=_headers_of(framing))


def stream_errors(errors: Sequence[Mapping[str, Any]], framing: Framing) -> Response:
    """The response to an operation that could not begin: a stream of its errors, which a status could not carry."""
    body = framing.begin + framing.frame(orjson.dumps({"errors": errors})) + framing.end
    return Response(body, headers=_headers_of(framing))


def _headers_of(framing: Framing) -> dict[str, str]:
    return {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Type": framing.content_type}


async def _frames(
    payloads: AsyncGenerator[bytes], framing: Framing, held: AbstractContextManager[Ended], behind: LagMeter
) -> AsyncGenerator[bytes]:
    async with contextlib.aclosing(payloads):
        if framing.begin:
            yield framing.begin
        try:
            with held as ended:
                async with contextlib.aclosing(with_heartbeats(payloads, ended)) as paced:
                    async for payload in paced:
                        if payload is None:
                            yield framing.heartbeat(behind.seconds_to_report)
                        else:
                            yield framing.frame(payload)
                if ended.done():
                    # Otherwise the client would think that the subscription is complete.
                    raise Unauthenticated(ended.result())
        except RequestErrors as error:
            yield framing.frame(orjson.dumps({"errors": error.errors}))
        except ExecutionMonitorError as error:
            yield framing.fail(orjson.dumps([to_request_error(error)]))
    yield framing.end

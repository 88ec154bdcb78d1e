"""The vocabulary of graphql-transport-ws: message types, close codes, and messages as they are parsed.

From PROTOCOL.md of enisdenjo/graphql-ws; the codes 1012 and 1013 are from RFC 6455's registry.
"""

from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Any, cast

import orjson

SUBPROTOCOL = "graphql-transport-ws"


class MessageType(StrEnum):
    """The member `type` of a message."""

    CONNECTION_INIT = "connection_init"
    CONNECTION_ACK = "connection_ack"
    PING = "ping"
    PONG = "pong"
    SUBSCRIBE = "subscribe"
    NEXT = "next"
    ERROR = "error"
    COMPLETE = "complete"


class CloseCode(Enum):
    """Why the server closes a socket: the code and the reason of its close frame."""

    INVALID_MESSAGE = (4400, "Invalid message")
    UNAUTHORIZED = (4401, "Unauthorized")
    FORBIDDEN = (4403, "Forbidden")
    SUBPROTOCOL_NOT_ACCEPTABLE = (4406, "Subprotocol not acceptable")
    CONNECTION_INITIALISATION_TIMEOUT = (4408, "Connection initialisation timeout")
    SUBSCRIBER_ALREADY_EXISTS = (4409, "Subscriber already exists")
    TOO_MANY_INITIALISATION_REQUESTS = (4429, "Too many initialisation requests")
    TOO_MANY_OPERATIONS = (4429, "Too many operations")
    TOO_MANY_CONNECTIONS = (4429, "Too many connections")
    SERVICE_RESTART = (1012, "Service restart")
    TRY_AGAIN_LATER = (1013, "Try again later")
    TOO_SLOW = (1013, "Too slow")


class CloseSocket(Exception):
    """Raised to close the socket, with a reason of its own if `reason` is given."""

    def __init__(self, close: CloseCode, reason: str = "") -> None:
        super().__init__(close.name)
        self.code = close.value[0]
        # A reason has room for 123 bytes (RFC 6455, section 5.5).
        self.reason = (reason or close.value[1]).encode()[:123].decode(errors="ignore")


def invalid_message(why: str) -> CloseSocket:
    """The error that closes the socket for a message against the protocol."""
    return CloseSocket(CloseCode.INVALID_MESSAGE, f"Invalid message: {why}")


def parse_message(text: str | None) -> Mapping[str, Any]:
    """The JSON object of a text frame; `text` is None for a binary frame.

    Raises:
        CloseSocket: it is anything else.
    """
    try:
        message = orjson.loads(text or "")
    except orjson.JSONDecodeError as error:
        raise invalid_message("not JSON") from error
    if not isinstance(message, dict):
        raise invalid_message("not an object")
    return cast("dict[str, Any]", message)


def operation_id_of(message: Mapping[str, Any]) -> str:
    """The member `id` of `message`.

    Raises:
        CloseSocket: it is missing, empty or not text.
    """
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not operation_id:
        raise invalid_message("the id must be text")
    return operation_id

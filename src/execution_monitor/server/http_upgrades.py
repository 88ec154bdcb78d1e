"""Offers to speak another protocol (`Upgrade`): WebSocket is taken, all others are ignored (RFC 9110, section 7.8)."""

from collections.abc import Iterable

from execution_monitor.server.http_request_heads import Headers


def takes_websocket(method: bytes, http_version: str, headers: Headers) -> bool:
    """Whether the request is a handshake of RFC 6455: only a GET without a body opens a WebSocket."""
    return (
        method == b"GET"
        and http_version == "1.1"
        and b"websocket" in _listed(headers, b"upgrade")
        and not any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers
        )
    )


def head_without_offer(method: bytes, target: bytes, http_version: str, headers: Headers) -> bytes:
    """The head of the same request without its `Upgrade`, for a parser that stops at one and forgets the body."""
    lines = [b"%b %b HTTP/%b" % (method, target, http_version.encode())]
    lines += [b"%b: %b" % (name, value) for name, value in headers if name != b"upgrade"]
    return b"\r\n".join((*lines, b"", b""))


def _listed(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> set[bytes]:
    """What all lines of one header list, in lower case."""
    return {part.strip().lower() for each, value in headers if each == name for part in value.split(b",")}

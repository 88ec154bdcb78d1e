"""The heads of HTTP requests: how large they may be, which host they name, and which upgrades are accepted.

llhttp, which parses them, has no limits for targets, headers and trailers. Of the protocols that `Upgrade` offers,
WebSocket is accepted, and all others are ignored (RFC 9110, section 7.8).
"""

import re
from collections.abc import Iterable
from http import HTTPStatus

# RFC 9110, section 4.1, requires at least 8,000 bytes; a longer operation can be sent with POST.
MAX_TARGET_BYTES = 16 * 1024
# Tokens of identity providers that list groups have several kilobytes.
MAX_HEAD_BYTES = 64 * 1024

_ABSOLUTE_FORM = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)

Headers = list[tuple[bytes, bytes]]


class RequestRefused(Exception):
    """A request that gets a response with `status` before an application sees it; its connection is closed."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def too_large(target: bytes) -> RequestRefused:
    """The refusal of a head that is too large, with the `target` as far as it has been read."""
    if len(target) > MAX_TARGET_BYTES:
        return RequestRefused(
            HTTPStatus.REQUEST_URI_TOO_LONG,
            f"The address is longer than {MAX_TARGET_BYTES:,} bytes; send the operation with POST.",
        )
    return RequestRefused(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"The headers or trailers are larger than {MAX_HEAD_BYTES:,} bytes."
    )


def to_origin_form(target: bytes, headers: Headers) -> bytes:
    """The path and query of a `target` in absolute form; its host replaces `Host` in `headers`.

    The target counts, whatever `Host` holds (RFC 9112, section 3.2.2).
    """
    match = _ABSOLUTE_FORM.fullmatch(target)
    if match is None:
        return target
    headers[:] = [(name, match[1] if name == b"host" else value) for name, value in headers]
    return match[2] if match[2].startswith(b"/") else b"/" + match[2]


def takes_websocket(method: bytes, http_version: str, headers: Headers) -> bool:
    """Whether a request is a WebSocket handshake (RFC 6455): a GET without a body."""
    return (
        method == b"GET"
        and http_version == "1.1"
        and b"websocket" in _list_of(headers, b"upgrade")
        and not any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in headers
        )
    )


def head_without_upgrade(method: bytes, target: bytes, http_version: str, headers: Headers) -> bytes:
    """The head of the same request without `Upgrade`, at which llhttp would stop and skip the body."""
    lines = [b"%b %b HTTP/%b" % (method, target, http_version.encode())]
    lines += [b"%b: %b" % (name, value) for name, value in headers if name != b"upgrade"]
    return b"\r\n".join((*lines, b"", b""))


def _list_of(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> set[bytes]:
    """The elements of all lines of a header that is a list, in lower case."""
    return {part.strip().lower() for each, value in headers if each == name for part in value.split(b",")}

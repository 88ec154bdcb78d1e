"""Heads of requests: how large they may be, and which host they name.

llhttp, which parses them, reads targets, headers and trailers without end.
"""

import re
from http import HTTPStatus

# RFC 9110, section 4.1, wants at least 8,000 bytes; an operation of twice as many is better sent with POST.
MAX_TARGET_BYTES = 16 * 1024
# Tokens of identity providers that list groups have some kilobytes.
MAX_HEAD_BYTES = 64 * 1024

_ABSOLUTE_FORM = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)

Headers = list[tuple[bytes, bytes]]


class Refused(Exception):
    """A request that is answered with `status` before an application sees it; its connection is closed."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def too_large(target: bytes) -> Refused:
    """Why a head, with what has come of its `target`, is refused for its size."""
    if len(target) > MAX_TARGET_BYTES:
        return Refused(
            HTTPStatus.REQUEST_URI_TOO_LONG,
            f"The address is longer than {MAX_TARGET_BYTES:,} bytes; send the operation with POST.",
        )
    return Refused(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"The headers or trailers are larger than {MAX_HEAD_BYTES:,} bytes."
    )


def to_origin_form(target: bytes, headers: Headers) -> bytes:
    """The path and query of a `target` in absolute form; what it names takes the place of `Host` in `headers`.

    Whatever stands in `Host`, the target counts (RFC 9112, section 3.2.2).
    """
    match = _ABSOLUTE_FORM.fullmatch(target)
    if match is None:
        return target
    headers[:] = [(name, match[1] if name == b"host" else value) for name, value in headers]
    return match[2] if match[2].startswith(b"/") else b"/" + match[2]

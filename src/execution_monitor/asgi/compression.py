"""Gzip for the answers of GraphQL and REST, where no foreign page can have them made (BREACH).

Compressed, an answer's length tells how much of what an attacker chose is in it a second time, and so byte by byte what
else is in it. That takes many answers to requests of the attacker's, with the victim's rights. A token in a header is
what a page elsewhere cannot send: only requests with one are answered in gzip. Routes are wrapped one by one, so that
whatever is not named (sign-in, pages, metrics) stays as it is; streams are never compressed, since an event would wait
in the compressor for the next; nor is an answer that forbids it (`Cache-Control: no-transform`), as one that tells of a
new secret must.
"""

import re
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipResponder, IdentityResponder
from starlette.types import ASGIApp, Receive, Scope, Send
from typing_extensions import override

# What fits into one packet beside its head gets there no sooner for being smaller.
MINIMUM_BYTES: Final = 1_400
# Of a varied list of 100, 6 takes twice the time for 9 % fewer bytes, and 9 four times for another 3 %.
_LEVEL = 1
_STREAMS = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "multipart/mixed")
# RFC 9110, section 12.4.2.
_QUALITY = re.compile(r"q=(0(\.\d*)?|1(\.0*)?)", re.ASCII | re.IGNORECASE)


class Compression:
    """ASGI middleware for one route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = Headers(scope=scope)
        if not headers.get("authorization", "").lower().startswith("bearer "):
            await self._app(scope, receive, send)
        elif accepts_gzip(headers):
            await _WholeAnswer(self._app, MINIMUM_BYTES, _LEVEL, exclude_content_types=_STREAMS)(scope, receive, send)
        else:
            # For its Vary: the same address has another answer for others.
            await IdentityResponder(self._app, MINIMUM_BYTES, exclude_content_types=_STREAMS)(scope, receive, send)


COMPRESSED: Final = (Middleware(Compression),)


class _WholeAnswer(GZipResponder):
    """Compresses answers that come in one piece and allow it."""

    _is_plain = False

    @override
    async def apply_compression(self, body: bytes, *, more_body: bool) -> bytes:
        headers = Headers(raw=self.initial_message["headers"])
        # Once in pieces, the last of them has to be as the others were.
        self._is_plain |= more_body or "no-transform" in headers.get("cache-control", "").lower()
        return body if self._is_plain else await super().apply_compression(body, more_body=more_body)


def accepts_gzip(headers: Headers) -> bool:
    """Whether `Accept-Encoding` allows gzip and does not prefer no coding at all (RFC 9110, section 12.5.3)."""
    stated = ",".join(headers.getlist("accept-encoding")).split(",")
    qualities = dict(map(_parse, stated))
    gzip = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return gzip > 0 and gzip >= qualities.get("identity", 0.0)


def _parse(coding: str) -> tuple[str, float]:
    name, *parameters = ("".join(part.split()).lower() for part in coding.split(";"))
    if not parameters:
        return name, 1.0
    quality = _QUALITY.fullmatch(parameters[0])
    return name, float(quality[1]) if quality else 0.0

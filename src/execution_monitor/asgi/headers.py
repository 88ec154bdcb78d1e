"""HTTP headers that several transports read or send."""

import re
from typing import Final

from starlette.datastructures import Headers

# A response is for one caller and for now: no cache may keep it.
NO_STORE: Final = {"Cache-Control": "no-store"}
# For a new secret: besides, no proxy may compress it (RFC 9111, section 5.2.2.6), which would help BREACH.
NO_STORE_NO_TRANSFORM: Final = {"Cache-Control": "no-store, no-transform"}

# RFC 9110, section 12.4.2.
_QUALITY = re.compile(r"q=(0(\.\d*)?|1(\.0*)?)", re.ASCII | re.IGNORECASE)


def combined_header(headers: Headers, name: str) -> str | None:
    """The lines of the header `name` as one list (RFC 9110, section 5.3), or None without the header."""
    lines = headers.getlist(name)
    return ", ".join(lines) if lines else None


def accepts_gzip(headers: Headers) -> bool:
    """Whether `Accept-Encoding` allows gzip and does not prefer no coding at all (RFC 9110, section 12.5.3)."""
    codings = (combined_header(headers, "accept-encoding") or "").split(",")
    qualities = dict(map(_parse_coding, codings))
    gzip = qualities.get("gzip", qualities.get("x-gzip", qualities.get("*", 0.0)))
    return gzip > 0 and gzip >= qualities.get("identity", 0.0)


def _parse_coding(coding: str) -> tuple[str, float]:
    name, *parameters = ("".join(part.split()).lower() for part in coding.split(";"))
    if not parameters:
        return name, 1.0
    quality = _QUALITY.fullmatch(parameters[0])
    return name, float(quality[1]) if quality else 0.0

"""HTTP headers that several transports read or send."""

from typing import Final

from starlette.datastructures import Headers

# A response is for one caller and for now: no cache may keep it.
NO_STORE: Final = {"Cache-Control": "no-store"}
# For a new secret: besides, no proxy may compress it (RFC 9111, section 5.2.2.6), which would help BREACH.
NO_STORE_NO_TRANSFORM: Final = {"Cache-Control": "no-store, no-transform"}


def combined_header(headers: Headers, name: str) -> str | None:
    """The lines of the header `name` as one list (RFC 9110, section 5.3), or None without the header."""
    lines = headers.getlist(name)
    return ", ".join(lines) if lines else None

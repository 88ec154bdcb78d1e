"""Headers that are lists: several lines of one are one list (RFC 9110, section 5.3)."""

from starlette.datastructures import Headers


def list_of(headers: Headers, name: str) -> str | None:
    """All lines of the header `name` as one; None where there is none."""
    lines = headers.getlist(name)
    return ", ".join(lines) if lines else None

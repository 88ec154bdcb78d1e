r"""Addresses of saved views: which ones the dashboard may open.

They come from other people of the tenant, so an address must lead to a page of this dashboard, whatever a browser makes
of it: to `//example.com`, `/\example.com` or a tab between the slashes it would add another host.
"""

import re
from urllib.parse import unquote

from execution_monitor.errors import BadUserInput

MAX_BYTES = 4_096
_DOTS = (".", "..")


def checked_address(address: str) -> str:
    """Return `address`; raises `BadUserInput` unless it is a path of the dashboard, with or without a query."""
    if not _is_path(address):
        raise BadUserInput(
            "The address of a view is a path of the dashboard with its query, such as /executions?since=-24h: it "
            "begins with exactly one slash, has no empty segment, no . and .., no backslash and no control characters."
        )
    if len(address.encode()) > MAX_BYTES:
        raise BadUserInput(f"The address of a view has at most {MAX_BYTES:,} bytes; save a shorter filter.")
    return address


def _is_path(address: str) -> bool:
    # What cannot be printed is refused in general: control characters, halves of surrogate pairs, changes of direction.
    if not address.startswith("/") or "\\" in address or not address.isprintable():
        return False
    *segments, last = re.split(r"[?#]", address, maxsplit=1)[0].split("/")[1:]
    return all(segments) and not any(unquote(each) in _DOTS for each in (*segments, last))

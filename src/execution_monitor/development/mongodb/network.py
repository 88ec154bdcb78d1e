"""Recognises in the output of a package client that there is no network.

A module of its own, since `.locks/install.py` imports it before any package is installed: only the standard library may
be used here.
"""

import re

# Messages of pip and apt, and codes of npm.
_NO_NETWORK = re.compile(
    r"Temporary failure (?:in name resolution|resolving)|Name or service not known|Could not resolve"
    r"|EAI_AGAIN|ENOTFOUND|Network is unreachable|ENETUNREACH|No route to host|EHOSTUNREACH"
    r"|Connection refused|ECONNREFUSED|timed out|ETIMEDOUT|ERR_SOCKET_TIMEOUT",
    re.IGNORECASE,
)
# A package arrived that is not the pinned one; an attempt before may have failed for lack of a network.
_TAMPERED = ("DO NOT MATCH THE HASHES", "EINTEGRITY")


def lack_of_network(output: str) -> str:
    """The part of a package client's `output` that says there is no network; empty if it failed for another reason."""
    found = _NO_NETWORK.search(output)
    return found[0] if found and not any(sign in output for sign in _TAMPERED) else ""

"""Whether a package client failed for lack of a network, told from what it printed.

`.locks/install.py` imports this before any package is installed: only the standard library may be used here.
"""

import re

# In the words of pip and apt, and in the codes of npm.
_NO_NETWORK = re.compile(
    r"Temporary failure (?:in name resolution|resolving)|Name or service not known|Could not resolve"
    r"|EAI_AGAIN|ENOTFOUND|Network is unreachable|ENETUNREACH|No route to host|EHOSTUNREACH"
    r"|Connection refused|ECONNREFUSED|timed out|ETIMEDOUT|ERR_SOCKET_TIMEOUT",
    re.IGNORECASE,
)
# A package arrived, and was not the one that is pinned; an attempt before it may have failed.
_TAMPERED = ("DO NOT MATCH THE HASHES", "EINTEGRITY")


def lack_of_network(output: str) -> str:
    """The words in a package client's `output` that tell of no network; empty when it failed for another reason."""
    found = _NO_NETWORK.search(output)
    return found[0] if found and not any(sign in output for sign in _TAMPERED) else ""

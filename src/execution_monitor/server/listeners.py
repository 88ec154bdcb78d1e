"""How many sockets this process may open."""

import resource

# For files, connections to MongoDB and to an issuer, and what else is no client.
_RESERVED = 256


def make_room_for_sockets(wanted: int) -> int:
    """Raise the limit of open files for `wanted` sockets, as far as it may be; how many of them there is room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    most = wanted + _RESERVED if hard == resource.RLIM_INFINITY else min(wanted + _RESERVED, hard)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(1, min(wanted, max(soft, most) - _RESERVED))

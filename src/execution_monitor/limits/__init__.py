"""Limits of what a client may use: points per minute, open sockets and streams, TCP connections.

Example:
    streams = OpenStreams(revocations, StreamLimits(per_caller=1_000))
    with streams.hold(caller, "203.0.113.5") as ended:  # raises RateLimited when there is no room
        reason = await ended  # the token has expired or is revoked
"""

"""Cross-site requests: those that a page of another site makes a browser send, and that may not write."""

from collections.abc import Collection

from starlette.datastructures import Headers

from execution_monitor.errors import Forbidden

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
# What `Sec-Fetch-Site` says of requests that no page of another origin made (W3C, Fetch Metadata).
_OWN_SITES = frozenset({"same-origin", "none"})


def is_same_origin(origin: str, host: str) -> bool:
    """Whether `origin` is that of the pages of `host`, in any scheme: a proxy may have terminated TLS."""
    scheme, _, place = origin.partition("://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and place.removesuffix(port) == host.removesuffix(port)


def refuse_cross_site(headers: Headers, origins: Collection[str]) -> None:
    """Raise `Forbidden` for a request of a page that is neither this server's nor of one of `origins`.

    Clients other than browsers send neither header, and may pass.
    """
    origin = headers.get("origin")
    if origin is not None and origin in origins:
        return
    is_foreign = origin is not None and not is_same_origin(origin.lower(), headers.get("host", "").lower())
    if is_foreign or headers.get("sec-fetch-site", "none") not in _OWN_SITES:
        raise Forbidden(
            "Pages of that origin may not write here; EXECUTION_MONITOR_ALLOWED_ORIGINS lists those that may."
        )

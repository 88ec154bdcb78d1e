"""Which addresses of an issuer are trusted: those whose responses no one on the network can forge."""

from urllib.parse import urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_https_or_loopback(url: str) -> bool:
    """Whether no one on the network can forge the responses of `url`: it is https, or on this machine."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        )
    except ValueError:
        return False

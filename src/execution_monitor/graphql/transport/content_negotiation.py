"""Content negotiation: the media type of a response (GraphQL over HTTP, section "Media Types")."""

import re
from collections.abc import Iterable, Mapping

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

# RFC 9110, section 12.4.2.
_QUALITY = re.compile(r"q=(0(\.\d*)?|1(\.0*)?)", re.ASCII)


def negotiate(accept: str | None) -> str | None:
    """The media type of JSON for an `Accept` header: `application/json` without one, None where it excludes both."""
    if accept is None or not accept.strip():
        return JSON
    qualities = dict(map(_parse, accept.split(",")))
    # At equal quality the newer type, but only for clients that name it.
    offered = (GRAPHQL_JSON, JSON) if GRAPHQL_JSON in qualities else (JSON, GRAPHQL_JSON)
    best = max(offered, key=lambda each: _quality(each, qualities))
    return best if _quality(best, qualities) > 0 else None


def is_for_a_page(accept: str | None) -> bool:
    """Whether a browser opens an address: it names `text/html`, and neither type of JSON."""
    named = dict(map(_parse, (accept or "").split(",")))
    return named.get("text/html", 0.0) > 0 and JSON not in named and GRAPHQL_JSON not in named


def negotiate_stream(accept: str | None, offered: Iterable[str]) -> str | None:
    """The best stream type that `accept` names; wildcards do not count, since clients add them for all else."""
    qualities = dict(map(_parse, (accept or "").split(",")))
    named = [each for each in offered if qualities.get(each, 0.0) > 0]
    return max(named, key=lambda each: qualities[each]) if named else None


def _parse(media_range: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in media_range.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            quality = _QUALITY.fullmatch(parameter)
            return name, float(quality[1]) if quality else 0.0
    return name, 1.0


def _quality(offered: str, qualities: Mapping[str, float]) -> float:
    """The quality of the most specific range that covers `offered` (RFC 9110, section 12.5.1)."""
    for name in (offered, "application/*", "*/*"):
        if name in qualities:
            return qualities[name]
    return 0.0

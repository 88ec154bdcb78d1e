"""Which media type an answer has: GraphQL over HTTP, section "Media Types"."""

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

_OFFERED = (GRAPHQL_JSON, JSON)


def negotiate(accept: str | None) -> str | None:
    """The best offered type for an `Accept` header: legacy JSON where it names neither, None where it excludes both."""
    if accept is None or not accept.strip():
        return JSON
    ranges = [_parse(each) for each in accept.split(",")]
    # At equal quality the newer type: its statuses tell more.
    best = max(_OFFERED, key=lambda offered: _quality(offered, ranges))
    if _quality(best, ranges) <= 0:
        return None
    named = any(name == best for name, _ in ranges)
    return best if named else JSON


def _parse(media_range: str) -> tuple[str, float]:
    name, *parameters = (part.strip().lower() for part in media_range.split(";"))
    quality = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = float(parameter[2:])
            except ValueError:
                quality = 0.0
    return name, quality


def _quality(offered: str, ranges: list[tuple[str, float]]) -> float:
    """The quality of the most specific range that covers `offered` (RFC 9110, section 12.5.1)."""
    qualities = dict(ranges)
    for name in (offered, "application/*", "*/*"):
        if name in qualities:
            return qualities[name]
    return 0.0

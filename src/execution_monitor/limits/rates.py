"""How many points may be spent in a period, written as `1000/minute`."""

from limits import RateLimitItem, parse

_OFF = "off"


def parse_rate(text: str) -> RateLimitItem | None:
    """Points in a period, as in `1000/minute`, None for `off`; raises `ValueError` for other text."""
    return None if text == _OFF else parse(text)

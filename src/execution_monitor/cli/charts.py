"""Charts of text for a terminal: bars and sparklines, in ASCII where the terminal has nothing else."""

from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = " ▁▂▃▄▅▆▇█"
_ASCII_HEIGHTS = " .:-=+*#@"


def bar(value: float, greatest: float, width: int, *, is_ascii: bool = False) -> str:
    """A bar as long as `value` is of `greatest`, which has `width` characters; at least a sliver for what is not 0."""
    if value <= 0 or greatest <= 0:
        return ""
    if is_ascii:
        return "#" * max(1, round(width * value / greatest))
    whole, rest = divmod(max(1, round(8 * width * value / greatest)), 8)
    return _EIGHTHS[8] * whole + (_EIGHTHS[rest] if rest else "")


def sparkline(values: Sequence[float], greatest: float, *, is_ascii: bool = False) -> str:
    """A character for each value, as high as it is of `greatest`; a space for 0 alone."""
    heights = _ASCII_HEIGHTS if is_ascii else _HEIGHTS
    top = len(heights) - 1
    return "".join(
        heights[0 if value <= 0 or greatest <= 0 else max(1, round(top * value / greatest))] for value in values
    )


def fitted(values: Sequence[float], width: int) -> list[float]:
    """At most `width` sums of neighbours, all of equally many values but for the last."""
    together = -(-len(values) // max(1, width)) or 1
    return [sum(values[place : place + together]) for place in range(0, len(values), together)]

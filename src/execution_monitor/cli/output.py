"""Output of commands that read: tables for a terminal, and without one lines of tab-separated text, or JSON."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from execution_monitor.cli.watch_lines import STYLES, printable

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def is_terminal() -> bool:
    """Whether a person reads stdout, and no program."""
    return sys.stdout.isatty()


def console() -> Console:
    """The terminal."""
    return Console(highlight=False)


def print_json(value: Any) -> None:
    """Print `value` as one line of JSON."""
    sys.stdout.write(orjson.dumps(value).decode() + "\n")


def print_fields(*fields: Any) -> None:
    """Print a line of tab-separated fields; what is missing is empty."""
    shown = ("" if field is None else printable(str(field)) for field in fields)
    sys.stdout.write("\t".join(shown) + "\n")


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """A table without lines; those of `columns` that are `right` are aligned there."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    aligned = set(right)
    for column in columns:
        is_right = column in aligned
        made.add_column(column, justify="right" if is_right else "left", no_wrap=is_right, overflow="fold")
    return made


def cells(*values: Any) -> Sequence[Text]:
    """The cells of a row; what is missing is empty."""
    return [
        value if isinstance(value, Text) else Text(printable("" if value is None else str(value))) for value in values
    ]


def state(status: str) -> Text:
    """A status in its colour."""
    return Text(status, STYLES.get(status, ""))


def local_time(text: str | None) -> str:
    """A time of the API in the time zone of this machine."""
    return "" if text is None else f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"


def duration(seconds: float | None) -> str:
    """Seconds in the unit that suits them, such as 1.2 s or 3 h 05 min."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return f"{seconds:.3g} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR:02} h"

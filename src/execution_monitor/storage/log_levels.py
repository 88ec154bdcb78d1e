"""Severities of log lines in whatever spelling an engine wrote them: names, and numbers of syslog and of Python.

What is unknown is INFO.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from typing_extensions import override

from execution_monitor.storage.bson_ordering import TypeRank, comparable, is_nan, rank_of
from execution_monitor.storage.documents import LogLevel
from execution_monitor.storage.filters import (
    EVERYTHING,
    AnyOf,
    FieldFilter,
    Filter,
    Not,
    Query,
    Range,
)
from execution_monitor.storage.predicates import Predicate, has_text

_FIELD = "level"
# In lower case; a number as text counts where it is a level of its own.
_NAMES: Mapping[LogLevel, tuple[str, ...]] = {
    LogLevel.DEBUG: (
        *("debug", "dbg", "d", "trace", "trc", "t", "verbose", "vrb", "v", "fine", "finer", "finest", "silly"),
        *("7", "10"),
    ),
    LogLevel.WARNING: ("warning", "warn", "wrn", "w", "4", "30"),
    LogLevel.ERROR: ("error", "err", "e", "severe", "3", "40"),
    LogLevel.CRITICAL: (
        *("critical", "crit", "c", "fatal", "ftl", "f", "alert", "emergency", "emerg", "panic", "dpanic"),
        *("0", "1", "2", "50"),
    ),
}
_BY_NAME = {name: level for level, names in _NAMES.items() for name in names}
# Numbers from a bound up to another: syslog's (RFC 5424, section 6.2.1), then those of Python's logging.
_RANGES: tuple[tuple[int, int | None, LogLevel], ...] = (
    (0, 3, LogLevel.CRITICAL),
    (3, 4, LogLevel.ERROR),
    (4, 5, LogLevel.WARNING),
    (7, 20, LogLevel.DEBUG),
    (30, 40, LogLevel.WARNING),
    (40, 50, LogLevel.ERROR),
    (50, None, LogLevel.CRITICAL),
)
# Fixed columns are padded.
_BLANKS = " \t"


def level_of(stored: Any) -> LogLevel:
    """The severity that a stored level means."""
    if type(stored) is str:
        return _BY_NAME.get(stored.strip(_BLANKS).lower(), LogLevel.INFO)
    if rank_of(stored) is not TypeRank.NUMBER or is_nan(stored):
        return LogLevel.INFO
    number = comparable(stored)
    for lower, upper, level in _RANGES:
        if number >= lower and (upper is None or number < upper):
            return level
    return LogLevel.INFO


@cache
def at_least(level: LogLevel) -> Filter:
    """The filter for log lines of `level` or a higher one."""
    order = list(LogLevel)
    if level is LogLevel.DEBUG:
        return EVERYTHING
    if level is LogLevel.INFO:
        return Not(_one_of({LogLevel.DEBUG}))
    return _one_of(set(order[order.index(level) :]))


def _one_of(levels: set[LogLevel]) -> Filter:
    names = tuple(name for level, names in _NAMES.items() if level in levels for name in names)
    ranges = [Range(_FIELD, gte=lower, lt=upper) for lower, upper, level in _RANGES if level in levels]
    return AnyOf((_Named(_FIELD, names), *ranges))


@dataclass(frozen=True, slots=True)
class _Named(FieldFilter):
    """The value is one of these names, in upper or lower case and perhaps padded."""

    names: tuple[str, ...]

    @override
    def to_mongo(self) -> Query:
        names = "|".join("".join(map(_in_any_case, name)) for name in self.names)
        # `$` would also match before a line break at the end.
        return {self.field: {"$regex": rf"^[{_BLANKS}]*(?:{names})[{_BLANKS}]*(?![\s\S])"}}

    @override
    def predicate(self) -> Predicate:
        return has_text(self.field, lambda found: type(found) is str and found.strip(_BLANKS).lower() in self.names)


def _in_any_case(character: str) -> str:
    return f"[{character}{character.upper()}]" if character.isalpha() else re.escape(character)

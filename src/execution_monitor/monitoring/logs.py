"""Log lines of executions, oldest first."""

from execution_monitor.monitoring.parts import Parts
from execution_monitor.storage.documents import LogEntry, LogLevel
from execution_monitor.storage.filters import Contains, Filter, OneOf, all_of
from execution_monitor.storage.reading import Reader
from execution_monitor.storage.sorting import Order, SortKey

OLDEST_FIRST = Order((SortKey("timestamp"),))


def logs_of(reader: Reader) -> Parts:
    """The log lines that `reader` finds."""
    return Parts(reader, LogEntry, OLDEST_FIRST)


def log_filter(min_level: LogLevel | None = None, search: str | None = None) -> Filter:
    """Lines at least as severe as `min_level` whose message holds `search`; a line without a level is INFO."""
    parts: list[Filter] = []
    if min_level is not None:
        levels = list(LogLevel)
        severe: list[str | None] = [level.value for level in levels[levels.index(min_level) :]]
        parts.append(OneOf("level", (*severe, None) if LogLevel.INFO.value in severe else tuple(severe)))
    if search is not None:
        parts.append(Contains("message", search))
    return all_of(*parts)

"""Log lines of executions, oldest first."""

from execution_monitor.executions.children import ChildCollection
from execution_monitor.storage.documents import LogEntry, LogLevel
from execution_monitor.storage.filters import Contains, Filter, NoneOf, OneOf, all_of
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.sorting import Order, SortKey

OLDEST_FIRST = Order((SortKey("timestamp"),))


def logs_of(reader: Reader) -> ChildCollection:
    """The log lines that `reader` finds."""
    return ChildCollection(reader, LogEntry, OLDEST_FIRST)


def log_filter(min_level: LogLevel | None = None, search: str | None = None) -> Filter:
    """Lines at least as severe as `min_level` whose message holds `search`; a line without a level is INFO."""
    parts: list[Filter] = []
    if min_level is not None:
        levels = list(LogLevel)
        milder, severe = levels[: levels.index(min_level)], levels[levels.index(min_level) :]
        # A line whose level is missing or the engine's own counts as INFO, as it is shown.
        if LogLevel.INFO in severe:
            parts.append(NoneOf("level", tuple(level.value for level in milder)))
        else:
            parts.append(OneOf("level", tuple(level.value for level in severe)))
    if search is not None:
        parts.append(Contains("message", search))
    return all_of(*parts)

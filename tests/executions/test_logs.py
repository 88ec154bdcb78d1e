"""Log lines: found by severity and by text."""

import pytest

from execution_monitor.executions.children import ChildrenRequest, log_filter, logs_of
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import LogEntry, LogLevel
from execution_monitor.storage.filters import EVERYTHING
from execution_monitor.storage.pagination import PageRequest
from execution_monitor.storage.reader import Reader
from tests.executions.callers import NOON, OWNER
from tests.support.sent_commands import SentCommands

LINES = {
    "debug": "Reading part 1 of 2 (50%)",
    "info": "Read it",
    None: "No level",
    "warning": "Slow disk",
    "error": "Disk full: part 2",
    "critical": "DISK GONE",
}


@pytest.mark.parametrize(
    ("min_level", "search", "levels"),
    [
        pytest.param(None, None, [*LINES], id="all"),
        pytest.param(LogLevel.DEBUG, None, [*LINES], id="from the mildest"),
        pytest.param(LogLevel.INFO, None, ["info", None, "warning", "error", "critical"], id="no level is info"),
        pytest.param(LogLevel.WARNING, None, ["warning", "error", "critical"], id="from a warning"),
        pytest.param(LogLevel.CRITICAL, None, ["critical"], id="the worst"),
        pytest.param(None, "disk", ["warning", "error", "critical"], id="a text in any case"),
        pytest.param(None, "(50%)", ["debug"], id="a text, never a pattern"),
        pytest.param(None, ".*", [], id="a pattern, never more than a text"),
        pytest.param(LogLevel.ERROR, "part", ["error"], id="both"),
        pytest.param(None, "", [*LINES], id="no text in particular"),
    ],
)
async def test_lines_are_found(
    populated: tuple[Database, SentCommands], min_level: LogLevel | None, search: str | None, levels: list[str | None]
) -> None:
    database, _ = populated
    await database.collection(LogEntry).delete_many({})
    await database.collection(LogEntry).insert_many(
        [
            {"tenant_id": "acme", "execution_id": "ada-0", "timestamp": NOON, "message": message, "level": level}
            for level, message in LINES.items()
        ]
    )
    request = ChildrenRequest(log_filter(min_level, search), PageRequest(20))

    pages = await logs_of(Reader(database, timeout_ms=5_000)).list(OWNER, ["ada-0"], request)

    assert [row["level"] for row in pages["ada-0"].rows] == levels


def test_no_condition_is_everything() -> None:
    assert log_filter() == EVERYTHING

"""Severities: in any spelling, the same in what is shown and in what a filter finds."""

from typing import Any

import pytest
from bson import Decimal128, Int64

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import LogEntry, LogLevel
from execution_monitor.storage.log_levels import at_least, level_of
from tests.storage.strategies import SCALARS

SPELLINGS: dict[LogLevel, list[Any]] = {
    LogLevel.DEBUG: ["debug", "DEBUG", "Debug", "trace", "TRACE", "verbose", "D", "7", "10", 7, 10, 15, 19.5],
    LogLevel.INFO: ["info", "INFO", "Information", "notice", "5", "6", "20", 5, 6, 20, 25, 29.5, "loud", "", None, -1],
    LogLevel.WARNING: ["warning", "WARN", "warn", "Warning", "WARN ", " wrn", "W", "4", "30", 4, 30, Int64(30), 4.0],
    LogLevel.ERROR: ["error", "ERROR", "Err", "SEVERE", "\tE", "3", "40", 3, 40, Decimal128("40"), 3.5, 45],
    LogLevel.CRITICAL: ["critical", "FATAL", "fatal", "Crit", "PANIC", "EMERG", "alert", "0", "50", 0, 1, 2, 50, 60],
}
_NO_SCALARS: tuple[Any, ...] = ([], {"level": "warn"})
_TEXTS = ("warn\n", "\nwarn", "warns", "no error", "err or", "w a r n", "45", "-1")
OTHERS: tuple[Any, ...] = (*_TEXTS, True, b"warn", *_NO_SCALARS)
EVERY_LEVEL: list[Any] = [*(each for spellings in SPELLINGS.values() for each in spellings), *OTHERS, *SCALARS]


@pytest.mark.parametrize(
    ("stored", "level"),
    [(each, level) for level, spellings in SPELLINGS.items() for each in spellings]
    + [(each, LogLevel.INFO) for each in OTHERS],
    ids=repr,
)
def test_a_level_is_known_by_any_of_its_spellings(stored: Any, level: LogLevel) -> None:
    assert level_of(stored) is level


@pytest.mark.parametrize("level", LogLevel)
async def test_what_is_shown_as_severe_is_found_as_severe(database: Database, level: LogLevel) -> None:
    lines, order, where = database.collection(LogEntry), list(LogLevel), at_least(level)
    await lines.insert_many(
        [{"_id": place, "level": each} for place, each in enumerate(EVERY_LEVEL)] + [{"_id": "none"}]
    )

    rows = await lines.find().to_list()
    expected = {row["_id"] for row in rows if order.index(level_of(row.get("level"))) >= order.index(level)}

    assert {row["_id"] async for row in lines.find(where.to_mongo())} == expected
    assert {row["_id"] for row in rows if where.matches(row)} == expected

"""The faults' report: every fault gives a row; a full run keeps them for README.md."""

from collections.abc import Callable

import pytest

from tests.live.results import Row, keep, table_of
from tests.live.scenes import is_full

_ROWS = pytest.StashKey[list[Row]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ROWS] = []


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[Row], None]:
    """`report(row)`: what a fault came to. It fails the test for what was lost or repeated, and, at full size, for what
    took longer than promised; a small run shares its machine with the rest of the suite."""

    def take(row: Row) -> None:
        request.config.stash[_ROWS].append(row)
        if is_full():
            keep([row])
        assert (row.lost, row.repeated) == (0, 0), row
        assert row.is_within_limit or not is_full(), row

    return take


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[_ROWS]
    if rows:
        terminalreporter.section("what live survives")
        terminalreporter.write(table_of(rows))

"""The faults' report: every fault gives a row; a full run keeps them for src/docs/live.md."""

from collections.abc import Callable, Generator

import pytest

from tests.faults.results import Row, keep, table_of
from tests.faults.scenes import is_full
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess

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


@pytest.fixture(scope="session")
def shared_mongod(tmp_path_factory: pytest.TempPathFactory) -> Generator[SingleNodeReplicaSet]:
    """A MongoDB that remembers some hundred thousand changes, for tests that break nothing of it."""
    mongod = SingleNodeReplicaSet(tmp_path_factory.mktemp("mongod"), oplog_mb=512)
    try:
        mongod.start()
        yield mongod
    finally:
        mongod.close()


@pytest.fixture(scope="session")
def shared_server(
    tmp_path_factory: pytest.TempPathFactory, shared_mongod: SingleNodeReplicaSet
) -> Generator[ServerProcess]:
    """A server of `live` at it, with all limits as they are by default."""
    server = ServerProcess(tmp_path_factory.mktemp("server"), shared_mongod.uri, metrics="open")
    try:
        server.start()
        yield server
    finally:
        server.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[_ROWS]
    if rows:
        terminalreporter.section("what live survives")
        terminalreporter.write(table_of(rows))

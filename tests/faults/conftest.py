"""Fixtures of the faults: MongoDB and servers that a test may break, and the report, a row for each fault."""

from collections.abc import Callable, Generator

import pytest

from tests.faults.results import FaultResult, save, table_of
from tests.faults.scenes import is_full
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.server_process import ServerProcess

_RESULTS = pytest.StashKey[list[FaultResult]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RESULTS] = []


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[FaultResult], None]:
    """`report(result)`: add a row to the table of faults; a full run saves it for its page of src/docs.

    It fails the test if anything was lost or repeated, and, at full size, if the limit was exceeded: a small run shares
    its machine with the rest of the suite.
    """

    def add(result: FaultResult) -> None:
        request.config.stash[_RESULTS].append(result)
        if is_full():
            save([result])
        assert (result.lost, result.repeated) == (0, 0), result
        assert result.is_within_limit or not is_full(), result

    return add


@pytest.fixture(scope="module")
def oplog_mb() -> int:
    """The size of the oplog of `mongod`; a module may override it."""
    return 64


@pytest.fixture(scope="module")
def mongod(tmp_path_factory: pytest.TempPathFactory, oplog_mb: int) -> Generator[SingleNodeReplicaSet]:
    """A MongoDB of one test module, which may break it."""
    with running(SingleNodeReplicaSet(tmp_path_factory.mktemp("mongod"), oplog_mb=oplog_mb)) as mongod:
        yield mongod


@pytest.fixture(scope="module")
def uri(mongod: SingleNodeReplicaSet) -> str:
    """The MongoDB of `server`; a module may override it."""
    return mongod.uri


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, uri: str) -> Generator[ServerProcess]:
    """A server of one test module, which may break it, with the default limits."""
    with running(ServerProcess(tmp_path_factory.mktemp("server"), uri, metrics="open")) as server:
        yield server


@pytest.fixture(scope="session")
def shared_mongod(tmp_path_factory: pytest.TempPathFactory) -> Generator[SingleNodeReplicaSet]:
    """A MongoDB whose oplog holds some hundred thousand changes, for tests that do not break it."""
    with running(SingleNodeReplicaSet(tmp_path_factory.mktemp("mongod"), oplog_mb=512)) as mongod:
        yield mongod


@pytest.fixture(scope="session")
def shared_server(
    tmp_path_factory: pytest.TempPathFactory, shared_mongod: SingleNodeReplicaSet
) -> Generator[ServerProcess]:
    """A server of `shared_mongod` with the default limits, for tests that do not break it."""
    with running(ServerProcess(tmp_path_factory.mktemp("server"), shared_mongod.uri, metrics="open")) as server:
        yield server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if results := config.stash[_RESULTS]:
        terminalreporter.section("faults")
        terminalreporter.write(table_of(results))

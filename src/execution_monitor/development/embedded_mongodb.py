"""A MongoDB of one's own, shared by every process with the same data folder: the first starts it, the last stops it."""

import contextlib
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

from pymongo.errors import ConnectionFailure, PyMongoError

from execution_monitor.development import disk, mongod_process, replica_set
from execution_monitor.development.fetching import Report
from execution_monitor.development.file_locks import is_last, locked, open_lock, share
from execution_monitor.development.mongod import find_mongod
from execution_monitor.development.mongod_folder import DATA_SETTING, MongodFolder
from execution_monitor.development.mongod_process import PortTaken
from execution_monitor.development.replica_set import APPLICATION, ROOT, Server
from execution_monitor.errors import SetupError

# Each can fail once through another process: one takes the port, another was killed while it started the server.
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class EmbeddedMongoDB:
    """A running server: `uri` may read, write and index one database, `root_uri` may do all."""

    uri: str = field(repr=False)
    root_uri: str = field(repr=False)
    port: int
    pid: int


@contextlib.contextmanager
def embedded_mongodb(
    data_dir: Path, database: str, *, report: Report = contextlib.nullcontext
) -> Generator[EmbeddedMongoDB]:
    """A MongoDB with its data below `data_dir`, running for as long as anyone is in such a block; `SetupError` if not.

    It answers on 127.0.0.1 only, with a user of least privilege on `database`. A server that was killed is started
    again by the next who comes. `report` is called with a description of each part that may take long.
    """
    command = find_mongod(report=report)
    folder = MongodFolder(data_dir.absolute() / "mongodb")
    with disk.explained(folder.path, DATA_SETTING):
        folder.create()
    # Whoever comes, goes, starts or stops does so alone: nobody joins a server that is being stopped.
    door = folder.path / "door.lock"
    with open_lock(folder.path / "users.lock") as users:
        try:
            with report("Starting MongoDB"), locked(door):
                share(users)
                server = _join(command, folder, database)
            yield server
        finally:
            with locked(door):
                if is_last(users):
                    mongod_process.stop(folder)


def _join(command: tuple[str, ...], folder: MongodFolder, database: str) -> EmbeddedMongoDB:
    for _ in range(_ATTEMPTS):
        with disk.explained(folder.path, DATA_SETTING):
            pid = _run(command, folder)
            if pid is None:
                continue
            server = Server(int(folder.port.read_text()), folder.key.read_text())
        try:
            replica_set.prepare(server, database)
        except PyMongoError as error:
            if isinstance(error, ConnectionFailure) and mongod_process.running_pid(folder) != pid:
                continue
            reason = str(error).partition(", full error")[0]
            raise SetupError(f"MongoDB runs but cannot be prepared ({reason}): see {folder.log}.") from error
        return EmbeddedMongoDB(server.uri(APPLICATION, database), server.uri(ROOT, "admin"), server.port, pid)
    raise SetupError(f"MongoDB did not stay up: see {folder.log} and try again.")


def _run(command: tuple[str, ...], folder: MongodFolder) -> int | None:
    """The id of the server's process, started if need be; None when another process was in the way."""
    pid = mongod_process.running_pid(folder)
    if pid is None:
        folder.ensure_key()
        try:
            mongod_process.start(command, folder, folder.choose_port())
        except PortTaken:
            return None
        except SetupError:
            if mongod_process.running_pid(folder) is None:
                raise
        pid = mongod_process.running_pid(folder)
    return pid

"""A MongoDB shared by all processes with the same data folder: the first starts it, the last one stops it."""

import contextlib
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

from pymongo.errors import PyMongoError

from execution_monitor.development.mongodb import disk, replica_set
from execution_monitor.development.mongodb.failures import startup_error
from execution_monitor.development.mongodb.fetching import Report
from execution_monitor.development.mongodb.file_locks import exclusive_lock, is_last, lock_shared, open_lock
from execution_monitor.development.mongodb.interrupts import defer_interrupts
from execution_monitor.development.mongodb.mongod import find_mongod
from execution_monitor.development.mongodb.mongod_folder import DATA_SETTING, MongodFolder
from execution_monitor.development.mongodb.mongod_process import PortTaken, running_pid, start, stop
from execution_monitor.development.mongodb.replica_set import ROOT, Server, application_of, engine_of, reader_of
from execution_monitor.errors import SetupError

# Another process may take the port, or may have been killed while it started the server: each costs an attempt.
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class EmbeddedMongoDB:
    """A running server, and connection strings of its users.

    Attributes:
        uri: may do what the application does in one database.
        engine_uri: may write the executions of this database, with their steps and log lines.
        reader_uri: may read these.
        root_uri: may do everything.
    """

    uri: str = field(repr=False)
    engine_uri: str = field(repr=False)
    reader_uri: str = field(repr=False)
    root_uri: str = field(repr=False)
    port: int
    pid: int


@contextlib.contextmanager
def embedded_mongodb(
    data_dir: Path, database: str, *, report: Report = contextlib.nullcontext
) -> Generator[EmbeddedMongoDB]:
    """A MongoDB with its data below `data_dir`, which runs for as long as any process is in such a block.

    It listens on 127.0.0.1 only, with a user of least privilege on `database`. A server that was killed is started
    again by the next process to enter. `report` is called with a description of each part that may take long.

    Raises:
        SetupError: If MongoDB cannot be fetched or started.
    """
    command = find_mongod(report=report)
    folder = MongodFolder(data_dir.absolute() / "mongodb")
    # One process at a time enters or leaves, so that none joins a server that is being stopped.
    door = folder.path / "door.lock"
    with contextlib.ExitStack() as stack:
        with disk.explain_errors(folder.path, DATA_SETTING):
            folder.create()
            users = stack.enter_context(open_lock(folder.path / "users.lock"))
        try:
            with report("Starting MongoDB"), disk.explain_errors(folder.path, DATA_SETTING), exclusive_lock(door):
                lock_shared(users)
                server = _join(command, folder, database)
            yield server
        finally:
            with defer_interrupts(), exclusive_lock(door):
                if is_last(users):
                    stop(folder)


def _join(command: tuple[str, ...], folder: MongodFolder, database: str) -> EmbeddedMongoDB:
    for _ in range(_ATTEMPTS):
        before = running_pid(folder)
        try:
            return _attempt(command, folder, database)
        except PortTaken:
            continue
        except SetupError:
            # Worth another attempt only if another process started or stopped the server meanwhile.
            if running_pid(folder) == before:
                raise
    raise SetupError(f"MongoDB did not stay up: see {folder.log} and try again.")


def _attempt(command: tuple[str, ...], folder: MongodFolder, database: str) -> EmbeddedMongoDB:
    accounts = (application_of(database), engine_of(database), reader_of(database), ROOT)
    port = folder.known_port()
    starts = port is None or running_pid(folder) is None
    try:
        if port is None or starts:
            port = _start(command, folder)
        server = Server(port, folder.key.read_text())
        replica_set.prepare(server, accounts, renew=starts)
    except PyMongoError as error:
        if running_pid(folder) is None:
            raise startup_error(folder, "it ended as soon as it ran") from error
        reason = str(error).partition(", full error")[0]
        raise SetupError(f"MongoDB runs but cannot be prepared ({reason}): see {folder.log}.") from error
    pid = running_pid(folder)
    if pid is None:
        raise startup_error(folder, "it ended as soon as it ran")
    uri, engine_uri, reader_uri, root_uri = map(server.uri, accounts)
    return EmbeddedMongoDB(uri, engine_uri, reader_uri, root_uri, port, pid)


def _start(command: tuple[str, ...], folder: MongodFolder) -> int:
    """Start the server on the port that is returned."""
    # One that runs without a known port was left by a process that was killed while it changed the port of the data.
    stop(folder)
    folder.ensure_key()
    port = folder.free_port()
    if port != folder.known_port():
        # In this order an interruption leaves data whose port is changed again, never a record of a wrong port.
        folder.forget_port()
        if folder.holds_data:
            _readdress(command, folder, port)
        folder.remember_port(port)
    start(command, folder, port)
    return port


def _readdress(command: tuple[str, ...], folder: MongodFolder, port: int) -> None:
    aside = folder.free_port()
    start(command, folder, aside, alone=True)
    key = folder.key.read_text()
    replica_set.readdress(Server(aside, key), Server(port, key))
    stop(folder)

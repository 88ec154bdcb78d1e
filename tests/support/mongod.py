"""MongoDB servers that one test starts for itself, and may kill, freeze and start again."""

import contextlib
import socket
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from execution_monitor.development.mongodb.mongod import find_mongod
from tests.support.processes import ControlledProcess

_START_SECONDS = 60
_ALREADY_INITIALIZED = 23


class Mongod(ControlledProcess):
    """One member of the replica set `rs0` on loopback, without authentication, with its data below `folder`."""

    def __init__(
        self, folder: Path, *, oplog_mb: int = 64, cache_gb: float = 0.25, checkpoint_seconds: int = 1
    ) -> None:
        super().__init__()
        self._cache_gb = cache_gb
        self._checkpoint_seconds = checkpoint_seconds
        self._data = folder / "data"
        self._data.mkdir(parents=True)
        self._log = folder / "mongod.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self._oplog_mb = oplog_mb

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._port}"

    def launch(self) -> None:
        """Start the process, and wait for nothing."""
        self._spawn(
            [
                *find_mongod(),
                f"--port={self._port}",
                "--bind_ip=127.0.0.1",
                "--nounixsocket",
                "--replSet=rs0",
                f"--dbpath={self._data}",
                f"--logpath={self._log}",
                f"--oplogSize={self._oplog_mb}",
                f"--wiredTigerCacheSizeGB={self._cache_gb}",
                "--networkMessageCompressors=snappy,zstd",
                "--setParameter=diagnosticDataCollectionEnabled=false",
                # Entries that no checkpoint holds yet stay in the oplog, however full it is, so that tests which roll
                # it want one every second. MongoDB's default is 60.
                f"--syncdelay={self._checkpoint_seconds}",
                "--setParameter=enableTestCommands=1",
            ]
        )

    @contextlib.contextmanager
    def client(self) -> Generator[MongoClient[dict[str, Any]]]:
        """A client of this member alone."""
        with MongoClient[dict[str, Any]](
            "127.0.0.1", self._port, directConnection=True, serverSelectionTimeoutMS=200, socketTimeoutMS=2_000
        ) as client:
            yield client

    def is_primary(self) -> bool:
        """Whether it says that it takes writes."""
        with self.client() as client:
            try:
                return bool(client.admin.command("hello")["isWritablePrimary"])
            except PyMongoError:
                return False


class SingleNodeReplicaSet(Mongod):
    """A replica set of one node."""

    def __init__(
        self, folder: Path, *, oplog_mb: int = 64, cache_gb: float = 0.25, checkpoint_seconds: int = 1
    ) -> None:
        super().__init__(folder, oplog_mb=oplog_mb, cache_gb=cache_gb, checkpoint_seconds=checkpoint_seconds)
        self.uri = f"mongodb://{self.address}/?replicaSet=rs0"

    def start(self) -> None:
        """Start it, and return when it takes writes."""
        self.launch()
        initiate([self])


def initiate(members: Sequence[Mongod], **settings: Any) -> None:
    """Make launched `members` one replica set, unless they are one already; return when one of them takes writes."""
    hosts = [{"_id": number, "host": member.address} for number, member in enumerate(members)]
    config = {"_id": "rs0", "members": hosts, "settings": settings}
    deadline = time.monotonic() + _START_SECONDS
    with members[0].client() as client:
        while not _is_initiated(client, config):
            assert time.monotonic() < deadline, "MongoDB did not start"
            time.sleep(0.02)
    while not any(member.is_primary() for member in members):
        assert time.monotonic() < deadline, "no member became primary"
        time.sleep(0.02)


def _is_initiated(client: MongoClient[dict[str, Any]], config: dict[str, Any]) -> bool:
    try:
        client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        return error.code == _ALREADY_INITIALIZED
    except PyMongoError:
        return False
    return True


def roll_the_oplog(uri: str) -> None:
    """Write to another database until the oplog holds no entry of what has happened up to now."""
    with MongoClient[dict[str, Any]](uri) as client:
        now = client.admin.command("ping")["operationTime"]
        deadline = time.monotonic() + 60
        while oldest_in_oplog(client) <= now:
            assert time.monotonic() < deadline
            client.get_database("filling").lines.insert_many([{"text": "y" * 500_000} for _ in range(10)])
            time.sleep(0.05)
        client.drop_database("filling")


def oldest_in_oplog(client: MongoClient[dict[str, Any]]) -> Any:
    """The timestamp of the first entry of the oplog."""
    return next(iter(client.local["oplog.rs"].find().sort("$natural", 1).limit(1)))["ts"]

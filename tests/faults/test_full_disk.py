"""A disk that is full: MongoDB ends itself, the server says so, and everybody goes on once there is room.

A mongod that cannot write a page or its journal aborts: of the faults of a disk this is the one it shows to others.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from tests.faults.results import Row
from tests.faults.scenes import Scene, new_user, scene, sized
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess
from tests.support.tokens import token_of

# MongoDB keeps 200 MB of journal ready, and has some 30 MB of data.
_DISK_MB = 400
_LEFT_MB = 2
_LIST = "{ executions(first: 1) { nodes { executionId } } }"


class Disk:
    """A file system of its own, which can be filled up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave next to nothing for others."""
        room = os.statvfs(self.folder)
        left = room.f_bavail * room.f_bsize - _LEFT_MB * 2**20
        with self._ballast.open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, left)

    def make_room(self) -> None:
        """Give all of that back."""
        self._ballast.unlink()


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Generator[Disk]:
    folder = tmp_path_factory.mktemp("disk")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(folder)]
    unmount = ["umount", "--lazy", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small file system can be mounted here: {getattr(error, 'stderr', None) or error}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(unmount, check=True)


@pytest.fixture(scope="module")
def mongod(disk: Disk) -> Generator[SingleNodeReplicaSet]:
    server = SingleNodeReplicaSet(disk.folder / "mongod", oplog_mb=16)
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mongod: SingleNodeReplicaSet) -> Generator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("server"), mongod.uri)
    try:
        server.start()
        yield server
    finally:
        server.close()


async def test_a_full_disk_is_told_and_costs_nobody_a_change(
    server: ServerProcess, mongod: SingleNodeReplicaSet, disk: Disk, report: Callable[[Row], None]
):
    trials = sized(full=5, small=1)
    scenes: list[Scene] = []
    firsts: list[float] = []
    for _ in trials:
        async with scene([server.url], mongod.uri) as full:
            await asyncio.to_thread(disk.fill)
            await write_until_it_ends(mongod)
            assert await asyncio.to_thread(answers, server) == (200, 503, {"DATABASE_UNAVAILABLE"})
            disk.make_room()
            mongod.launch()
            firsts.append(await full.first_event_after(time.monotonic()))
            # Pages come from other connections than events.
            await asyncio.to_thread(server.wait_until_ready)
        scenes.append(full)

    assert not any(each.ledger.gaps for each in scenes)
    assert all(each.client.connections == 1 for each in scenes)
    report(
        Row(
            "the disk of mongod is full, which ends it, until there is room",
            len(trials),
            lost=sum(each.ledger.lost for each in scenes),
            repeated=sum(each.ledger.repeated for each in scenes),
            measure="first event after",
            worst=max(firsts),
            note="meanwhile lists answer `DATABASE_UNAVAILABLE`, `/readyz` 503",
        )
    )


async def write_until_it_ends(mongod: SingleNodeReplicaSet) -> None:
    async with AsyncMongoClient[dict[str, Any]](mongod.uri, serverSelectionTimeoutMS=500) as mongo:
        while mongod.is_running:
            try:
                await mongo["filling"]["lines"].insert_one({"noise": os.urandom(200_000)})
            except PyMongoError:
                # It takes a second to go.
                await asyncio.sleep(0.05)
    mongod.wait_until_ended()


def answers(server: ServerProcess) -> tuple[int, int, set[str]]:
    """The status of `/livez`, that of `/readyz`, and the codes of the errors of a list."""
    headers = {"Authorization": f"Bearer {token_of(new_user())}"}
    with httpx2.Client(base_url=server.url, headers=headers, timeout=30) as http:
        listed = http.post("/graphql", json={"query": _LIST}).json()
        statuses = [http.get(path).status_code for path in ("/livez", "/readyz")]
    return statuses[0], statuses[1], {error["extensions"]["code"] for error in listed.get("errors", [])}

"""A full disk: mongod ends itself, the server says so, and subscribers go on once there is room.

A mongod that cannot write a page or its journal aborts: of all faults of a disk, this is the one that clients see.
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

from tests.faults.results import FaultResult
from tests.faults.scenes import Scene, new_user, scene, sized
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.server_process import ServerProcess
from tests.support.tokens import token_of

# MongoDB preallocates 200 MB of journal, and has some 30 MB of data.
_DISK_MB = 400
_LEFT_MB = 2
_LIST = "{ executions(first: 1) { nodes { executionId } } }"


class Disk:
    """A small file system, which can be filled up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave 2 MB of room."""
        room = os.statvfs(self.folder)
        left = room.f_bavail * room.f_bsize - _LEFT_MB * 2**20
        with self._ballast.open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, left)

    def make_room(self) -> None:
        """Free what `fill` took."""
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
    with running(SingleNodeReplicaSet(disk.folder / "mongod", oplog_mb=16)) as mongod:
        yield mongod


async def test_a_full_disk_is_reported_and_no_subscriber_loses_a_change(
    server: ServerProcess, mongod: SingleNodeReplicaSet, disk: Disk, report: Callable[[FaultResult], None]
):
    trials = sized(full=5, small=1)
    scenes: list[Scene] = []
    firsts: list[float] = []
    for _ in trials:
        async with scene([server.url], mongod.uri) as full:
            await asyncio.to_thread(disk.fill)
            await write_until_it_ends(mongod)
            assert await asyncio.to_thread(responses_of, server) == (200, 503, {"DATABASE_UNAVAILABLE"})
            disk.make_room()
            mongod.launch()
            firsts.append(await full.first_event_after(time.monotonic()))
            # Pages come from other connections than events.
            await asyncio.to_thread(server.wait_until_ready)
        scenes.append(full)

    assert not any(each.ledger.gaps for each in scenes)
    assert all(each.client.connections == 1 for each in scenes)
    report(
        FaultResult(
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
                # It takes a second to end.
                await asyncio.sleep(0.05)
    mongod.wait_until_ended()


def responses_of(server: ServerProcess) -> tuple[int, int, set[str]]:
    """The status of `/livez`, that of `/readyz`, and the codes of the errors of a list."""
    headers = {"Authorization": f"Bearer {token_of(new_user())}"}
    with httpx2.Client(base_url=server.url, headers=headers, timeout=30) as http:
        listed = http.post("/graphql", json={"query": _LIST}).json()
        statuses = [http.get(path).status_code for path in ("/livez", "/readyz")]
    return statuses[0], statuses[1], {error["extensions"]["code"] for error in listed.get("errors", [])}

"""The servers whose live updates are compared: one process each, on a processor of its own."""

import contextlib
import os
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import httpx2

from tests.benchmarks.changes import DATABASE
from tests.benchmarks.servers import PEERS, SERVER_CPU, UVICORN, Contender, peer_settings
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.server_process import ServerProcess, free_ports

COMMANDS = {
    "floor": (*UVICORN, "--ws=websockets-sansio", "tests.benchmarks.live_floor:create_app"),
    "yoga": ("node", str(PEERS / "yoga_live.js")),
    "parse": ("node", str(PEERS / "parse.js")),
}


@contextlib.contextmanager
def peer_server(name: str, folder: Path, uri: str = "") -> Generator[Contender]:
    """The server `name` of `COMMANDS`, from its first response until the block ends."""
    port = free_ports(1)
    environment = {**os.environ, **peer_settings(uri, DATABASE)}
    with (folder / f"{name}.log").open("wb") as out:
        process = subprocess.Popen([*COMMANDS[name], f"--port={port}"], stdout=out, stderr=out, env=environment)
    try:
        os.sched_setaffinity(process.pid, {SERVER_CPU})
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx2.get(f"http://127.0.0.1:{port}/")
                break
            except httpx2.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield Contender(name, process.pid, port)
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def our_server(folder: Path, mongod: SingleNodeReplicaSet) -> Generator[Contender]:
    """Our server, from when it is ready until the block ends."""
    server = ServerProcess(folder, mongod.uri, rate_limit="off", rate_limit_address="off")
    server.launch()
    try:
        os.sched_setaffinity(server.process.pid, {SERVER_CPU})
        server.wait_until_ready()
        yield Contender("ours", server.process.pid, server.port)
    finally:
        server.close()

"""Rollups, a part of `make bench-statistics`.

Prints how long a question about 30 days takes where there are 1,000,000 executions and where there are 100,000, both
answered from rollups, the first time and whenever it is put again, and how much longer it takes to write executions
while rollups are kept up to date.
"""

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.statistics.measures import EVERY_MEASURE
from execution_monitor.statistics.requests import Basis, GroupField, GroupOrder, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.rollups.marks import SETTLED_SECONDS
from execution_monitor.statistics.rollups.path_b import PathB
from execution_monitor.statistics.rollups.states import States
from execution_monitor.statistics.service import Statistics
from execution_monitor.statistics.time_buckets import Interval
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import Range
from execution_monitor.storage.reader import Reader
from tests.benchmarks.latest import record
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.server_process import running_server

BEGAN, DAYS = datetime(2026, 10, 1, tzinfo=UTC), 30
OPERATOR = Caller("olga", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}))
# All that a dashboard shows of a month, a bucket for each day; neither end is a whole quarter of an hour.
MONTH = StatisticsRequest(
    Range("created", gte=BEGAN + timedelta(minutes=7), lt=BEGAN + timedelta(days=DAYS, minutes=-7)),
    interval=Interval.DAY,
    totals=EVERY_MEASURE,
    series=EVERY_MEASURE,
    groups=(
        GroupsRequest(GroupField.WORKFLOW_NAME, GroupOrder.FAILURES, measures=EVERY_MEASURE),
        GroupsRequest(GroupField.ERROR_CODE),
    ),
)
_KINDS = ("cold", "warm")
_BATCH = 5_000
_WAIT_SECONDS = 3_600
_STATUSES = ("completed",) * 85 + ("failed",) * 9 + ("timed_out",) * 2 + ("cancelled",) * 4
_NO_LIMITS = {"rate_limit": "off", "rate_limit_address": "off"}


def executions(count: int, first: int, behind: int) -> Iterator[dict[str, Any]]:
    """Those from `first` to the one before `behind` of `count` executions of a month, in the order of time."""
    chance = random.Random(first)  # noqa: S311 - no secret
    for number in range(first, behind):
        status = chance.choice(_STATUSES)
        created = BEGAN + timedelta(days=DAYS) * (number / count)
        found: dict[str, Any] = {
            "execution_id": f"e{number:08}",
            "workflow_name": f"pipeline-{chance.randrange(10)}",
            "status": status,
            "created": created,
            "updated": created,
            "total_duration": round(chance.lognormvariate(4, 1.5), 3),
            "total_cost": round(chance.expovariate(20), 6),
            "tokens_used": chance.randrange(20_000),
            "user_id": f"person-{chance.randrange(100):03}",
            "tenant_id": "acme",
            "version": 1,
        }
        if status in ("failed", "timed_out"):
            found["error_details"] = {"code": f"CODE_{chance.randrange(5)}", "message": "It failed."}
        yield found


def _store(uri: str, name: str, count: int, first: int) -> None:
    with MongoClient[dict[str, Any]](uri) as client:
        rows = list(executions(count, first, min(count, first + _BATCH)))
        client[name][Execution.Settings.name].insert_many(rows, ordered=False)


async def prepare(uri: str, name: str, count: int) -> None:
    """A database of `count` executions; indexes are made in the end, which takes less time."""
    with ProcessPoolExecutor(2) as processes:
        list(
            processes.map(_store, *zip(*((uri, name, count, first) for first in range(0, count, _BATCH)), strict=True))
        )
    async with open_database(uri, name) as database:
        await database.connect()
        await database.prepare()


async def until_built(database: Database) -> float:
    """Wait until all executions are in rollups; the seconds that took."""
    began = time.perf_counter()
    async with asyncio.timeout(_WAIT_SECONDS):
        while True:
            states = [each async for each in States(database).all()]
            if states and all(each.is_built for each in states):
                return time.perf_counter() - began
            await asyncio.sleep(0.2)


async def answers(folder: Path, uri: str, sizes: tuple[int, int], rounds: int) -> dict[str, Any]:
    """Milliseconds of one answer for each size, in turns, and the seconds that building took.

    A cold answer is the first one of a process, a warm one any that follows, as of a dashboard that polls.
    """
    milliseconds: dict[str, dict[str, list[float]]] = {kind: {str(size): [] for size in sizes} for kind in _KINDS}
    examined: dict[str, dict[str, int]] = {kind: {} for kind in _KINDS}
    built = dict[str, float]()
    for size in sizes:
        await prepare(uri, f"size_{size}", size)
    names = [f"size_{size}" for size in sizes]
    with (
        running_server(folder, uri, names[0], **_NO_LIMITS),
        running_server(folder, uri, names[1], **_NO_LIMITS),
    ):
        async with open_database(uri, names[0]) as small, open_database(uri, names[1]) as large:
            readers = {size: Reader(database, 10_000) for size, database in zip(sizes, (small, large), strict=True)}
            for size, reader in readers.items():
                await reader.database.connect()
                built[str(size)] = await until_built(reader.database)
            # Days that have just changed are read each time.
            await asyncio.sleep(SETTLED_SECONDS + 5)
            kept = {size: PathB(reader, min_executions=1) for size, reader in readers.items()}
            for number in range(rounds + 2):
                for size, reader in readers.items():
                    for kind, path in (("cold", PathB(reader, min_executions=1)), ("warm", kept[size])):
                        began = time.perf_counter()
                        answer = await Statistics(reader, path).answer(OPERATOR, MONTH)
                        seconds = time.perf_counter() - began
                        if answer.basis is not Basis.ROLLUP or not size * 0.99 < answer.totals.count <= size:
                            raise RuntimeError(f"{answer.totals.count} of {size} executions, {answer.basis.name}")
                        if number > 1:  # the first warm up
                            milliseconds[kind][str(size)].append(seconds * 1_000)
                            examined[kind][str(size)] = answer.examined
    return {
        "p50_ms": {
            kind: {size: statistics.median(each) for size, each in by_size.items()}
            for kind, by_size in milliseconds.items()
        },
        "examined": examined,
        "built_seconds": built,
    }


def write_cost(folder: Path, uri: str, count: int, rounds: int) -> dict[str, float]:
    """Seconds in which `seed --no-steps` writes `count` executions, beside a server with rollups and one without."""
    found: dict[str, list[float]] = {"on": [], "off": []}
    for number in range(rounds + 1):
        for rollups in ("on", "off") if number % 2 else ("off", "on"):
            name = f"cost_{number}_{rollups}"
            with running_server(folder, uri, name, statistics_rollups=rollups, **_NO_LIMITS):
                settings = {"EXECUTION_MONITOR_MONGODB_URI": uri, "EXECUTION_MONITOR_DATABASE": name}
                command = [sys.executable, "-m", "execution_monitor", "seed", "--no-steps", f"--executions={count}"]
                began = time.perf_counter()
                subprocess.run(command, env={**os.environ, **settings}, check=True, capture_output=True)
                if number:  # the first round warms up
                    found[rollups].append(time.perf_counter() - began)
            with MongoClient[dict[str, Any]](uri) as client:
                client.drop_database(name)
    return {rollups: statistics.median(each) for rollups, each in found.items()}


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs=2, default=(100_000, 1_000_000))
    parser.add_argument("--rounds", type=int, default=20, help="answers of each size")
    parser.add_argument("--written", type=int, default=50_000, help="executions that are written")
    parser.add_argument("--write-rounds", type=int, default=5)
    parser.add_argument("--no-record", action="store_true", help="only print")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        # MongoDB's own interval of checkpoints, as servers have it.
        running(
            SingleNodeReplicaSet(folder := Path(name), oplog_mb=2_048, cache_gb=1, checkpoint_seconds=60)
        ) as mongod,
    ):
        answered = asyncio.run(answers(folder, mongod.uri, tuple(options.sizes), options.rounds))
        written = write_cost(folder, mongod.uri, options.written, options.write_rounds)
    small, large = map(str, options.sizes)
    times, examined = answered["p50_ms"], answered["examined"]
    ratios = {
        "statistics_million_vs_100k": times["warm"][large] / times["warm"][small],
        "statistics_million_vs_100k_cold": times["cold"][large] / times["cold"][small],
        "statistics_write_cost": written["on"] / written["off"],
    }
    lines = [
        f"{int(size):>9,} executions, {kind}: {times[kind][size]:7.1f} ms p50, "
        f"{examined[kind][size]:,} rows and executions read, built in {answered['built_seconds'][size]:.0f} s"
        for size in (small, large)
        for kind in _KINDS
    ]
    lines += [
        f"{options.written:,} executions written in {written['on']:.1f} s with rollups, {written['off']:.1f} s without",
        ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    if not options.no_record:
        record(ratios, statistics_rollups={**answered, "written_seconds": written})


if __name__ == "__main__":
    main()

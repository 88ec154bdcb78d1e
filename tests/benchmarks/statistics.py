"""Statistics beside what one would write by hand: `make bench-statistics`.

An answer with totals, a series and two groups over 10,000 of 100,000 executions of a tenant, beside one aggregation
with the same measures over a covering index, by PyMongo alone. Both in turns; the CPU of mongod and of this process
counts, which other work on the machine changes least.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.statistics.measures import EVERY_MEASURE
from execution_monitor.statistics.requests import GroupField, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.service import Statistics
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.facts import FACTS_KEY
from execution_monitor.storage.filters import Range
from execution_monitor.storage.reader import Reader
from tests.benchmarks.latest import record
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running

STORED, MATCHING = 100_000, 10_000
_START = datetime(2026, 1, 1, tzinfo=UTC)
_APART = timedelta(seconds=26)
_FROM, _UNTIL = _START + _APART * (STORED - MATCHING), _START + _APART * STORED
_OPERATOR = Caller("olga", "acme", frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}))
_STATUSES = {"completed": 80, "failed": 8, "cancelled": 4, "running": 3, "timed_out": 2, "pending": 2, "paused": 1}
_BATCH = 10_000
_SHARES = [0.5, 0.9, 0.95, 0.99]
_BY_HAND = "by_hand"
REQUEST = StatisticsRequest(
    Range("created", gte=_FROM, lt=_UNTIL),
    zone="Europe/Berlin",
    totals=EVERY_MEASURE,
    series=EVERY_MEASURE,
    groups=(
        GroupsRequest(GroupField.WORKFLOW_NAME, measures=EVERY_MEASURE),
        GroupsRequest(GroupField.ERROR_CODE, measures=EVERY_MEASURE),
    ),
)


def execution(number: int, random: Random) -> dict[str, Any]:
    """One execution, as engines store it."""
    (status,) = random.choices(list(_STATUSES), list(_STATUSES.values()))
    ended = status in {"completed", "failed", "cancelled", "timed_out"}
    return {
        "execution_id": f"run-{number}",
        "tenant_id": "acme",
        "user_id": f"user-{random.randrange(100)}",
        "workflow_name": f"workflow-{random.randrange(30)}",
        "status": status,
        "created": _START + _APART * number,
        "updated": _START + _APART * number,
        "total_cost": round(random.expovariate(1), 4) if random.random() < 0.5 else 0.0,
        "tokens_used": random.randrange(5_000),
        "session_id": f"session-{number // 5}",
        "input_parameters": {"text": "x" * 300},
        **({"total_duration": round(random.lognormvariate(3, 1), 3)} if ended else {}),
        **({"error_details": {"message": "boom", "code": f"E{random.randrange(20)}"}} if status == "failed" else {}),
    }


async def fill(database: Database) -> None:
    """Store the executions, with the index of the pass that is written by hand beside those of the product."""
    random, collection = Random(1), database.collection(Execution)  # noqa: S311 - the same in every run
    for start in range(0, STORED, _BATCH):
        await collection.insert_many([execution(number, random) for number in range(start, start + _BATCH)])
    await collection.create_index(list(FACTS_KEY.items()), name=_BY_HAND)


async def answer(database: Database) -> int:
    """The whole answer; how many executions it counts."""
    found = await Statistics(Reader(database, 60_000)).answer(_OPERATOR, REQUEST)
    return found.totals.count


async def by_hand(database: Database) -> int:
    """The same measures in one aggregation; how many executions it counts."""
    measures = {
        "count": {"$sum": 1},
        "tokens": {"$sum": "$tokens_used"},
        **{
            f"{name}_{kind}": accumulator
            for name, path in (("duration", "$total_duration"), ("cost", "$total_cost"))
            for kind, accumulator in {
                "percentiles": {"$percentile": {"input": path, "p": _SHARES, "method": "approximate"}},
                "max": {"$max": path},
                "sum": {"$sum": path},
            }.items()
        },
    }
    bucket = {"$dateTrunc": {"date": "$created", "unit": "hour", "timezone": REQUEST.zone}}
    keys = {"totals": None, "series": bucket, "workflows": "$workflow_name", "codes": "$error_details.code"}
    facets = {name: [{"$group": {"_id": {"key": key, "status": "$status"}, **measures}}] for name, key in keys.items()}
    match = {"tenant_id": "acme", "created": {"$gte": _FROM, "$lt": _UNTIL}}
    rows = database.rows(Execution)
    async with await rows.aggregate([{"$match": match}, {"$facet": facets}], hint=_BY_HAND) as cursor:
        (found,) = await cursor.to_list()
    return sum(row["count"] for row in found["totals"])


def cpu_of(pid: int) -> float:
    """The processor time that a process has used so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def compare(database: Database, mongod: int, rounds: int) -> Mapping[str, float]:
    """CPU and elapsed milliseconds of each, and their ratios."""
    contenders: Mapping[str, Callable[[Database], Awaitable[int]]] = {"answer": answer, "pass": by_hand}
    spent, elapsed = dict.fromkeys(contenders, 0.0), {name: list[float]() for name in contenders}
    for number in range(rounds + 2):
        for name, read in contenders.items():
            cpu, began = cpu_of(mongod) + time.process_time(), time.perf_counter()
            count = await read(database)
            if count != MATCHING:
                sys.exit(f"{name} counts {count} executions, not {MATCHING}.")
            if number >= 2:  # the first rounds warm up
                elapsed[name].append((time.perf_counter() - began) * 1_000)
                spent[name] += (cpu_of(mongod) + time.process_time() - cpu) * 1_000 / rounds
    return {
        "statistics_vs_pass": spent["answer"] / spent["pass"],
        **{f"{name}_cpu_ms": value for name, value in spent.items()},
        **{f"{name}_ms": median(values) for name, values in elapsed.items()},
    }


async def run(rounds: int, folder: Path) -> Mapping[str, float]:
    """All figures of path A."""
    with running(SingleNodeReplicaSet(folder)) as mongod:
        async with open_database(mongod.uri, "benchmark") as database:
            await database.connect()
            await database.prepare()
            await fill(database)
            return await compare(database, mongod.process.pid, rounds)


def main() -> None:
    """Run, print, and add the figures to `results/latest.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.statistics", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(run(options.rounds, Path(folder)))
    sys.stdout.writelines(f"{name}: {value:.2f}\n" for name, value in found.items())
    record({"statistics_vs_pass": found["statistics_vs_pass"]}, statistics=dict(found))


if __name__ == "__main__":
    main()

"""What the writer of reports takes beside plain updates, and what group commit saves: `make bench-ingest`.

Everything is in one process with one MongoDB, in turns, with the indexes of the product on both sides. Engines report
runs of eight steps, an event when each begins and ends, as OpenLineage's clients do; sixty runs go on at once.

- Batches of 360 events that are joined and written, beside one `$set` and `$inc` for each event, all of a batch in one
  unordered bulk write. These lose what comes late and count what is sent twice; no totals are kept.
- Sixty-four clients that each wait for the answer before they send the next event: group commit beside a write for
  each event.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any

from pymongo import UpdateOne

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.ingest.redaction import Redaction
from execution_monitor.ingest.service import Ingest
from execution_monitor.ingest.writer.facts import HEARSAY, Clean, Facts
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.writer import Writer
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import Execution, ExecutionStatus, Step
from tests.benchmarks.latest import record
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running

EVENTS, RUNS, STEPS, CLIENTS = 360, 60, 8, 64
_OWNER = Owner("acme", "ada")
_CALLER = Caller(_OWNER.user_id, _OWNER.tenant_id, frozenset({Scope.EXECUTIONS_WRITE}))
_BEGAN = datetime(2026, 11, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """A run, or with a number one of its steps, begins or ends."""

    run: str
    step: int | None
    at: datetime
    ends: bool

    def add_to(self, facts: Facts) -> None:
        """Report it."""
        execution = facts.execution(self.run)
        execution.created(self.at)
        own = self.step is None
        execution.set("name", {"workflow_name": "etl"}, at=self.at, rank=HEARSAY + own)
        execution.set("heartbeat", {"last_heartbeat_at": self.at}, at=self.at)
        document = execution if self.step is None else facts.step(self.run, f"etl.{self.step}")
        if self.step is not None:
            document.created(self.at)
            document.set("step", {"step_name": f"etl.{self.step}", "step_type": "PYTHON"}, at=self.at)
        if not self.ends:
            document.started(self.at)
        status = ExecutionStatus.COMPLETED if self.ends else ExecutionStatus.RUNNING
        document.outcome(status, at=self.at, completed_at=self.at if self.ends else None)

    def as_update(self) -> tuple[bool, UpdateOne]:
        """One plain update, and whether it is of a step."""
        ids: dict[str, Any] = {"tenant_id": _OWNER.tenant_id, "execution_id": self.run}
        if self.step is None:
            changes = {"workflow_name": "etl", "user_id": _OWNER.user_id, "last_heartbeat_at": self.at}
            key = _OWNER.execution(self.run)
        else:
            changes = {"step_id": f"etl.{self.step}", "step_name": f"etl.{self.step}", "step_type": "PYTHON"}
            key = _OWNER.step(self.run, f"etl.{self.step}")
        if self.ends:
            changes |= {"status": "completed", "completed_at": self.at, "duration": 1.0}
        else:
            changes |= {"status": "running", "started_at": self.at, "created": self.at}
        update = {"$set": {**ids, **changes, "updated": self.at}, "$inc": {"version": 1}}
        return self.step is not None, UpdateOne({"_id": key, "tenant_id": _OWNER.tenant_id}, update, upsert=True)


def events_of(run: str) -> Iterator[Event]:
    """All events of a run, in order."""
    seconds = count()
    times = (_BEGAN + timedelta(seconds=each) for each in seconds)
    yield Event(run, None, next(times), ends=False)
    for step in range(STEPS):
        yield Event(run, step, next(times), ends=False)
        yield Event(run, step, next(times), ends=True)
    yield Event(run, None, next(times), ends=True)


def all_events(name: str, runs: int) -> Iterator[Event]:
    """The events of ever new runs, `runs` of them at once."""
    numbers = count()
    going = [events_of(f"{name}-{next(numbers)}") for _ in range(runs)]
    # Each is somewhere else in its run.
    for place, each in enumerate(going):
        yield from islice(each, place % (2 * STEPS))
    while True:
        for place in range(runs):
            event = next(going[place], None)
            if event is None:
                going[place] = events_of(f"{name}-{next(numbers)}")
                event = next(going[place])
            yield event


async def _write_joined(writer: Writer, clean: Clean, batch: Sequence[Event]) -> None:
    facts = Facts(clean)
    for event in batch:
        event.add_to(facts)
    await writer.write(_OWNER, facts)


async def _write_plainly(database: Database, batch: Sequence[Event]) -> None:
    updates = [event.as_update() for event in batch]
    for document, is_step in ((Step, True), (Execution, False)):
        await database.collection(document).bulk_write(
            [update for of_step, update in updates if of_step is is_step], ordered=False
        )


async def _seconds(work: Awaitable[None]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


async def compare_with_updates(database: Database, plain: Database, rounds: int, batches: int) -> Mapping[str, float]:
    """Events a second, `joined` and `plain`: medians."""
    clean = Redaction().clean
    writer = Writer(database)
    events = all_events("batch", RUNS)
    found: dict[str, list[float]] = {"joined": [], "plain": []}
    for number in range(rounds + 1):
        joined = plainly = 0.0
        for _ in range(batches):
            batch = list(islice(events, EVENTS))
            joined += await _seconds(_write_joined(writer, clean, batch))
            plainly += await _seconds(_write_plainly(plain, batch))
        if number:  # the first round warms up
            found["joined"].append(EVENTS * batches / joined)
            found["plain"].append(EVENTS * batches / plainly)
    return {name: statistics.median(each) for name, each in found.items()}


async def _send_for(seconds: float, name: str, store: Callable[[Event], Awaitable[object]]) -> float:
    """Events a second of clients that send one after another."""
    until = time.perf_counter() + seconds
    sent = 0

    async def client(number: int) -> None:
        nonlocal sent
        for event in all_events(f"{name}-{number}", 1):
            if time.perf_counter() >= until:
                return
            await store(event)
            sent += 1

    began = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return sent / (time.perf_counter() - began)


async def compare_with_single_writes(database: Database, rounds: int, seconds: float) -> Mapping[str, float]:
    """Events a second, `grouped` and `single`: medians."""
    writer = Writer(database)
    found: dict[str, list[float]] = {"grouped": [], "single": []}
    async with Ingest(database, Redaction().clean) as ingest:

        def facts_of(event: Event) -> Facts:
            facts = ingest.begin()
            event.add_to(facts)
            return facts

        for number in range(rounds + 1):
            ways: Mapping[str, Callable[[Event], Awaitable[object]]] = {
                "grouped": lambda event: ingest.store(_CALLER, facts_of(event)),
                "single": lambda event: writer.write(_OWNER, facts_of(event)),
            }
            for way, store in ways.items():
                rate = await _send_for(seconds, f"{way}-{number}", store)
                if number:
                    found[way].append(rate)
    return {name: statistics.median(each) for name, each in found.items()}


@asynccontextmanager
async def _prepared(uri: str, name: str) -> AsyncGenerator[Database]:
    async with open_database(uri, name) as database:
        await database.connect()
        await database.prepare()
        yield database


def ingest_ratios(found: Mapping[str, float]) -> dict[str, float]:
    """The ratios of the figures, by the names of the goals."""
    return {
        "ingest_vs_raw_updates": found["joined"] / found["plain"],
        "ingest_group_commit": found["grouped"] / found["single"],
    }


async def run(uri: str, options: argparse.Namespace) -> dict[str, float]:
    """Events a second of each way."""
    async with _prepared(uri, "joined") as database, _prepared(uri, "plain") as plain:
        found = dict(await compare_with_updates(database, plain, options.rounds, options.batches))
        return found | dict(await compare_with_single_writes(database, options.rounds, options.seconds))


def main() -> None:
    """Run, print, and add the figures to `results/latest.json`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ingest", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(SingleNodeReplicaSet(Path(folder), checkpoint_seconds=60)) as mongod,
    ):
        found = asyncio.run(run(mongod.uri, options))
    ratios = ingest_ratios(found)
    sys.stdout.writelines(f"{name}: {each:,.0f} events a second\n" for name, each in found.items())
    sys.stdout.writelines(f"{name}: {each:.2f}\n" for name, each in ratios.items())
    record(ratios, ingest=found)


if __name__ == "__main__":
    main()

"""Simulates engines: starts generated executions, writes their changes in time, and finishes abandoned ones."""

import asyncio
import heapq
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import ceil, exp
from typing import NamedTuple

import structlog
from bson import ObjectId
from pymongo.errors import PyMongoError

from execution_monitor.development.synthetic.run_store import (
    find_unfinished,
    insert_run,
    write_next_version,
    write_timeout,
)
from execution_monitor.development.synthetic.runs import (
    Run,
    RunIdentity,
    generate_any_run,
    generate_follow_up,
    seeded_random,
)
from execution_monitor.development.synthetic.users import Owner, owners
from execution_monitor.errors import SetupError
from execution_monitor.storage.mongodb_errors import explain
from execution_monitor.storage.rows import BsonDocument

log = structlog.get_logger()

# Most last between 5 and 90 seconds.
_MEDIAN_SECONDS = 22
_SPREAD = 0.7
_SHORTEST_SECONDS, _LONGEST_SECONDS = 3, 240
_SPEED_STREAM = 1 << 97
# A running simulator is never so late: this one has been stopped.
_OVERDUE = timedelta(seconds=15)
# An execution abandoned for longer times out; one abandoned for less goes on.
_LOST = timedelta(minutes=10)
_SEARCH_EVERY = timedelta(seconds=60)
# After an interruption, starts that were missed longer ago are left out, instead of coming as one burst.
_STARTS_MADE_UP_FOR = timedelta(seconds=5)
_LONGEST_SLEEP_SECONDS = 1.0
_RETRY_SECONDS = (0.5, 1, 2, 5, 10)
# Executions last half a minute on average, and some much longer: so many run at once at one a second.
_AT_ONCE_PER_RATE = 60
_FEWEST_AT_ONCE = 200
_WARN_EVERY = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """How many executions start, and whose they are."""

    rate: float = 0.5  # new executions a second, on average
    users: int = 2  # in each tenant
    tenants: int = 1
    at_once: int | None = None  # no new ones start while so many are running; None: as many as the rate needs
    random_seed: int | None = None  # None: another one each time

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 100:  # noqa: PLR2004 - as much as one task can write
            raise SetupError("The rate must be above 0 and at most 100 executions a second.")
        for name in ("users", "tenants", "at_once"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise SetupError(f"The number of {name} must be at least 1.")

    @property
    def most_at_once(self) -> int:
        """How many executions may run at once."""
        return self.at_once or max(_FEWEST_AT_ONCE, ceil(self.rate * _AT_ONCE_PER_RATE))


class _Change(NamedTuple):
    """The next change of a run: to `version` + 1, or its creation where `version` is 0."""

    due: datetime
    execution_id: str  # orders what is due at the same time
    run: Run
    seeds: list[int]  # its own last, before it those of its ancestors
    version: int


def _utc_now() -> datetime:
    return datetime.now(UTC)


async def simulate(
    options: SimulatorOptions,
    *,
    clock: Callable[[], datetime] = _utc_now,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Start and change generated executions in the connected database until cancelled; outages are waited out."""
    await Simulation(options, clock).run(sleep)


@dataclass
class Simulation:
    """The running executions and the next change of each; one task runs it."""

    options: SimulatorOptions
    clock: Callable[[], datetime]
    interruptions: int = 0  # how often MongoDB failed
    _changes: list[_Change] = field(default_factory=list[_Change])

    def __post_init__(self) -> None:
        seed = self.options.random_seed
        self._random = seeded_random(secrets.randbits(62) if seed is None else seed)
        self._everybody = owners(self.options.tenants, self.options.users)
        self._next_start = self._next_search = self._next_warning = self.clock()
        self._left_out = 0.0  # starts since the last warning that did not take place

    @property
    def running(self) -> int:
        """How many executions are running."""
        return len(self._changes)

    async def run(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Write what is due, sleep until the next change is due, and so on without end."""
        failures = 0
        while True:
            try:
                await self.catch_up()
            except PyMongoError as error:
                self.interruptions += 1
                log.warning("simulation_interrupted", reason=explain(error), interruptions=self.interruptions)
                await sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
                failures += 1
            else:
                failures = 0
                await sleep(self._seconds_to_next())

    async def catch_up(self) -> None:
        """Write all that is due now; after a failure, calling it again goes on where it stopped."""
        now = self.clock()
        if now >= self._next_search:
            await self._resume_abandoned(now)
            self._next_search = now + _SEARCH_EVERY
        missed = now - _STARTS_MADE_UP_FOR - self._next_start
        if missed > timedelta(0):
            self._left_out += missed.total_seconds() * self.options.rate
            self._next_start += missed
        while self._next_start <= now:
            if len(self._changes) < self.options.most_at_once:
                self._start_run(self._next_start)
            else:
                self._left_out += 1
            self._next_start += timedelta(seconds=self._random.expovariate(self.options.rate))
        self._warn_if_slow(now)
        while self._changes and self._changes[0].due <= now:
            await self._write(self._changes[0])

    def _warn_if_slow(self, now: datetime) -> None:
        if self._left_out >= 1 and now >= self._next_warning:
            log.warning(
                "simulation_below_its_rate",
                rate=self.options.rate,
                left_out=round(self._left_out),
                running=self.running,
                most_at_once=self.options.most_at_once,
            )
            self._left_out, self._next_warning = 0.0, now + _WARN_EVERY

    def _seconds_to_next(self) -> float:
        due = self._changes[0].due if self._changes else self._next_start
        wait = (min(due, self._next_start) - self.clock()).total_seconds()
        return min(max(wait, 0.0), _LONGEST_SLEEP_SECONDS)

    def _start_run(self, at: datetime) -> None:
        seed = self._random.getrandbits(62)
        identity = RunIdentity(f"exec-{ObjectId()}", _to_milliseconds(at), seed)
        self._expect(_at_watchable_speed(generate_any_run(self._everybody, identity)), [seed], 0)

    def _expect(self, run: Run, seeds: list[int], version: int) -> None:
        due = run.at(run.change_times[version]) if version else run.created
        heapq.heappush(self._changes, _Change(due, run.execution_id, run, seeds, version))

    async def _write(self, change: _Change) -> None:
        run, version = change.run, change.version
        stored = await (write_next_version(run, version) if version else insert_run(run, change.seeds))
        # Only now: a change that failed is written again.
        heapq.heappop(self._changes)
        if 0 < stored < len(run.change_times):
            self._expect(run, change.seeds, stored)
        elif stored == version + 1:
            self._start_follow_up(run, change.seeds)

    def _start_follow_up(self, parent: Run, seeds: list[int]) -> None:
        seed = self._random.getrandbits(62)
        child = generate_follow_up(parent, f"exec-{ObjectId()}", seed)
        if child is not None and len(self._changes) < self.options.most_at_once:
            created = max(child.created, _to_milliseconds(self.clock()))
            self._expect(_at_watchable_speed(child.created_at(created)), [*seeds, seed], 0)

    async def _resume_abandoned(self, now: datetime) -> None:
        tenants = sorted({owner.tenant_id for owner in self._everybody})
        running = {change.execution_id for change in self._changes}
        for row in await find_unfinished(tenants, self.options.most_at_once):
            if row["execution_id"] in running:
                continue
            version: int = row["version"]
            run = _regenerate(row, self._everybody)
            late = now - (row["updated"] if run is None else run.at(run.change_times[version]))
            if late > _LOST:
                await write_timeout(row, now)
            elif run is not None and late > _OVERDUE and len(self._changes) < self.options.most_at_once:
                self._expect(run, row["simulation"]["seeds"], version)


def _regenerate(row: BsonDocument, all_owners: tuple[Owner, ...]) -> Run | None:
    """The run that `row` is a state of, or None if its seeds now give another one, as after an upgrade."""
    first, *others = row["simulation"]["seeds"]
    run = _at_watchable_speed(generate_any_run(all_owners, RunIdentity(row["execution_id"], row["created"], first)))
    for seed in others:
        child = generate_follow_up(run, row["execution_id"], seed)
        if child is None:
            return None
        run = _at_watchable_speed(child)
    if run.workflow.name != row["workflow_name"] or not 0 < row["version"] < len(run.change_times):
        return None
    return replace(run.created_at(row["created"]), owner=Owner(row["tenant_id"], row["user_id"]))


def _at_watchable_speed(run: Run) -> Run:
    seconds = _MEDIAN_SECONDS * exp(seeded_random(run.identity.seed + _SPEED_STREAM).gauss(0, _SPREAD))
    seconds = min(max(seconds, _SHORTEST_SECONDS), _LONGEST_SECONDS)
    return replace(run, plan=run.plan.scaled_to(int(seconds * 1000)))


def _to_milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)

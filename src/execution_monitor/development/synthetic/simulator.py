"""Keeps made-up executions happening: starts new ones, moves each through its life, finishes what was left behind."""

import asyncio
import heapq
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import exp
from typing import NamedTuple

import structlog
from bson import ObjectId
from pymongo.errors import PyMongoError

from execution_monitor.development.synthetic.dice import dice
from execution_monitor.development.synthetic.run_store import (
    find_unfinished,
    write_birth,
    write_change,
    write_timeout,
)
from execution_monitor.development.synthetic.runs import Birth, Life, imagine_any, imagine_child
from execution_monitor.development.synthetic.users import Owner, owners
from execution_monitor.errors import SetupError
from execution_monitor.storage.mongodb_errors import explain
from execution_monitor.storage.rows import BsonDocument

log = structlog.get_logger()

# Most last between 5 and 90 seconds.
_MEDIAN_SECONDS = 22
_SPREAD = 0.7
_SHORTEST_SECONDS, _LONGEST_SECONDS = 3, 240
_PACE_STREAM = 1 << 97
# A living simulator is never this late, so whoever is has been stopped.
_OVERDUE = timedelta(seconds=15)
# Left longer than this, an execution times out; sooner, it goes on as if nothing had been.
_LOST = timedelta(minutes=10)
_SEARCH_EVERY = timedelta(seconds=60)
# After an interruption, births that were missed longer ago than this stay away, instead of coming as one burst.
_BIRTHS_MADE_UP_FOR = timedelta(seconds=5)
_LONGEST_NAP_SECONDS = 1.0
_RETRY_SECONDS = (0.5, 1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """How much goes on, and whose it is."""

    rate: float = 0.5  # new executions a second, on average
    users: int = 2  # in each tenant
    tenants: int = 1
    at_once: int = 200  # no new ones start while this many are under way
    random_seed: int | None = None  # None: another one each time

    def __post_init__(self) -> None:
        if not 0 < self.rate <= 100:  # noqa: PLR2004 - as much as one task writes
            raise SetupError("The rate must be above 0 and at most 100 executions a second.")
        for name in ("users", "tenants", "at_once"):
            if getattr(self, name) < 1:
                raise SetupError(f"The number of {name} must be at least 1.")


class _Scene(NamedTuple):
    """The next change of a life: the one that makes `version` + 1 of it, or its birth where `version` is 0."""

    due: datetime
    execution_id: str  # orders what is due at the same time
    life: Life
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
    """Write the lives of made-up executions to the connected database until cancelled; outages are waited out."""
    await Simulation(options, clock).run(sleep)


@dataclass
class Simulation:
    """The executions under way, and what happens next in each; one task runs it."""

    options: SimulatorOptions
    clock: Callable[[], datetime]
    interruptions: int = 0  # how often MongoDB failed it
    _scenes: list[_Scene] = field(default_factory=list[_Scene])

    def __post_init__(self) -> None:
        seed = self.options.random_seed
        self._random = dice(secrets.randbits(62) if seed is None else seed)
        self._everybody = owners(self.options.tenants, self.options.users)
        self._next_birth = self._next_search = self.clock()

    @property
    def under_way(self) -> int:
        """How many executions it is moving."""
        return len(self._scenes)

    async def run(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Do what is due, sleep until the next thing is, and so on without end."""
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
        """Do all that is due now; after a failure, calling it again goes on where it stopped."""
        now = self.clock()
        if now >= self._next_search:
            await self._adopt(now)
            self._next_search = now + _SEARCH_EVERY
        self._next_birth = max(self._next_birth, now - _BIRTHS_MADE_UP_FOR)
        while self._next_birth <= now:
            if len(self._scenes) < self.options.at_once:
                self._conceive(self._next_birth)
            self._next_birth += timedelta(seconds=self._random.expovariate(self.options.rate))
        while self._scenes and self._scenes[0].due <= now:
            await self._play(self._scenes[0])

    def _seconds_to_next(self) -> float:
        due = self._scenes[0].due if self._scenes else self._next_birth
        wait = (min(due, self._next_birth) - self.clock()).total_seconds()
        return min(max(wait, 0.0), _LONGEST_NAP_SECONDS)

    def _conceive(self, at: datetime) -> None:
        seed = self._random.getrandbits(62)
        birth = Birth(f"exec-{ObjectId()}", _to_milliseconds(at), seed)
        self._expect(_at_a_watchable_pace(imagine_any(self._everybody, birth)), [seed], 0)

    def _expect(self, life: Life, seeds: list[int], version: int) -> None:
        due = life.at(life.instants[version]) if version else life.created
        heapq.heappush(self._scenes, _Scene(due, life.execution_id, life, seeds, version))

    async def _play(self, scene: _Scene) -> None:
        life, version = scene.life, scene.version
        stored = await (write_change(life, version) if version else write_birth(life, scene.seeds))
        # Only now: a scene that failed is played again.
        heapq.heappop(self._scenes)
        if 0 < stored < len(life.instants):
            self._expect(life, scene.seeds, stored)
        elif stored == version + 1:
            self._conceive_child(life, scene.seeds)

    def _conceive_child(self, parent: Life, seeds: list[int]) -> None:
        seed = self._random.getrandbits(62)
        child = imagine_child(parent, f"exec-{ObjectId()}", seed)
        if child is not None and len(self._scenes) < self.options.at_once:
            born = max(child.created, _to_milliseconds(self.clock()))
            self._expect(_at_a_watchable_pace(child.born(born)), [*seeds, seed], 0)

    async def _adopt(self, now: datetime) -> None:
        tenants = sorted({owner.tenant_id for owner in self._everybody})
        mine = {scene.execution_id for scene in self._scenes}
        for row in await find_unfinished(tenants, self.options.at_once):
            if row["execution_id"] in mine:
                continue
            version: int = row["version"]
            life = _remember(row, self._everybody)
            late = now - (row["updated"] if life is None else life.at(life.instants[version]))
            if late > _LOST:
                await write_timeout(row, now)
            elif life is not None and late > _OVERDUE and len(self._scenes) < self.options.at_once:
                self._expect(life, row["simulation"]["seeds"], version)


def _remember(row: BsonDocument, everybody: tuple[Owner, ...]) -> Life | None:
    """The life that `row` is in the middle of, or None when its seeds lead elsewhere, as after an upgrade."""
    first, *others = row["simulation"]["seeds"]
    life = _at_a_watchable_pace(imagine_any(everybody, Birth(row["execution_id"], row["created"], first)))
    for seed in others:
        child = imagine_child(life, row["execution_id"], seed)
        if child is None:
            return None
        life = _at_a_watchable_pace(child)
    if life.workflow.name != row["workflow_name"] or not 0 < row["version"] < len(life.instants):
        return None
    return replace(life.born(row["created"]), owner=Owner(row["tenant_id"], row["user_id"]))


def _at_a_watchable_pace(life: Life) -> Life:
    seconds = _MEDIAN_SECONDS * exp(dice(life.birth.seed + _PACE_STREAM).gauss(0, _SPREAD))
    seconds = min(max(seconds, _SHORTEST_SECONDS), _LONGEST_SECONDS)
    return replace(life, plan=life.plan.lasting(int(seconds * 1000)))


def _to_milliseconds(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)

"""The consumer that keeps rollups: takes every change once, and builds and clears rows while nothing else waits."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import structlog
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from pymongo.errors import OperationFailure
from typing_extensions import override

from execution_monitor.feeder.consumers import Gap
from execution_monitor.feeder.sessions import TransactionSessions
from execution_monitor.live.changes import Change
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.observability.metrics.families import gauges_by
from execution_monitor.statistics.rollups.building import Building, tenants_of
from execution_monitor.statistics.rollups.changes import FIELDS, RowChanges, is_in_rows, same_in_rows
from execution_monitor.statistics.rollups.clearing import clear_empty_rows, clear_older_rows
from execution_monitor.statistics.rollups.families import milliseconds_of
from execution_monitor.statistics.rollups.marks import next_mark
from execution_monitor.statistics.rollups.states import NOTHING_BUILT, VERSION, Conflict, States, TenantState
from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.database import Database
from execution_monitor.storage.find_command import BAD_VALUE
from execution_monitor.turns import Turns

log = structlog.get_logger()

NAME = "rollups"

_NEW_TENANTS_AT_ONCE = 50
_SECONDS_BETWEEN_CLEARINGS = 60.0
# Where changes are lost again and again, as without permission to keep images, rows are not built all the time.
_FIRST_PAUSE_SECONDS = 30.0
_MAX_PAUSE_SECONDS = 3_600.0
# Building takes so much of the time of an idle feeder; the rest is for requests.
_BUSY_SHARE = 0.7


class Rollups(Collector):
    """Keeps the rows of all tenants; see `Consumer`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sessions = TransactionSessions(database, NAME)
        self._states = States(database, self._sessions)
        self._term = 0
        self._known: dict[str, TenantState] = {}
        self._unknown: list[str] | None = None  # tenants without a state; None before they were looked for
        self._unbuilt: dict[str, Building] = {}
        self._to_clear: dict[str, int] = {}
        self._cleared_at = 0.0
        self._losses = 0
        self._built_from_on = 0.0  # monotonic: when building may go on

    @property
    def name(self) -> str:
        """What its position is stored as."""
        return NAME

    @property
    def fields(self) -> frozenset[str]:
        """The stored fields that it reads."""
        return FIELDS

    async def prepare(self) -> None:
        """Nothing to decide: they are always the same."""

    async def take(self, tenant: str, changes: Sequence[Change], until: StreamPosition, term: int) -> None:
        """Add what executions are now to the rows of a tenant, and subtract what they were."""
        await self._begin_term(term)
        while True:
            before = self._known.pop(tenant, None) or await self._find(tenant)
            if before is not None and until <= before.position:
                self._known[tenant] = before
                return
            try:
                after = await self._take(tenant, before, changes, until)
            except Conflict:
                # Another feeder, whose term was over, has just taken some of them.
                continue
            self._remember(after)
            return

    async def lose(self, gap: Gap, term: int, /) -> None:
        """Let all rows be built anew: of which tenants changes are lost is unknown."""
        await self._begin_term(term)
        await self._states.mark_lost(gap.until, term)
        pause = min(_FIRST_PAUSE_SECONDS * 2.0**self._losses, _MAX_PAUSE_SECONDS) if self._losses else 0.0
        self._losses += 1
        self._built_from_on = time.monotonic() + pause
        await self._load()

    async def work(self, position: StreamPosition, term: int, /) -> bool:
        """Build a piece of rows, or clear some that no longer count."""
        await self._begin_term(term)
        try:
            return await self._work(position)
        except OperationFailure as error:
            if error.code != BAD_VALUE:
                raise
            # An index is still being made.
            return False

    @override
    def collect(self) -> Iterator[Metric]:
        """How many tenants are answered from rollups, and how many are not yet."""
        if self._term:
            building = len(self._unbuilt)
            values = {"complete": len(self._known.keys() - self._unbuilt.keys()), "building": building}
            yield gauges_by(
                "state", "rollups_tenants", "Tenants whose rollups are complete, or being built, in the feeder.", values
            )

    async def _work(self, position: StreamPosition) -> bool:
        if self._unknown is None or self._unknown:
            return await self._meet_tenants(position)
        if self._unbuilt and time.monotonic() >= self._built_from_on:
            return await self._build(position)
        if self._to_clear:
            return await self._clear()
        if time.monotonic() - self._cleared_at >= _SECONDS_BETWEEN_CLEARINGS:
            more = await clear_empty_rows(self._database)
            self._cleared_at = self._cleared_at if more else time.monotonic()
            return more
        return False

    async def _begin_term(self, term: int) -> None:
        """Forget what another feeder may have changed since the last term of this one."""
        await self._sessions.begin_term(term, self._load_anew)

    async def _load_anew(self, term: int) -> None:
        self._unknown, self._losses, self._cleared_at = None, 0, 0.0
        self._term = term
        await self._load()

    async def _load(self) -> None:
        self._known.clear()
        self._unbuilt.clear()
        async for state in self._states.all():
            self._remember(await self._renewed(state))

    async def _find(self, tenant: str) -> TenantState | None:
        found = await self._states.find(tenant)
        return None if found is None else await self._renewed(found)

    async def _renewed(self, state: TenantState) -> TenantState:
        """The state, where its rows mean something else with nothing built."""
        if state.version == VERSION:
            return state
        after = TenantState(state.tenant, state.position, state.generation + 1, term=self._term)
        await self._states.write(state, after)
        return after

    def _remember(self, state: TenantState) -> None:
        self._known[state.tenant] = state
        if state.is_built:
            self._unbuilt.pop(state.tenant, None)
        else:
            self._unbuilt.setdefault(state.tenant, Building(self._database, self._states))
        if state.generation > 1 and state.tenant not in self._to_clear:
            self._to_clear[state.tenant] = state.generation

    async def _take(
        self, tenant: str, before: TenantState | None, changes: Sequence[Change], until: StreamPosition
    ) -> TenantState:
        if before is None:
            # What there was before is built from a snapshot, as these changes are.
            after = TenantState(tenant, until, term=self._term)
            await self._states.write(None, after)
            return after
        rows = RowChanges(tenant, before.generation)
        turns = Turns()
        for change in changes:
            await turns.give_way()
            if change.position <= before.position or same_in_rows(change.before, change.after):
                continue
            for image, times in ((change.before, -1), (change.after, 1)):
                if image is not None and image.get("tenant_id") == tenant and is_in_rows(image):
                    created = milliseconds_of(image.get(CREATED))
                    if created is not None and created >= before.built_from:
                        rows.add(image, times)
        after = replace(
            before,
            position=until,
            executions=before.executions + rows.executions,
            term=self._term,
            mark=next_mark(before.mark, until),
        )
        await self._states.write(before, after, rows)
        return after

    async def _meet_tenants(self, position: StreamPosition) -> bool:
        """Give tenants a state whose executions are older than the first feeder."""
        if self._unknown is None:
            self._unknown = [each async for each in tenants_of(self._database) if each not in self._known]
        for tenant in self._unknown[:_NEW_TENANTS_AT_ONCE]:
            if tenant not in self._known:
                try:
                    await self._take(tenant, None, (), position)
                except Conflict:
                    pass
                else:
                    self._remember(TenantState(tenant, position, term=self._term))
        self._unknown = self._unknown[_NEW_TENANTS_AT_ONCE:]
        return True

    async def _build(self, position: StreamPosition) -> bool:
        tenant, building = next(iter(self._unbuilt.items()))
        before = self._known.pop(tenant, None) or await self._find(tenant)
        if before is None:
            del self._unbuilt[tenant]
            return True
        if before.built_from == NOTHING_BUILT:
            log.info("rollups_building", tenant=tenant)
        began = time.monotonic()
        try:
            after = await building.build_piece(before, position, self._term)
        except Conflict:
            return True
        self._remember(after)
        if after.is_built:
            log.info("rollups_built", tenant=tenant, executions=after.executions)
        await asyncio.sleep((time.monotonic() - began) * (1 / _BUSY_SHARE - 1))
        return after != before

    async def _clear(self) -> bool:
        tenant, generation = next(iter(self._to_clear.items()))
        if not await clear_older_rows(self._database, tenant, generation):
            del self._to_clear[tenant]
        return True

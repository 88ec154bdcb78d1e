"""Preview: the alerts that a rule would have had in the last days, from a bounded read; nothing is stored or sent.

What executions are now is all that is known of them. So an execution ended when it is stored to have ended, and started
to match an event when it ended, or last changed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from execution_monitor.alerts.conditions import (
    PERCENTILE_DAYS,
    Condition,
    Duration,
    Event,
    Rate,
    Silence,
    Sum,
)
from execution_monitor.alerts.evaluation.ended import ENDED
from execution_monitor.alerts.evaluation.settling import EVENTS_LAST
from execution_monitor.alerts.evaluation.silences import KNOWN_FOR
from execution_monitor.alerts.evaluation.watched import Watched
from execution_monitor.alerts.groups import ALL_TOGETHER, AlertGroup, groups_of
from execution_monitor.alerts.past_changes import (
    PastPercentiles,
    changes_of_durations,
    changes_of_ended,
    changes_of_events,
    changes_of_silence,
)
from execution_monitor.alerts.simulation import Change, SimulatedAlert, look_at, simulate
from execution_monitor.errors import BadUserInput
from execution_monitor.statistics.time_range import CREATED
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.documents import ACTIVE_STATUSES, TERMINAL_STATUSES, Execution
from execution_monitor.storage.filters import AllOf, Filter, OneOf, Range, all_of
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import Row
from execution_monitor.storage.running_time import DURATION, STARTED

MAX_DAYS = 31
# Read and gone through in some seconds.
MAX_EXECUTIONS = 50_000
_UPDATED = "updated"
_DAY = timedelta(days=1)
_FACTS = frozenset({"_id", "status", "workflow_name", CREATED, STARTED, ENDED, _UPDATED, DURATION})
_RUNNING = OneOf("status", ACTIVE_STATUSES)
_MEASURES = frozenset({"total_cost", "tokens_used"})


@dataclass(frozen=True, slots=True)
class Preview:
    """Previews rules over the executions of one database."""

    reader: Reader
    max_executions: int = MAX_EXECUTIONS

    async def find(self, watched: Watched, hold: timedelta, days: int) -> list[SimulatedAlert]:
        """The alerts of the last `days` of a rule that watches this, whose groups must meet it for as long as `hold`.

        Raises:
            BadUserInput: The days are not from 1 to 31, or there are too many executions; the message says how many
                days would do.
            QueryTimeout: There is too much to read.
        """
        if not 1 <= days <= MAX_DAYS:
            raise BadUserInput(f"days must be from 1 to {MAX_DAYS}.")
        now = self.reader.clock()
        reading = _Reading(self.reader, watched, days, look_at(now - days * _DAY), now, self.max_executions)
        if isinstance(watched.condition, Event):
            # What a rule holds for means something else there.
            rows = await reading.entered(watched.condition)
            lasting = max(EVENTS_LAST, hold)
            return await asyncio.to_thread(_simulated, changes_of_events(rows, lasting), timedelta(), reading)
        changes = await reading.changes(watched.condition)
        return await asyncio.to_thread(_simulated, changes, hold, reading)


def _simulated(changes: Iterable[Change], hold: timedelta, reading: "_Reading") -> list[SimulatedAlert]:
    return simulate(changes, hold, reading.start, reading.now)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads what one preview needs, the newest first."""

    reader: Reader
    watched: Watched
    days: int
    start: datetime
    now: datetime
    most: int

    async def changes(self, condition: Condition) -> Iterable[Change]:
        """When groups began and ceased to meet the condition."""
        match condition:
            case Rate() | Sum():
                lead = timedelta(seconds=condition.window_seconds)
                rows = await self._read(ENDED, lead, (), condition)
                return changes_of_ended(self.watched, condition, self._seen(rows, ENDED, TERMINAL_STATUSES))
            case Silence():
                return changes_of_silence(condition, await self._created(), self.start)
            case Duration():
                return await self._durations(condition)
            case _:
                return ()

    async def entered(self, condition: Event) -> Sequence[tuple[datetime, Sequence[AlertGroup]]]:
        """When executions started to match, with their groups."""
        ended = await self._read(ENDED, timedelta(), (condition.match,), condition)
        running = await self._read(CREATED, KNOWN_FOR, (condition.match, _RUNNING), condition)
        matches = condition.match.predicate_at()
        found = list[tuple[datetime, Sequence[AlertGroup]]]()
        for name, rows in ((ENDED, ended), (_UPDATED, running)):
            for row in self._seen(rows, name, None):
                time = to_datetime(row.get(name))
                if time is not None and time >= self.start and matches(row, time):
                    found.append((time, list(groups_of(self.watched.by, row))))
        return found

    async def _created(self) -> Mapping[AlertGroup, Sequence[datetime]]:
        """When executions were created, by group in order, with those before that groups are known by."""
        condition, found = self.watched.condition, defaultdict[AlertGroup, list[datetime]](list)
        if self.watched.by is None:
            found[ALL_TOGETHER] = []
            read = [*await self._read(CREATED, timedelta(), (), condition), *await self._last_before(condition)]
        else:
            read = await self._read(CREATED, KNOWN_FOR, (), condition)
        rows = self._seen(read, CREATED, None)
        for row in rows:
            time = to_datetime(row.get(CREATED))
            for group in groups_of(self.watched.by, row):
                found[group].extend([] if time is None else [time])
        return {group: sorted(times) for group, times in found.items()}

    async def _last_before(self, condition: Condition) -> Sequence[Row]:
        """The newest execution from before the first day."""
        where = all_of(*self._lasting(), Range(CREATED, lt=self.start))
        hint = {"tenant_id": 1, CREATED: 1, "_id": 1}
        return await self.reader.read_sorted(
            Execution, where, {CREATED: -1}, self._fields(condition), 1, hint=hint, computed={}
        )

    async def _durations(self, condition: Duration) -> Iterable[Change]:
        if condition.longer_than_percentile is None:
            limit = condition.longer_than_seconds or 0.0
            ended = await self._read(ENDED, timedelta(), (Range(DURATION, gt=limit),), condition)
            running = await self._read(CREATED, KNOWN_FOR, (_RUNNING,), condition)
            rows = [*self._seen(ended, ENDED, TERMINAL_STATUSES), *self._seen(running, CREATED, ACTIVE_STATUSES)]

            def fixed(_: Row, __: datetime) -> float:
                return limit

            return changes_of_durations(self.watched, fixed, rows, self.now)
        lead = timedelta(days=PERCENTILE_DAYS)
        rows = self._seen(await self._read(CREATED, lead, (), condition), CREATED, None)
        limits = PastPercentiles(rows, condition.longer_than_percentile, self.start, self.now)
        return changes_of_durations(self.watched, limits.of, rows, self.now)

    async def _read(self, by: str, lead: timedelta, also: Sequence[Filter], condition: Condition) -> Sequence[Row]:
        """The executions with a time `by` from so long before the first day on; raises `BadUserInput` for too many."""
        where = all_of(*self._lasting(*also), Range(by, gte=self.start - lead))
        is_running = _RUNNING in also
        hint = {"tenant_id": 1, "status": 1, by: -1, "_id": -1} if is_running else {"tenant_id": 1, by: 1, "_id": 1}
        rows = await self.reader.read_sorted(
            Execution, where, {by: -1}, self._fields(condition), self.most + 1, hint=hint, computed={}
        )
        if len(rows) > self.most:
            raise BadUserInput(self._advice(to_datetime(rows[self.most - 1].get(by)), lead))
        return rows

    def _lasting(self, *also: Filter) -> Sequence[Filter]:
        """The conditions that do not speak of now."""
        where = all_of(self.watched.population, *also)
        parts = where.parts if isinstance(where, AllOf) else (where,)
        return [part for part in parts if not part.is_relative]

    def _seen(self, rows: Iterable[Row], by: str, statuses: Iterable[str] | None) -> list[Row]:
        """Those that were watched and seen at their time `by`, and are in one of `statuses`."""
        is_watched, wanted = self.watched.population.predicate_at(), None if statuses is None else frozenset(statuses)
        return [
            row
            for row in rows
            if (wanted is None or row.get("status") in wanted)
            and (time := to_datetime(row.get(by))) is not None
            and is_watched(row, time)
        ]

    def _fields(self, condition: Condition) -> frozenset[str]:
        names = {*_FACTS, *self.watched.population.fields()}
        if isinstance(condition, Rate | Event):
            names |= set(condition.match.fields())
        if isinstance(condition, Sum):
            names |= _MEASURES
        if self.watched.by is not None:
            names |= self.watched.by.stored
        # MongoDB takes no field together with one within it.
        return frozenset(name for name in names if "." not in name or name.partition(".")[0] not in names)

    def _advice(self, oldest: datetime | None, lead: timedelta) -> str:
        fitting = 0 if oldest is None else (self.now - lead - oldest) // _DAY
        too_many = f"There are more than {self.most:,} executions to preview {self.days} days"
        if 0 < fitting < self.days:
            return f"{too_many}; with days: {fitting} there are few enough."
        return f"{too_many}, and as many in a single day; watch fewer by the rule's filter."

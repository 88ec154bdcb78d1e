"""Scans by duration: executions that have ended by their stored duration, merged with those that run by their start.

No index has both in one order, since the time that an execution has run so far grows. At one instant it orders them as
their start does, the other way round. So a page is merged from two lists, each read in the order of an index. Of equal
durations, the stored one is the shorter.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bson import MaxKey, MinKey

from execution_monitor.storage.bson_ordering import TypeRank, is_nan, rank_of
from execution_monitor.storage.filters import AllOf, DurationSource, Filter, OneOf, Range, all_of, join
from execution_monitor.storage.index_choice import Conditions, narrowest_index
from execution_monitor.storage.indexes import where_sortable
from execution_monitor.storage.pagination import Listing
from execution_monitor.storage.payloads import shows_payloads
from execution_monitor.storage.rows import Row
from execution_monitor.storage.running_time import (
    ACTIVE_STATUSES,
    ANY_TIME,
    HAS_NO_END,
    IS_RUNNING,
    STARTED,
    RunningPosition,
    RunningRow,
    is_by_duration,
    seconds_since,
    sorts_up_to,
    started_before,
)
from execution_monitor.storage.scanning import Found, Scan
from execution_monitor.storage.sorting import Order, SortKey, SortPosition

_LOWEST, _HIGHEST = MinKey(), MaxKey()
# Of what a list of running executions is narrowed by, these come before the start in an index.
_LEADING = ("tenant_id", "user_id", "status")


@dataclass(frozen=True, slots=True)
class DurationScan:
    """A list in an order by duration at the instant `now`, read in one direction, as `Scan` reads others.

    `running` is None where the filter lets no execution through that runs.
    """

    stored: Scan
    running: Scan | None
    now: datetime

    @classmethod
    def of(cls, scan: Scan, where: Filter, now: datetime) -> "DurationScan":
        """The list that `scan` would read by the stored duration alone, of what matches the unbound `where`."""
        statuses = _active_statuses(where)
        stored = replace(scan, where=where.bind(now, DurationSource.STORED))
        if not statuses:
            return cls(stored, None, now)
        first, *later = scan.order.keys
        # Where the start is equal, it does not sort any further.
        rest = [key for key in later if key.field != STARTED]
        order = Order((SortKey(STARTED, not first.descending), *rest))
        has_order = where_sortable([key.field for key in rest]) if rest else {}
        # What `where` says of the status is said by `statuses`.
        others = [part for part in _parts_of(where) if not _is_on_status(part)]
        is_running = all_of(OneOf("status", statuses), *(part.bind(now, DurationSource.RUNNING) for part in others))
        by_status = narrowest_index(scan.document, Conditions.of(is_running.to_mongo()).on(_LEADING))
        running = replace(
            scan,
            where=is_running,
            order=order,
            residual=join([HAS_NO_END.to_mongo(), has_order]),
            index=by_status,
            is_sortable=True,
        )
        stored = replace(
            stored,
            residual={"$nor": [join([IS_RUNNING.to_mongo(), has_order])]},
            index=by_status if _finds_only_active(where) else None,
        )
        return cls(stored, running, now)

    def reversed(self) -> "DurationScan":
        """The same list, read in the other direction."""
        running = None if self.running is None else self.running.reversed()
        return replace(self, stored=self.stored.reversed(), running=running)

    async def read(
        self,
        fields: frozenset[str] | None,
        limit: int,
        *,
        start: SortPosition | None = None,
        end: SortPosition | None = None,
        skip: int = 0,
    ) -> Found:
        """Up to `limit` rows strictly between two positions; those of executions that run are `RunningRow`."""
        stored = _Part(self.stored, self._stored_bound(start), self._stored_bound(end))
        running = self._running_part(start, end)
        if running is None:
            return await stored.read(fields, limit, skip)
        if skip:
            skipped, _ = await self._merge(stored, running, frozenset(), (skip, skip), skip)
            if len(skipped.rows) < skip:
                return Found([], skipped.progress)
            return await self.read(fields, limit, start=self._position_of(skipped.rows[-1]), end=end)
        if shows_payloads(fields):
            # So that no payload is read, and counted against the limit of bytes, that the page does not show.
            found, _ = await self._merge(stored, running, frozenset(), (limit, limit), limit)
            count = sum(isinstance(row, RunningRow) for row in found.rows)
            # With one more of each, a row that has been added since cuts nothing off.
            limits = (len(found.rows) - count + 1, count + 1)
            shown, is_enough = await self._merge(stored, running, fields, limits, limit)
            if is_enough:
                return shown
        return (await self._merge(stored, running, fields, (limit, limit), limit))[0]

    async def has_up_to(self, position: SortPosition | None) -> bool:
        """Whether a row lies at `position` or after it."""
        if isinstance(position, RunningPosition):
            own, at = self.running, self._in_running_order(position)
        else:
            own, at = self.stored, position
        if position is None or own is None:
            return False
        if await own.has_up_to(at):
            return True
        found = await self.read(frozenset(), 1, start=position)
        return bool(found.rows) or not found.progress.is_complete

    async def _merge(
        self, stored: "_Part", running: "_Part", fields: frozenset[str] | None, limits: tuple[int, int], limit: int
    ) -> tuple[Found, bool]:
        """Up to `limit` rows of both, in order, from up to so many of each; and whether those were enough."""
        reads = (stored.read(fields, limits[0]), running.read(fields, limits[1]))
        if self.stored.session is None:
            ended, active = await asyncio.gather(*reads)
        else:
            # A session is used by one query at a time.
            ended, active = await reads[0], await reads[1]
        # The executions that run are read whole, by an index of their own.
        rest = [RunningRow(row, self._running_position(running.scan, row)) for row in active.rows]
        reached, rows, left, right = ended.progress.reached, list[Row](), 0, 0
        while len(rows) < limit:
            has_left, has_right = left < len(ended.rows), right < len(rest)
            if reached is None and not has_left and left == limits[0]:
                return Found(rows), False
            if not has_right and right == limits[1]:
                return Found(rows), False
            bound = self.stored.order.position_of(ended.rows[left]) if has_left else reached
            if has_right and not (bound is not None and self._comes_first(bound, rest[right])):
                rows.append(rest[right])
                right += 1
            elif has_left:
                rows.append(ended.rows[left])
                left += 1
            else:
                # Nothing is left before the position that the search reached.
                return Found(rows, ended.progress), True
        return Found(rows, replace(ended.progress, reached=None)), True

    def _comes_first(self, position: SortPosition, active: RunningRow) -> bool:
        """Whether the `position` of an execution that has ended comes before one that runs."""
        if not position.is_sortable:
            return self.stored.backward
        seconds = seconds_since(active.position.values[0], self.now)
        return sorts_up_to(position.values[0], seconds) is not self._is_descending

    @property
    def _is_descending(self) -> bool:
        return self.stored.order.keys[0].descending

    def _position_of(self, row: Row) -> SortPosition:
        return row.position if isinstance(row, RunningRow) else self.stored.order.position_of(row)

    def _running_position(self, scan: Scan, row: Row) -> RunningPosition:
        named = dict(zip(scan.order.fields, scan.order.position_of(row).values, strict=True))
        return RunningPosition(tuple(named[name] for name in self._running_fields))

    def _in_running_order(self, position: RunningPosition) -> SortPosition | None:
        if self.running is None:
            return None
        named = dict(zip(self._running_fields, position.values, strict=True))
        return SortPosition(tuple(named[name] for name in self.running.order.fields))

    @property
    def _running_fields(self) -> Sequence[str]:
        """The fields of a `RunningPosition`, of which there are as many as in any position of the list."""
        return (STARTED, *self.stored.order.fields[1:])

    def _stored_bound(self, position: SortPosition | None) -> SortPosition | None:
        """Where `position` lies among the executions that have ended."""
        if not isinstance(position, RunningPosition):
            return position
        first, *others = self.stored.order.keys
        # Past all with the same duration, whatever else they are sorted by.
        directions = [*(key.descending for key in others), self.stored.order.by_id.descending]
        past = [_HIGHEST if descending is first.descending else _LOWEST for descending in directions]
        return SortPosition((seconds_since(position.values[0], self.now), *past))

    def _running_part(self, start: SortPosition | None, end: SortPosition | None) -> "_Part | None":
        """The executions that run between two positions; None where there can be none."""
        if self.running is None:
            return None
        where, bounds = self.running.where, list[SortPosition | None]()
        for position, is_start in ((start, True), (end, False)):
            is_own = isinstance(position, RunningPosition)
            bounds.append(self._in_running_order(position) if is_own else None)
            if position is None or is_own:
                continue
            bound = self._started_beside(position, is_start=is_start)
            if bound is None:
                return None
            where = all_of(where, bound)
        if not any(isinstance(part, Range) and part.field == STARTED for part in _parts_of(where)):
            where = all_of(where, ANY_TIME)
        return _Part(replace(self.running, where=where), *bounds)

    def _started_beside(self, position: SortPosition, *, is_start: bool) -> Filter | None:
        """When an execution started that runs, and lies after or before one that has ended; None where none can."""
        if not position.is_sortable:
            # Those come after all others.
            return None if is_start is not self.stored.backward else ANY_TIME
        duration, runs_longer = position.values[0], is_start is not self._is_descending
        rank = rank_of(duration)
        if rank is not TypeRank.NUMBER or is_nan(duration):
            is_least = rank <= TypeRank.NUMBER
            return ANY_TIME if is_least is runs_longer else None
        bound = started_before(self.now, duration, or_at=True)
        return Range(STARTED, lte=bound) if runs_longer else Range(STARTED, gt=bound)


@dataclass(frozen=True, slots=True)
class _Part:
    """The rows of one of the two lists between two positions."""

    scan: Scan
    start: SortPosition | None
    end: SortPosition | None

    async def read(self, fields: frozenset[str] | None, limit: int, skip: int = 0) -> Found:
        needed = None if fields is None else fields.union(self.scan.order.fields)
        return await self.scan.read(needed, limit, start=self.start, end=self.end, skip=skip)


def scan_of(listing: Listing, scan: Scan) -> Scan | DurationScan:
    """How to read `listing`, which `scan` reads by what is stored alone."""
    if listing.now is None or not is_by_duration(listing.order):
        return scan
    return DurationScan.of(scan, listing.where, listing.now)


def _active_statuses(where: Filter) -> tuple[str, ...]:
    """The statuses of executions that run and may match `where`."""
    conditions = list(filter(_is_on_status, _parts_of(where)))
    return tuple(each for each in ACTIVE_STATUSES if all(one.matches({"status": each}) for one in conditions))


def _finds_only_active(where: Filter) -> bool:
    """Whether all that matches `where` has the status of an execution that runs."""
    return any(
        isinstance(part, OneOf) and part.field == "status" and set(part.values) <= set(ACTIVE_STATUSES)
        for part in _parts_of(where)
    )


def _is_on_status(part: Filter) -> bool:
    return set(part.fields()) == {"status"} and not part.is_relative


def _parts_of(where: Filter) -> Sequence[Filter]:
    return where.parts if isinstance(where, AllOf) else (where,)

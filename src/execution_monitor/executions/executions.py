"""Executions as a caller may see them: list, count, find."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.counts import CountCache, CountResult
from execution_monitor.executions.search_turns import SearchTurns
from execution_monitor.executions.visibility import visible_to
from execution_monitor.storage.documents import Execution, ExecutionStatus
from execution_monitor.storage.filters import Filter, OneOf, all_of, equals
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.relative_filters import split_by_duration
from execution_monitor.storage.rows import Row
from execution_monitor.storage.slices import SearchLimits, SlicedSearch
from execution_monitor.storage.sorting import Order, SortKey

# A count is out of date as soon as it has been read.
COUNT_SECONDS = 1.0
FIRST_PAGE = PageRequest()
NEWEST_FIRST = Order((SortKey("created", descending=True),))


def stored_statuses(statuses: Iterable[str]) -> tuple[str | None, ...]:
    """The stored values that are shown as one of `statuses`; an execution without a status is shown as PENDING."""
    values = tuple(statuses)
    return (*values, None) if ExecutionStatus.PENDING in values else values


@dataclass(frozen=True, slots=True)
class Executions:
    """The executions of one database. Every method returns only what its caller may see."""

    reader: Reader
    count_limit: int
    count_cache: CountCache = field(default_factory=lambda: CountCache(COUNT_SECONDS))
    search_limits: SearchLimits = field(default_factory=SearchLimits)
    search_turns: SearchTurns = field(default_factory=SearchTurns)

    async def list(
        self, caller: Caller, where: Filter, order: Order, page: PageRequest, selection: PageSelection
    ) -> Page:
        """Read one keyset page of the executions that match `where`, in `order`.

        What no index serves is searched in slices for a bounded time: `Page.search` says how far that went.
        """
        listing = Listing(self.visible(caller, where), order, sliced=self._sliced(caller))
        return await self.reader.read_page(Execution, listing, page, selection)

    async def count(self, caller: Caller, where: Filter) -> CountResult:
        """Count the executions that match `where`, up to `count_limit`, and as far as time allows."""
        return await self._count(caller, self.visible(caller, where))

    async def count_cached(self, caller: Caller, where: Filter, page: PageRequest = FIRST_PAGE) -> CountResult:
        """As `count`, from the cache where the same executions were counted for the same visibility a moment ago.

        Where `where` speaks of now, they are counted as of the instant that the cursors of `page` carry.
        """
        visible = self.visible(caller, where)
        now = page.instant if where.is_relative else None
        # The `repr` of a filter shows all of it, and visibility is a part of it.
        return await self.count_cache.get((repr(visible), now), lambda: self._count(caller, visible, now))

    async def _count(self, caller: Caller, visible: Filter, now: datetime | None = None) -> CountResult:
        found, is_complete, limit = 0, True, self.count_limit
        for part in split_by_duration(visible, now or self.reader.clock()):
            room = limit + 1 - found
            count = await self.reader.count(Execution, part, room, NEWEST_FIRST, self._sliced(caller))
            found, is_complete = found + count.found, is_complete and count.is_complete
            if found > limit:
                break
        return CountResult(min(found, limit), is_complete and found <= limit)

    def _sliced(self, caller: Caller) -> SlicedSearch:
        turn = partial(self.search_turns.of, (caller.tenant, caller.subject))
        return SlicedSearch(visible_to(caller), self.search_limits, turn)

    async def find(self, caller: Caller, execution_id: str, fields: frozenset[str] | None = None) -> Row | None:
        """Find an execution by its id; None when it does not exist or the caller may not see it."""
        where = self.visible(caller, equals("execution_id", execution_id))
        found = await self.reader.read_some(Execution, where, fields, limit=1)
        return found[0] if found else None

    async def find_many(
        self, caller: Caller, execution_ids: Sequence[str], fields: frozenset[str] | None = None
    ) -> dict[str, Row]:
        """Find those of the executions that the caller may see, by id, from one query."""
        if not execution_ids:
            return {}
        where = self.visible(caller, OneOf("execution_id", tuple(execution_ids)))
        needed = None if fields is None else fields | {"execution_id"}
        found = await self.reader.read_some(Execution, where, needed, limit=len(execution_ids))
        return {row["execution_id"]: row for row in found}

    @staticmethod
    def visible(caller: Caller, where: Filter) -> Filter:
        """Restrict `where` to what `caller` may see; every read of executions uses it.

        Raises:
            Forbidden: The caller lacks the scope `executions:read`.
        """
        caller.require(Scope.EXECUTIONS_READ)
        return all_of(visible_to(caller), where)

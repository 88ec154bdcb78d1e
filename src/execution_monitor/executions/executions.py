"""Executions as callers may see them: list, count, fetch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.counts import CountCache, CountResult
from execution_monitor.executions.visibility import visible_to
from execution_monitor.storage.documents import Execution, ExecutionStatus
from execution_monitor.storage.filters import Filter, OneOf, all_of, equals
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection, Row
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.sorting import Order, SortKey

# A count is out of date as soon as it has been read.
COUNT_SECONDS = 1.0
NEWEST_FIRST = Order((SortKey("created", descending=True),))


def stored_statuses(statuses: Iterable[str]) -> tuple[str | None, ...]:
    """The stored values that are shown as one of `statuses`: an execution without a status is PENDING."""
    values = tuple(statuses)
    return (*values, None) if ExecutionStatus.PENDING in values else values


@dataclass(frozen=True, slots=True)
class Executions:
    """The executions of one database. Every answer is limited to what its caller may see."""

    reader: Reader
    count_limit: int
    recent_counts: CountCache = field(default_factory=lambda: CountCache(COUNT_SECONDS))

    async def list(self, caller: Caller, where: Filter, order: Order, page: PageRequest, wanted: PageSelection) -> Page:
        """The executions that match `where`, in `order`: one keyset page."""
        return await self.reader.read_page(Execution, Listing(self.visible(caller, where), order), page, wanted)

    async def count(self, caller: Caller, where: Filter) -> CountResult:
        """How many match `where`, counted up to the limit."""
        return await self._count(self.visible(caller, where))

    async def count_cached(self, caller: Caller, where: Filter) -> CountResult:
        """As `count`, but for what has changed since somebody with the same rights asked within the last second."""
        visible = self.visible(caller, where)
        # Its `repr` tells all of a filter, and visibility is a part of it.
        return await self.recent_counts.get(repr(visible), lambda: self._count(visible))

    async def _count(self, visible: Filter) -> CountResult:
        found = await self.reader.count(Execution, visible, self.count_limit + 1)
        return CountResult(min(found, self.count_limit), found <= self.count_limit)

    async def find(self, caller: Caller, execution_id: str, fields: frozenset[str] | None = None) -> Row | None:
        """The execution with this id; None when there is none or the caller may not see it."""
        where = self.visible(caller, equals("execution_id", execution_id))
        found = await self.reader.read_some(Execution, where, fields, limit=1)
        return found[0] if found else None

    async def find_many(
        self, caller: Caller, execution_ids: Sequence[str], fields: frozenset[str] | None = None
    ) -> dict[str, Row]:
        """Those of the executions that the caller may see, by id, from one query."""
        if not execution_ids:
            return {}
        where = self.visible(caller, OneOf("execution_id", tuple(execution_ids)))
        needed = None if fields is None else fields | {"execution_id"}
        found = await self.reader.read_some(Execution, where, needed, limit=len(execution_ids))
        return {row["execution_id"]: row for row in found}

    @staticmethod
    def visible(caller: Caller, where: Filter) -> Filter:
        """`where`, narrowed to what `caller` may see; nothing reads executions without it."""
        caller.require(Scope.EXECUTIONS_READ)
        return all_of(visible_to(caller), where)

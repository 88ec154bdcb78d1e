"""Examples of what statistics add up: the slowest executions and the latest failures, read as lists are.

`matching` is that of a `StatisticsAnswer`, so that only executions are shown that it counts.
"""

from dataclasses import dataclass

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import QueryTimeout
from execution_monitor.executions.executions import NEWEST_FIRST, Executions
from execution_monitor.storage.documents import TERMINAL_STATUSES, ExecutionStatus
from execution_monitor.storage.filters import Filter, OneOf, Range, all_of
from execution_monitor.storage.pagination import NEITHER, Page, PageRequest, PageSelection
from execution_monitor.storage.sorting import Order, SortKey

SLOWEST_FIRST = Order((SortKey("total_duration", descending=True),))
_ENDED_WITH_DURATION = all_of(OneOf("status", tuple(sorted(TERMINAL_STATUSES))), Range("total_duration", gte=0))
_FAILED = OneOf("status", (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT))


@dataclass(frozen=True, slots=True)
class Examples:
    """Reads examples. Every method returns only what its caller may see."""

    executions: Executions

    async def slowest(self, caller: Caller, matching: Filter, fields: frozenset[str], first: int) -> Page:
        """The executions that took longest, of those that have ended, with the stored `fields`.

        Raises:
            QueryTimeout: The time allowed no search for all of them.
        """
        return await self._first(caller, all_of(matching, _ENDED_WITH_DURATION), SLOWEST_FIRST, fields, first)

    async def latest_failures(self, caller: Caller, matching: Filter, fields: frozenset[str], first: int) -> Page:
        """The newest executions that failed or timed out, with the stored `fields`.

        Raises:
            QueryTimeout: The time allowed no search for all of them.
        """
        return await self._first(caller, all_of(matching, _FAILED), NEWEST_FIRST, fields, first)

    async def latest(self, caller: Caller, matching: Filter, first: int) -> Page:
        """The newest executions, with their ids alone.

        Raises:
            QueryTimeout: The time allowed no search for all of them.
        """
        return await self._first(caller, matching, NEWEST_FIRST, frozenset({"execution_id"}), first)

    async def _first(self, caller: Caller, where: Filter, order: Order, fields: frozenset[str], first: int) -> Page:
        page = await self.executions.list(
            caller, where, order, PageRequest(first), PageSelection(fields | {"_id"}, NEITHER)
        )
        # Others that come before those that were found may not have been searched.
        if len(page.rows) < first and not page.search.is_complete:
            raise QueryTimeout(
                "The time allowed no search of all executions that match; choose a shorter range of createdAt."
            )
        return page

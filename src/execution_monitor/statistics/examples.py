"""Examples of what statistics add up: the slowest executions and the latest failures, read as lists are.

They are among the executions that an answer counts, as of the instant that it was read at.
"""

from dataclasses import dataclass

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import QueryTimeout
from execution_monitor.executions.executions import NEWEST_FIRST, Executions
from execution_monitor.statistics.requests import StatisticsAnswer
from execution_monitor.storage.documents import TERMINAL_STATUSES, ExecutionStatus
from execution_monitor.storage.filters import EVERYTHING, Filter, OneOf, Range, all_of
from execution_monitor.storage.pagination import NEITHER, Page, PageRequest, PageSelection
from execution_monitor.storage.sorting import Order, SortKey

SLOWEST_FIRST = Order((SortKey("total_duration", descending=True),))
_ENDED_WITH_DURATION = all_of(OneOf("status", tuple(sorted(TERMINAL_STATUSES))), Range("total_duration", gte=0))
_FAILED = OneOf("status", (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT))


@dataclass(frozen=True, slots=True)
class Examples:
    """Reads examples of what `answer` adds up. Every method returns only what its caller may see.

    Every method raises `QueryTimeout` where the time allows no search of all executions.
    """

    executions: Executions
    answer: StatisticsAnswer

    async def slowest(self, caller: Caller, fields: frozenset[str], first: int) -> Page:
        """The executions that took longest, of those that have ended, with the stored `fields`."""
        return await self._first(caller, _ENDED_WITH_DURATION, SLOWEST_FIRST, fields, first)

    async def latest_failures(self, caller: Caller, fields: frozenset[str], first: int) -> Page:
        """The newest executions that failed or timed out, with the stored `fields`."""
        return await self._first(caller, _FAILED, NEWEST_FIRST, fields, first)

    async def latest(self, caller: Caller, fields: frozenset[str], first: int) -> Page:
        """The newest executions, with the stored `fields`."""
        return await self._first(caller, EVERYTHING, NEWEST_FIRST, fields, first)

    async def _first(self, caller: Caller, where: Filter, order: Order, fields: frozenset[str], first: int) -> Page:
        selection = PageSelection(fields | {"_id"}, NEITHER, at=self.answer.read_at)
        matching = all_of(self.answer.matching, where)
        page = await self.executions.list(caller, matching, order, PageRequest(first), selection)
        # What was not searched may hold more of the first.
        if len(page.rows) < first and not page.search.is_complete:
            raise QueryTimeout("There was no time to search all executions; a shorter range of createdAt would do.")
        return page

"""Facets of a list of executions: for a field, the values that there are beside those that the filter selects."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.selection import LARGEST_LIST
from execution_monitor.statistics.facets import MAX_VALUES, Facets
from execution_monitor.statistics.facets import FacetValue as CountedValue
from execution_monitor.statistics.requests import GroupField
from execution_monitor.storage.documents import ExecutionStatus
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.pagination import DEFAULT_PAGE_SIZE, PageRequest

# Those of one page that are read at once.
_AT_ONCE = 2

FirstValues = Annotated[
    int, strawberry.argument(description=f"Return this many, the most frequent ones, 1 to {MAX_VALUES}.")
]


@strawberry.type(description="A value of a field, and how many executions have it.")
class FacetValue:
    """One value of a facet."""

    value: str | None = strawberry.field(
        description="The value, as a filter takes it; null for executions without one."
    )
    count: int = strawberry.field(
        description="How many have it, among the newest that match, up to the limit of `totalCount`."
    )
    count_is_exact: bool = strawberry.field(description="False where counting ended at that limit, or at a time limit.")


@dataclass(frozen=True, slots=True)
class FacetReader:
    """Reads the facets of one list for one request: each field once, however often it is selected."""

    where: Filter
    page: PageRequest
    _turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _locks: dict[GroupField, asyncio.Lock] = field(default_factory=dict[GroupField, asyncio.Lock])
    _found: dict[GroupField, list[CountedValue]] = field(default_factory=dict[GroupField, list[CountedValue]])

    async def read(self, info: ContextInfo, by: GroupField, first: int = MAX_VALUES) -> list[FacetValue]:
        """The `first` values of a field.

        Raises:
            BadUserInput: `first` is out of bounds.
        """
        size = PageRequest.of(first=first, largest=MAX_VALUES).size
        async with self._locks.setdefault(by, asyncio.Lock()):
            if by not in self._found:
                async with self._turns:
                    self._found[by] = await self._read(info, by)
        return [_shown(by, each) for each in self._found[by][:size]]

    async def _read(self, info: ContextInfo, by: GroupField) -> list[CountedValue]:
        now = self.page.instant if self.where.is_relative else None
        return await Facets(info.context.monitor.executions).read(info.context.caller, self.where, by, now)


def _shown(by: GroupField, found: CountedValue) -> FacetValue:
    value = found.value
    if by is GroupField.STATUS and value is not None:
        value = ExecutionStatus(value).name
    return FacetValue(value=value, count=found.count, count_is_exact=found.is_exact)


def _facet(by: GroupField, description: str) -> Any:
    """The field of a facet with a size; it costs as much as a page, whatever its size: it counts all values."""

    async def resolve(
        root: "ExecutionFacets", info: ContextInfo, first: FirstValues = DEFAULT_PAGE_SIZE
    ) -> list[FacetValue]:
        return await root.reader.read(info, by, first)

    return strawberry.field(resolver=resolve, description=description, metadata=_COST)


_COST = {LARGEST_LIST: DEFAULT_PAGE_SIZE}


@strawberry.type(
    description=(
        "For each field, what else there is: its values under the current filter without its own conditions on that "
        "field, most frequent first. Conditions within `or` and `not` stay. Each selected field costs 20 points."
    )
)
class ExecutionFacets:
    """The facets of a list."""

    reader: strawberry.Private[FacetReader]

    @strawberry.field(description="By status; those without executions are left out.", metadata=_COST)
    async def status(self, info: ContextInfo) -> list[FacetValue]:
        return await self.reader.read(info, GroupField.STATUS)

    workflow_name: list[FacetValue] = _facet(GroupField.WORKFLOW_NAME, "By the name of the workflow.")
    error_code: list[FacetValue] = _facet(GroupField.ERROR_CODE, "By the code of the error.")
    user_id: list[FacetValue] = _facet(
        GroupField.USER_ID, "By owner; without the scope `executions:read:tenant` that is the caller alone."
    )
    triggered_by: list[FacetValue] = _facet(GroupField.TRIGGERED_BY, "By what started it.")
    tag_key: list[FacetValue] = _facet(
        GroupField.TAG, "By the key of its tags; an execution counts for each key that it has."
    )

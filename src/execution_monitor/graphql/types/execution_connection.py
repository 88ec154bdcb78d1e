"""Connections of executions: edges, counts and live cursor, the arguments of `executions`, and how it is resolved."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import strawberry
from strawberry import UNSET

from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.executions.counts import CountResult
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.inputs.filters import ExecutionFilter, to_filter
from execution_monitor.graphql.inputs.sorting import ExecutionSort, to_order
from execution_monitor.graphql.selection import selected_by
from execution_monitor.graphql.types.connection import (
    EDGES,
    IDENTITY,
    NODES,
    PAGE_INFO,
    PageInfo,
    fields_to_read,
    needed_neighbours,
    needs_cursors,
    of_page,
    page_request,
)
from execution_monitor.graphql.types.execution import Execution
from execution_monitor.graphql.types.facets import ExecutionFacets, FacetReader
from execution_monitor.graphql.types.scalars import BigInt
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.pagination import Neighbours, Page, PageRequest, PageSelection
from execution_monitor.storage.sorting import Order


@strawberry.type(description="An execution with its cursor.")
class ExecutionEdge:
    """An execution with its page, which makes its cursor."""

    page: strawberry.Private[Page]
    node: Execution = strawberry.field(description="The execution.")

    @strawberry.field(description="The position of the execution in the list; pass it as `after` or `before`.")
    def cursor(self) -> str:
        return self.page.cursor_of(self.node.record.row)


class _LazyCount:
    """A count that two fields return and one query finds."""

    def __init__(self, count: Callable[[], Awaitable[CountResult]]) -> None:
        self._count = count
        self._lock = asyncio.Lock()
        self._found: CountResult | ExecutionMonitorError | None = None

    async def get(self) -> CountResult:
        async with self._lock:
            if self._found is None:
                try:
                    self._found = await self._count()
                except ExecutionMonitorError as error:
                    self._found = error
        if isinstance(self._found, ExecutionMonitorError):
            raise self._found
        return self._found


@strawberry.type(
    description=(
        "How far the search for a page went. What no index serves is searched in the list's order for a bounded time."
    )
)
class SearchProgress:
    """The progress of the search for a page."""

    page: strawberry.Private[Page]

    is_complete: bool = of_page(
        lambda page: page.search.is_complete, "False when the page was cut by time: more may match beyond it."
    )
    examined: BigInt = of_page(
        lambda page: page.search.examined,
        "How many executions were examined, at most; 0 where an index served the page.",
    )
    reached_at: datetime | None = of_page(
        lambda page: page.reached_at,
        "Everything up to this time in the list's order has been searched; null where the order does not begin with a "
        "time, and where everything has been.",
    )


@strawberry.type(description="A page of executions.")
class ExecutionConnection:
    """A page, its neighbours, and a count that is made when it is selected."""

    page: strawberry.Private[Page]
    counted: strawberry.Private[_LazyCount]
    facet_reader: strawberry.Private[FacetReader]

    @strawberry.field(description=EDGES)
    def edges(self) -> list[ExecutionEdge]:
        return [ExecutionEdge(page=self.page, node=Execution.of(row)) for row in self.page.rows]

    @strawberry.field(description=NODES)
    def nodes(self) -> list[Execution]:
        return [Execution.of(row) for row in self.page.rows]

    @strawberry.field(description=PAGE_INFO)
    def page_info(self) -> PageInfo:
        return PageInfo(page=self.page)

    @strawberry.field(
        description=(
            "How far the search for this page went. A page that its time limit ended has fewer rows, or none, and "
            "still an `endCursor` (`startCursor` backwards) from which the next request goes on."
        )
    )
    def search(self) -> SearchProgress:
        return SearchProgress(page=self.page)

    @strawberry.field(
        description=(
            "How many executions match, counted up to a limit (10,000 by default) and as far as the time allowed; up "
            "to a second old."
        )
    )
    async def total_count(self) -> int:
        return (await self.counted.get()).total

    @strawberry.field(description="False when more match than `totalCount` says.")
    async def total_count_is_exact(self) -> bool:
        return (await self.counted.get()).is_exact

    @strawberry.field(description="For each field, what else there is: the values that a filter could select.")
    def facets(self) -> ExecutionFacets:
        return ExecutionFacets(reader=self.facet_reader)

    @strawberry.field(
        description=(
            "The instant this page was read at. Subscribe with it as `after` and no change between page and stream is "
            "lost."
        )
    )
    def live_cursor(self, info: ContextInfo) -> str:
        if self.page.read_at is None:
            raise ValueError("The page was not read from a snapshot.")
        return info.context.live.cursor_at(info.context.caller, self.page.read_at)


@dataclass(frozen=True, slots=True)
class ExecutionsRequest:
    """The filter, order and page that the arguments of `executions` mean."""

    where: Filter
    order: Order
    page: PageRequest

    def wanted(
        self, fields: frozenset[str], neighbours: Neighbours, *, rows: bool, cursors: bool, snapshot: bool
    ) -> PageSelection:
        """What to read for a selection.

        Args:
            fields: the stored fields that the selected fields need.
            neighbours: the sides on which it is selected whether there are more pages.
            rows: whether executions are selected, or only counts and the like.
            cursors: whether a cursor is selected, which needs the fields of the order.
            snapshot: whether the page is read at one cluster time, for `liveCursor`.
        """
        if rows:
            fields |= IDENTITY
        return PageSelection(
            fields=fields | frozenset(self.order.fields) if cursors else fields | {"_id"},
            neighbours=neighbours,
            snapshot=snapshot,
        )


def executions_request(  # noqa: PLR0913 - the arguments of the field
    *,
    filter: ExecutionFilter | None = UNSET,  # noqa: A002 - the API's name
    sort: list[ExecutionSort] | None = UNSET,
    first: int | None = UNSET,
    after: str | None = UNSET,
    last: int | None = UNSET,
    before: str | None = UNSET,
) -> ExecutionsRequest:
    """The request that the arguments of `executions` mean.

    Raises:
        BadUserInput: an argument is wrong.
        QueryTooComplex: the filter is too deep or too large.
    """
    page = page_request(first=first, after=after, last=last, before=before)
    return ExecutionsRequest(to_filter(filter), to_order(sort), page)


async def resolve_executions(info: ContextInfo, request: ExecutionsRequest) -> ExecutionConnection:
    """A page of the executions that the caller may see, with the stored fields that are selected."""
    executions, caller = info.context.monitor.executions, info.context.caller
    connection, edges, page_info = selected_by(info), selected_by(info, "edges"), selected_by(info, "pageInfo")
    selects_rows = "edges" in connection or "nodes" in connection
    wanted = request.wanted(
        fields_to_read(Execution, selected_by(info, "edges", "node"))
        | fields_to_read(Execution, selected_by(info, "nodes")),
        needed_neighbours(page_info),
        rows=selects_rows,
        cursors=needs_cursors(edges, page_info) or "search" in connection,
        snapshot="liveCursor" in connection,
    )
    page = await executions.list(caller, request.where, request.order, request.page, wanted)
    info.context.outcome.examined += page.search.examined
    if selects_rows:
        info.context.count_executions(page.rows)
    counted = _LazyCount(lambda: executions.count_cached(caller, request.where, request.page))
    return ExecutionConnection(page=page, counted=counted, facet_reader=FacetReader(request.where, request.page))

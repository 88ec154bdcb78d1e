"""Steps and log lines of executions: keyset pages of many executions from one query."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bson
from beanie import Document
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions
from typing_extensions import override

from execution_monitor.auth.caller import Caller
from execution_monitor.executions.executions import Executions
from execution_monitor.executions.visibility import visible_to
from execution_monitor.storage.documents import Execution, LogEntry, LogLevel, Step
from execution_monitor.storage.filters import EVERYTHING, ContainsBetweenCodes, Filter, OneOf, all_of, equals
from execution_monitor.storage.indexes import is_unsortable
from execution_monitor.storage.log_levels import at_least
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.payloads import mark_too_large, projection_within, shows_payloads
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import BsonDocument, Row
from execution_monitor.storage.sorting import Order, SortKey

IN_WORKFLOW_ORDER = Order((SortKey("step_index"),))
OLDEST_FIRST = Order((SortKey("timestamp"),))

# The id of the execution and the child's `_id` as BSON, because decimals and objects cannot be keys in Python.
ChildKey = tuple[str, bytes]
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)

# A page of steps may be larger than other pages: an execution has thousands, and people look for one of them.
MAX_STEPS = 1_000
# Of what the pages need: one query reads so many children, whichever executions they are of.
_READ_AHEAD = 2
IS_UNSORTABLE = "is unsortable"  # no stored field, since a projection of ours adds it


def child_key(execution_id: str, own_id: object) -> ChildKey:
    """The key of the child with the `_id` `own_id`."""
    return execution_id, bson.encode({"_id": own_id}, codec_options=_CODEC)


def fields_of_visibility(caller: Caller) -> frozenset[str]:
    """The stored fields of an execution that decide whether `caller` may see it."""
    return frozenset(field.partition(".")[0] for field in visible_to(caller).fields())


@dataclass(frozen=True, slots=True)
class ChildrenRequest:
    """A page of the children of one execution. Equal requests for several executions share a query.

    Attributes:
        where: Which children.
        page: Which page of them.
        fields: The stored fields to read; None reads whole documents.
        cursors: Whether cursors are made of the rows, for which the fields of the order are read as well.
    """

    where: Filter
    page: PageRequest
    fields: frozenset[str] | None = None
    cursors: bool = True


class _WithoutCursors(Listing):
    """A list whose rows lack the fields that cursors are made of."""

    @override
    def cursor_of(self, row: Row) -> str:
        raise ValueError("These rows were read without what cursors are made of.")


@dataclass(frozen=True, slots=True)
class ChildCollection:
    """Children of executions: one collection in its order, joined to the executions that the caller may see."""

    reader: Reader
    document: type[Document]
    order: Order

    async def list(
        self, caller: Caller, execution_ids: Sequence[str], request: ChildrenRequest, seen: Sequence[Row] = ()
    ) -> dict[str, Page]:
        """Read a page of children for each execution, by its id; empty where the caller may not see the execution.

        Args:
            caller: Who makes the request.
            execution_ids: The ids of the executions.
            request: The page of each.
            seen: Rows of executions that the same request has just read for `caller`, with `fields_of_visibility`.
                Whether the caller may see these is decided by the rows; all others are read once more.
        """
        if request.page.after is not None or request.page.before is not None:
            return {each: await self._list_one(caller, each, request) for each in execution_ids}
        pages = await self._list_ends(caller, execution_ids, request, seen)
        for each, page in pages.items():
            if page is None or (request.cursors and not self.order.are_faithful(page.rows)):
                pages[each] = await self._list_one(caller, each, request)
        return {each: page for each, page in pages.items() if page is not None}

    async def find_many(
        self, caller: Caller, keys: Collection[tuple[str, object]], fields: frozenset[str]
    ) -> dict[ChildKey, Row]:
        """Find those children that the caller may see, from one query.

        Args:
            caller: Who makes the request.
            keys: The id of the execution and the `_id` of the child, for each child.
            fields: The stored fields to read.
        """
        if not keys:
            return {}
        visible = Executions.visible(caller, OneOf("execution_id", tuple(sorted({each for each, _ in keys}))))
        own = OneOf("_id", tuple(own_id for _, own_id in keys))
        found = await self.reader.aggregate(
            Execution,
            [
                {"$project": {"_id": 0, "execution_id": 1}},
                self._lookup(
                    [
                        {"$match": all_of(equals("tenant_id", caller.tenant), own).to_mongo()},
                        {"$project": projection_within(fields | {"_id"}, self.reader.max_bytes)},
                    ]
                ),
                {"$unwind": "$child"},
            ],
            visible,
        )
        mark_too_large((row["child"] for row in found), self.reader.max_bytes)
        return {child_key(row["execution_id"], row["child"]["_id"]): row["child"] for row in found}

    def _lookup(self, stages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """The stage that joins the children of each execution, after `stages`, as `child`."""
        return {
            "$lookup": {
                "from": self.document.get_collection_name(),
                "localField": "execution_id",
                "foreignField": "execution_id",
                "pipeline": stages,
                "as": "child",
            }
        }

    def _listing(self, caller: Caller, execution_id: str, where: Filter) -> Listing:
        mine = all_of(equals("tenant_id", caller.tenant), equals("execution_id", execution_id), where)
        return Listing(mine, self.order)

    async def _list_one(self, caller: Caller, execution_id: str, request: ChildrenRequest) -> Page:
        listing = self._listing(caller, execution_id, request.where)
        visible = Executions.visible(caller, equals("execution_id", execution_id))
        if not await self.reader.read_some(Execution, visible, frozenset({"_id"}), limit=1):
            return Page(listing, ())
        needed = self._needed(request)
        selection = PageSelection(None if needed is None else needed | {"_id"})
        return await self.reader.read_page(self.document, listing, request.page, selection)

    async def _list_ends(
        self, caller: Caller, execution_ids: Sequence[str], request: ChildrenRequest, seen: Sequence[Row]
    ) -> dict[str, Page | None]:
        """First or last pages; None for an execution with children that cannot be sorted, which come after all others.

        One query reads a bounded number of children of all executions. Another reads the pages of those executions
        that it did not get to, because others have many more children than a page. Payloads are read by the second
        alone, which reads nothing that is on no page.
        """
        needed = self._needed(request)
        if needed is None or shows_payloads(needed):
            return await self._list_each(caller, execution_ids, request)
        is_visible = Executions.visible(caller, EVERYTHING).matches
        visible = {row["execution_id"] for row in seen if is_visible(row)}
        unproven = [each for each in execution_ids if each not in visible]
        reading = self._read_together(caller, execution_ids, request, needed)
        if unproven:
            proven, (rows, unread) = await asyncio.gather(self._find_visible(caller, unproven), reading)
            visible |= proven
        else:
            rows, unread = await reading
        pages = {
            each: self._page(caller, each, request, rows.get(each, ()) if each in visible else ())
            for each in execution_ids
        }
        beyond = [each for each in execution_ids if each in unread and each in visible]
        return pages | await self._list_each(caller, beyond, request) if beyond else pages

    async def _find_visible(self, caller: Caller, execution_ids: Sequence[str]) -> set[str]:
        where = Executions.visible(caller, OneOf("execution_id", tuple(execution_ids)))
        found = await self.reader.read_some(Execution, where, frozenset({"execution_id"}), limit=len(execution_ids))
        return {row["execution_id"] for row in found}

    async def _read_together(
        self, caller: Caller, execution_ids: Sequence[str], request: ChildrenRequest, needed: frozenset[str]
    ) -> tuple[Mapping[str, Sequence[BsonDocument]], Collection[str]]:
        """The children of all executions, up to a bound, by execution; and the executions not read to the end."""
        size = request.page.size + 1
        # The page of a single execution is all that there is to read.
        bound = size if len(execution_ids) == 1 else size * len(execution_ids) * _READ_AHEAD
        order = self._order_of(request)
        sort = {"execution_id": next(iter(order.to_mongo().values())), **order.to_mongo()}
        theirs = all_of(equals("tenant_id", caller.tenant), OneOf("execution_id", tuple(execution_ids)), request.where)
        found = await self.reader.read_sorted(
            self.document,
            theirs,
            sort,
            needed | {"execution_id"},
            bound,
            hint=dict.fromkeys(("tenant_id", "execution_id", *self.order.fields), 1),
            computed=self._mark if "_id" in needed else {"_id": 0, **self._mark},
        )
        take_id = dict[str, Any].__getitem__ if "execution_id" in needed else dict[str, Any].pop
        rows: dict[str, list[BsonDocument]] = {}
        last, of_last = None, list[BsonDocument]()
        for row in found:
            execution_id = take_id(row, "execution_id")
            if execution_id != last:
                last, of_last = execution_id, rows.setdefault(execution_id, [])
            of_last.append(row)
        if last is None or len(found) < bound:
            return rows, ()
        # The last one was cut off; those without children may come after it.
        unread = {each for each in execution_ids if each not in rows}
        return rows, unread if len(rows[last]) >= size else {*unread, last}

    async def _list_each(
        self, caller: Caller, execution_ids: Sequence[str], request: ChildrenRequest
    ) -> dict[str, Page | None]:
        """First or last pages, of which each is read by itself, with one query."""
        visible = Executions.visible(caller, OneOf("execution_id", tuple(execution_ids)))
        of_tenant = all_of(equals("tenant_id", caller.tenant), request.where)
        sort, size = self._order_of(request).to_mongo(), request.page.size + 1
        stages = [{"$match": of_tenant.to_mongo()}, {"$sort": sort}, {"$limit": size}, self._projection(request)]
        found = await self.reader.aggregate(
            Execution,
            [
                {"$project": {"_id": 0, "execution_id": 1}},
                self._lookup(stages),
                # One row per child: an array of large ones would not fit into a document of 16 MB.
                {"$unwind": "$child"},
            ],
            visible,
        )
        mark_too_large((row["child"] for row in found), self.reader.max_bytes)
        rows: dict[str, list[BsonDocument]] = {each: [] for each in execution_ids}
        for row in found:
            rows[row["execution_id"]].append(row["child"])
        return {each: self._page(caller, each, request, rows[each]) for each in execution_ids}

    def _order_of(self, request: ChildrenRequest) -> Order:
        return self.order.reversed() if request.page.backward else self.order

    def _page(
        self, caller: Caller, execution_id: str, request: ChildrenRequest, found: Sequence[BsonDocument]
    ) -> Page | None:
        for row in found:
            if IS_UNSORTABLE in row:
                return None
        listing = (
            self._listing(caller, execution_id, request.where)
            if request.cursors
            else _WithoutCursors(request.where, self.order)
        )
        rows, more = found[: request.page.size], len(found) > request.page.size
        if request.page.backward:
            return Page(listing, rows[::-1], has_previous=more)
        return Page(listing, rows, has_next=more)

    def _projection(self, request: ChildrenRequest) -> Mapping[str, Any]:
        """The stage that keeps the selected fields, and marks rows that cannot be sorted."""
        fields = self._needed(request)
        if fields is None:
            return {"$addFields": self._mark}
        return {"$project": {**projection_within(fields, self.reader.max_bytes), **self._mark}}

    @property
    def _mark(self) -> Mapping[str, Any]:
        return {IS_UNSORTABLE: {"$cond": [is_unsortable(self.order.keys[0].field), True, "$$REMOVE"]}}

    def _needed(self, request: ChildrenRequest) -> frozenset[str] | None:
        if request.fields is None or not request.cursors:
            return request.fields
        return request.fields | frozenset(self.order.fields)


def steps_of(reader: Reader) -> ChildCollection:
    """The steps of executions, in the order of the workflow."""
    return ChildCollection(reader, Step, IN_WORKFLOW_ORDER)


def logs_of(reader: Reader) -> ChildCollection:
    """The log lines of executions, oldest first."""
    return ChildCollection(reader, LogEntry, OLDEST_FIRST)


def log_filter(min_level: LogLevel | None = None, search: str | None = None, step_id: str | None = None) -> Filter:
    """The filter for log lines at least as severe as `min_level`, whose message contains `search`, of one step.

    A level counts whatever its spelling, one that is missing or unknown as INFO; ANSI escape codes do not count.
    """
    conditions: list[Filter] = []
    if min_level is not None:
        conditions.append(at_least(min_level))
    if search is not None:
        conditions.append(ContainsBetweenCodes("message", search))
    if step_id is not None:
        conditions.append(equals("step_id", step_id))
    return all_of(*conditions)

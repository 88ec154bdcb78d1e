"""Steps and log lines of executions: keyset pages of many executions from one query."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bson
from beanie import Document
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions

from execution_monitor.auth.caller import Caller
from execution_monitor.executions.executions import Executions
from execution_monitor.storage.documents import Execution, LogEntry, LogLevel, Step
from execution_monitor.storage.filters import Contains, Filter, NoneOf, OneOf, all_of, equals
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.payloads import mark_too_large, projection_within
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.rows import Row
from execution_monitor.storage.sorting import Order, SortKey

IN_WORKFLOW_ORDER = Order((SortKey("step_index"),))
OLDEST_FIRST = Order((SortKey("timestamp"),))

# The id of the execution and the child's `_id` as BSON, because decimals and objects cannot be keys in Python.
ChildKey = tuple[str, bytes]
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)

# If there are more, each execution is read separately.
_MOST_UNSORTABLE = 1_000


def child_key(execution_id: str, own_id: object) -> ChildKey:
    """The key of the child with the `_id` `own_id`."""
    return execution_id, bson.encode({"_id": own_id}, codec_options=_CODEC)


@dataclass(frozen=True, slots=True)
class ChildrenRequest:
    """A page of the children of one execution. Equal requests for several executions share a query."""

    where: Filter
    page: PageRequest
    fields: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ChildCollection:
    """Children of executions: one collection in its order, joined to the executions that the caller may see."""

    reader: Reader
    document: type[Document]
    order: Order

    async def list(self, caller: Caller, execution_ids: Sequence[str], request: ChildrenRequest) -> dict[str, Page]:
        """Read a page of children for each execution, by its id; empty where the caller may not see the execution."""
        if request.page.after is not None or request.page.before is not None:
            return {each: await self._list_one(caller, each, request) for each in execution_ids}
        pages = await self._list_ends(caller, execution_ids, request)
        unsortable = await self._with_unsortable_children(caller, execution_ids)
        for each, page in pages.items():
            if each in unsortable or not self.order.are_faithful(page.rows):
                pages[each] = await self._list_one(caller, each, request)
        return pages

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
                    [{"$match": all_of(equals("tenant_id", caller.tenant), own).to_mongo()}], fields | {"_id"}
                ),
                {"$unwind": "$child"},
            ],
            visible,
        )
        mark_too_large((row["child"] for row in found), self.reader.max_bytes)
        return {child_key(row["execution_id"], row["child"]["_id"]): row["child"] for row in found}

    def _lookup(self, stages: Sequence[Mapping[str, Any]], fields: frozenset[str] | None) -> dict[str, Any]:
        """The stage that joins the children of each execution, after `stages`, as `child`."""
        limit = self.reader.max_bytes
        projection = [] if fields is None else [{"$project": projection_within(fields, limit)}]
        return {
            "$lookup": {
                "from": self.document.get_collection_name(),
                "localField": "execution_id",
                "foreignField": "execution_id",
                "pipeline": [*stages, *projection],
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
        selection = PageSelection(self._needed(request))
        return await self.reader.read_page(self.document, listing, request.page, selection)

    async def _with_unsortable_children(self, caller: Caller, execution_ids: Sequence[str]) -> Collection[str]:
        """Which of the executions have children that cannot be sorted and come after all others: mostly none."""
        theirs = all_of(equals("tenant_id", caller.tenant), OneOf("execution_id", tuple(execution_ids)))
        found = await self.reader.read_unsortable(
            self.document, theirs, self.order, frozenset({"execution_id"}), limit=_MOST_UNSORTABLE
        )
        return execution_ids if len(found) == _MOST_UNSORTABLE else {row["execution_id"] for row in found}

    async def _list_ends(
        self, caller: Caller, execution_ids: Sequence[str], request: ChildrenRequest
    ) -> dict[str, Page]:
        page = request.page
        order = self.order.reversed() if page.backward else self.order
        visible = Executions.visible(caller, OneOf("execution_id", tuple(execution_ids)))
        of_tenant = all_of(equals("tenant_id", caller.tenant), request.where)
        found = await self.reader.aggregate(
            Execution,
            [
                {"$project": {"_id": 0, "execution_id": 1}},
                self._lookup(
                    [{"$match": of_tenant.to_mongo()}, {"$sort": order.to_mongo()}, {"$limit": page.size + 1}],
                    self._needed(request),
                ),
                # One row per child: an array of large ones would not fit into a document of 16 MB.
                {"$unwind": "$child"},
            ],
            visible,
        )
        mark_too_large((row["child"] for row in found), self.reader.max_bytes)
        rows: dict[str, list[Row]] = {each: [] for each in execution_ids}
        for row in found:
            rows[row["execution_id"]].append(row["child"])
        return {each: self._page(caller, each, request, rows[each]) for each in execution_ids}

    def _page(self, caller: Caller, execution_id: str, request: ChildrenRequest, found: Sequence[Row]) -> Page:
        listing = self._listing(caller, execution_id, request.where)
        rows, more = found[: request.page.size], len(found) > request.page.size
        if request.page.backward:
            return Page(listing, rows[::-1], has_previous=more)
        return Page(listing, rows, has_next=more)

    def _needed(self, request: ChildrenRequest) -> frozenset[str] | None:
        return None if request.fields is None else request.fields | frozenset(self.order.fields)


def steps_of(reader: Reader) -> ChildCollection:
    """The steps of executions, in the order of the workflow."""
    return ChildCollection(reader, Step, IN_WORKFLOW_ORDER)


def logs_of(reader: Reader) -> ChildCollection:
    """The log lines of executions, oldest first."""
    return ChildCollection(reader, LogEntry, OLDEST_FIRST)


def log_filter(min_level: LogLevel | None = None, search: str | None = None) -> Filter:
    """The filter for log lines at least as severe as `min_level` whose message contains `search`.

    A line without a level counts as INFO.
    """
    conditions: list[Filter] = []
    if min_level is not None:
        levels = list(LogLevel)
        milder, severe = levels[: levels.index(min_level)], levels[levels.index(min_level) :]
        # A line whose level is missing or the engine's own is shown as INFO, and so found as INFO.
        if LogLevel.INFO in severe:
            conditions.append(NoneOf("level", tuple(level.value for level in milder)))
        else:
            conditions.append(OneOf("level", tuple(level.value for level in severe)))
    if search is not None:
        conditions.append(Contains("message", search))
    return all_of(*conditions)

"""What belongs to executions, their steps and log lines: keyset pages for many executions in one query."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import bson
from beanie import Document
from bson.binary import UuidRepresentation
from bson.codec_options import CodecOptions

from execution_monitor.auth.caller import Caller
from execution_monitor.executions.executions import Executions
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import Filter, OneOf, all_of, equals
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection, Row
from execution_monitor.storage.payloads import mark_too_large, projection_within
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.sorting import Order

# A part by its execution's id and its own `_id`, as bytes: Python has no place in a mapping for decimals and objects.
ChildKey = tuple[str, bytes]
_CODEC: CodecOptions[dict[str, Any]] = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)

# Where there are more, each execution is read by itself.
_MOST_UNSORTABLE = 1_000


def child_key(execution_id: str, own_id: object) -> ChildKey:
    """The key of the part with `own_id` of an execution."""
    return execution_id, bson.encode({"_id": own_id}, codec_options=_CODEC)


@dataclass(frozen=True, slots=True)
class ChildrenRequest:
    """Which page of one execution's parts is asked for. Equal requests of several executions share a query."""

    where: Filter
    page: PageRequest
    fields: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ChildCollection:
    """One collection of parts in its order. They are reached through executions that the caller may see, only."""

    reader: Reader
    document: type[Document]
    order: Order

    async def list(self, caller: Caller, execution_ids: Sequence[str], request: ChildrenRequest) -> dict[str, Page]:
        """A page of parts for each execution, by its id; those the caller may not see have an empty one."""
        if request.page.after is not None or request.page.before is not None:
            return {each: await self._list_one(caller, each, request) for each in execution_ids}
        pages = await self._list_ends(caller, execution_ids, request)
        odd = await self._with_unsortable_parts(caller, execution_ids)
        for each, page in pages.items():
            if each in odd or not self.order.are_faithful(page.rows):
                pages[each] = await self._list_one(caller, each, request)
        return pages

    async def find_many(
        self, caller: Caller, keys: Collection[tuple[str, object]], fields: frozenset[str]
    ) -> dict[ChildKey, Row]:
        """Those of the parts that the caller may see, of the `keys` execution's id and own `_id`, from one query."""
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
                {"$unwind": "$part"},
            ],
            visible,
        )
        mark_too_large((row["part"] for row in found), self.reader.max_bytes)
        return {child_key(row["execution_id"], row["part"]["_id"]): row["part"] for row in found}

    def _lookup(self, stages: Sequence[Mapping[str, Any]], fields: frozenset[str] | None) -> dict[str, Any]:
        """The stage that joins the parts of each execution, after `stages`, as `part`."""
        limit = self.reader.max_bytes
        projection = [] if fields is None else [{"$project": projection_within(fields, limit)}]
        return {
            "$lookup": {
                "from": self.document.get_collection_name(),
                "localField": "execution_id",
                "foreignField": "execution_id",
                "pipeline": [*stages, *projection],
                "as": "part",
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
        wanted = PageSelection(self._needed(request))
        return await self.reader.read_page(self.document, listing, request.page, wanted)

    async def _with_unsortable_parts(self, caller: Caller, execution_ids: Sequence[str]) -> Collection[str]:
        """Which of the executions have parts that stand behind all others, as they cannot be sorted: mostly none."""
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
                # One row a part: an array of large parts would not fit into a document of 16 MB.
                {"$unwind": "$part"},
            ],
            visible,
        )
        mark_too_large((row["part"] for row in found), self.reader.max_bytes)
        rows: dict[str, list[Row]] = {each: [] for each in execution_ids}
        for row in found:
            rows[row["execution_id"]].append(row["part"])
        return {each: self._page(caller, each, request, rows[each]) for each in execution_ids}

    def _page(self, caller: Caller, execution_id: str, request: ChildrenRequest, found: Sequence[Row]) -> Page:
        listing = self._listing(caller, execution_id, request.where)
        rows, more = found[: request.page.size], len(found) > request.page.size
        if request.page.backward:
            return Page(listing, rows[::-1], has_previous=more)
        return Page(listing, rows, has_next=more)

    def _needed(self, request: ChildrenRequest) -> frozenset[str] | None:
        return None if request.fields is None else request.fields | frozenset(self.order.fields)

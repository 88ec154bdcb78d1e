"""Saved views, as callers may list, save and delete them.

Callers see their own and those that are shared with their tenant. They change and delete their own; with `manage`, they
delete shared ones of others, too. Access keys have no views.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import BadUserInput, ExecutionMonitorError, Forbidden, NotFound
from execution_monitor.saved_views.addresses import checked_address
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.dashboard_documents import SavedView
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.mongodb_errors import failing_as_unavailable
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.record_fields import Attribute, required_text
from execution_monitor.storage.records import Record
from execution_monitor.storage.rows import BsonDocument, Row

MAX_NAME = 100
# Together so many that a menu still shows them all.
MAX_OF_OWNER, MAX_SHARED = 100, 100
MAX_LISTED = MAX_OF_OWNER + MAX_SHARED
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class ViewFields:
    """What a view is saved with.

    Attributes:
        view_id: the view to change; None makes one.
    """

    name: str
    address: str
    is_shared: bool = False
    view_id: str | None = None


class SavedViewRecord(Record):
    """A stored view."""

    view_id = Attribute(lambda row: str(row.get("_id")))
    tenant = required_text("tenant_id")
    user_id = required_text("user_id")
    name = required_text("name")
    address = required_text("address")
    is_shared = Attribute(lambda row: row.get("is_shared") is True)
    updated_at = Attribute(lambda row: to_datetime(row.get("updated")) or _EPOCH)


@dataclass(frozen=True, slots=True)
class SavedViews:
    """The saved views of one database. Every method may raise `Forbidden` and `DatabaseUnavailable`."""

    reader: Reader

    async def list(self, caller: Caller) -> list[Row]:
        """The caller's own views and the shared ones of their tenant, by name; at most 200."""
        _require_person(caller)
        own = await self._find(_own(caller), MAX_OF_OWNER)
        shared = await self._find({"tenant_id": caller.tenant, "is_shared": True}, MAX_SHARED)
        rows = {row["_id"]: row for row in (*own, *shared)}
        return sorted(rows.values(), key=lambda row: (row["name"].casefold(), row["name"], row["_id"]))

    async def find_many(self, caller: Caller, view_ids: Iterable[str]) -> Mapping[str, Row]:
        """Those of the views that `caller` may see, by id."""
        _require_person(caller)
        wanted = [ObjectId(each) for each in view_ids if ObjectId.is_valid(each)]
        if not wanted:
            return {}
        rows = await self._find({"_id": {"$in": wanted}, "tenant_id": caller.tenant}, len(wanted))
        return {str(row["_id"]): row for row in rows if row["is_shared"] or row["user_id"] == caller.subject}

    async def save(self, caller: Caller, wanted: ViewFields) -> Row:
        """Make a view of the caller's, or change one, and return it as stored.

        Raises:
            BadUserInput: A value is wrong, or there are too many views.
            NotFound: There is no view to change that the caller may see.
        """
        caller.require_mutation(Scope.EXECUTIONS_READ)
        if wanted.is_shared:
            caller.require(Scope.EXECUTIONS_READ_TENANT)
        fields: dict[str, Any] = {
            "name": _checked_name(wanted.name),
            "address": checked_address(wanted.address),
            "is_shared": wanted.is_shared,
        }
        view_id = ObjectId() if wanted.view_id is None else _object_id(wanted.view_id)
        change: BsonDocument = {"$set": fields, "$currentDate": {"updated": True}}
        views = self.reader.database.collection(SavedView)
        with failing_as_unavailable():
            await self._refuse_too_many(caller, wanted, view_id)
            row: Row | None = await await_reply(
                views.find_one_and_update(
                    {"_id": view_id, **_own(caller)},
                    change,
                    upsert=wanted.view_id is None,
                    return_document=ReturnDocument.AFTER,
                ),
                self.reader.timeout_ms,
            )
        if row is None:
            raise await self._refusal(caller, str(view_id), "change it")
        return row

    async def delete(self, caller: Caller, view_id: str) -> None:
        """Delete a view of the caller's; with `manage`, any that is shared with the tenant.

        Raises:
            NotFound: There is none that the caller may see.
        """
        caller.require_mutation(Scope.EXECUTIONS_READ)
        may = [_own(caller)]
        if caller.may(Scope.MANAGE):
            may.append({"tenant_id": caller.tenant, "is_shared": True})
        views = self.reader.database.collection(SavedView)
        with failing_as_unavailable():
            deleting = views.delete_one({"_id": _object_id(view_id), "$or": may})
            deleted = await await_reply(deleting, self.reader.timeout_ms)
        if not deleted.deleted_count:
            raise await self._refusal(caller, view_id, "delete it, or someone with the scope manage")

    async def _refusal(self, caller: Caller, view_id: str, may: str) -> ExecutionMonitorError:
        """Why the caller may not do something to a view."""
        found = await self.find_many(caller, [view_id])
        if view_id not in found:
            return NotFound("There is no such view, or you may not see it.")
        return Forbidden(f"This view is {found[view_id]['user_id']}'s: they may {may}.")

    async def _refuse_too_many(self, caller: Caller, wanted: ViewFields, view_id: ObjectId) -> None:
        views = self.reader.database.collection(SavedView)
        others = {"_id": {"$ne": view_id}}
        if wanted.view_id is None:
            counting = views.count_documents(_own(caller), limit=MAX_OF_OWNER)
            if await await_reply(counting, self.reader.timeout_ms) >= MAX_OF_OWNER:
                raise BadUserInput(f"You have {MAX_OF_OWNER} views; delete one first.")
        if wanted.is_shared:
            shared = {"tenant_id": caller.tenant, "is_shared": True, **others}
            counting = views.count_documents(shared, limit=MAX_SHARED)
            if await await_reply(counting, self.reader.timeout_ms) >= MAX_SHARED:
                raise BadUserInput(f"Your tenant shares {MAX_SHARED} views; save this one for yourself, or delete one.")

    async def _find(self, query: BsonDocument, limit: int) -> Sequence[Row]:
        views = self.reader.database.collection(SavedView)
        with failing_as_unavailable():
            finding = views.find(query, limit=limit, max_time_ms=self.reader.timeout_ms).to_list()
            return await await_reply(finding, self.reader.timeout_ms)


def _own(caller: Caller) -> BsonDocument:
    return {"tenant_id": caller.tenant, "user_id": caller.subject}


def _object_id(view_id: str) -> ObjectId:
    """The stored id; one that no view has where `view_id` is none."""
    return ObjectId(view_id) if ObjectId.is_valid(view_id) else ObjectId()


def _require_person(caller: Caller) -> None:
    """Raise `Forbidden` for callers who may not read executions, and for access keys."""
    caller.require(Scope.EXECUTIONS_READ)
    if caller.is_key:
        raise Forbidden("An access key has no saved views, nor sees those of people; send a token.")


def _checked_name(name: str) -> str:
    name = name.strip()
    if not (0 < len(name) <= MAX_NAME and name.isprintable()):
        raise BadUserInput(f"Give the view a name of 1 to {MAX_NAME} characters without line breaks and tabs.")
    return name

"""Annotations of error groups: a note, an assignee and a mute, which a tenant keeps for a group of failures.

A group is known by what its errors have in common, so an annotation holds for all executions of the group, earlier and
later ones, whoever owns them. It is shown to those who see one of them, and may be written by no others: an id of a
group can be made by anyone, and shows nothing.
"""

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import bson
from pymongo import ReturnDocument

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import BadUserInput, NotFound, QueryTimeout
from execution_monitor.executions.executions import NEWEST_FIRST, Executions
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.dashboard_documents import ErrorGroupAnnotation
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.error_groups import ErrorGroup
from execution_monitor.storage.mongodb_errors import failing_as_unavailable
from execution_monitor.storage.pagination import NEITHER, PageRequest, PageSelection
from execution_monitor.storage.record_fields import Attribute, required_text, text, timestamp
from execution_monitor.storage.records import Record
from execution_monitor.storage.rows import BsonDocument, Row

MAX_NOTE, MAX_ASSIGNEE = 4_000, 256
# Of a tenant: far more than people write, and few for the database.
MAX_ANNOTATIONS = 10_000
# Each takes 0.3 seconds where no index finds the group.
_SEARCHES = 5
_KEPT = ("note", "assignee", "muted_until")
_EPOCH = datetime.fromtimestamp(0, UTC)


class AnnotationRecord(Record):
    """A stored annotation."""

    note = text("note")
    assignee = text("assignee")
    muted_until = timestamp("muted_until")
    updated_by = required_text("updated_by")
    updated_at = Attribute(lambda row: to_datetime(row.get("updated")) or _EPOCH)


@dataclass(frozen=True, slots=True)
class ErrorGroupAnnotations:
    """The annotations of the error groups of `executions`. Every method may raise `Forbidden`."""

    executions: Executions

    async def find_many(self, caller: Caller, groups: Sequence[ErrorGroup]) -> Mapping[ErrorGroup, Row]:
        """The annotations of `groups`, of which the caller sees executions, from one query."""
        caller.require(Scope.EXECUTIONS_READ)
        keys = {_key_of(caller.tenant, group): group for group in groups}
        query = {"_id": {"$in": list(keys)}, "tenant_id": caller.tenant}
        reader = self.executions.reader
        with failing_as_unavailable():
            finding = reader.database.collection(ErrorGroupAnnotation).find(query, max_time_ms=reader.timeout_ms)
            rows = await await_reply(finding.to_list(), reader.timeout_ms)
        return {keys[row["_id"]]: row for row in rows}

    async def annotate(self, caller: Caller, group: ErrorGroup, changes: Mapping[str, Any]) -> Row:
        """Change `note`, `assignee` and `muted_until` of a group: None removes, what is left out is kept.

        Returns the annotation as it is now; nothing is stored once all three are removed.

        Raises:
            BadUserInput: A value is wrong, or the tenant has too many annotations.
            NotFound: The caller sees no execution of the group.
            QueryTimeout: There was no time to find one.
        """
        caller.require_mutation(Scope.ALERTS_WRITE)
        checked = self._checked(changes)
        await self._require_seen(caller, group)
        key = _key_of(caller.tenant, group)
        reader = self.executions.reader
        annotations = reader.database.collection(ErrorGroupAnnotation)
        known = {"code": group.code, "type": group.type, "pattern": group.pattern}
        kept = {name: value for name, value in (*known.items(), *checked.items()) if value is not None}
        change: BsonDocument = {"$set": {**kept, "updated_by": caller.subject}, "$currentDate": {"updated": True}}
        if removed := {name: "" for name, value in checked.items() if value is None}:
            change["$unset"] = removed
        with failing_as_unavailable():
            await self._refuse_too_many(caller, key)
            updating = annotations.find_one_and_update(
                {"_id": key, "tenant_id": caller.tenant}, change, upsert=True, return_document=ReturnDocument.AFTER
            )
            row: Row = await await_reply(updating, reader.timeout_ms) or {}
            if not any(name in row for name in _KEPT):
                # Unless someone has written something meanwhile.
                empty = {"_id": key, **dict.fromkeys(_KEPT)}
                await await_reply(annotations.delete_one(empty), reader.timeout_ms)
        return row

    def _checked(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        checked = dict(changes)
        if not checked:
            raise BadUserInput("Pass what to change of the group: note, assignee or mutedUntil; null removes it.")
        for name, limit in (("note", MAX_NOTE), ("assignee", MAX_ASSIGNEE)):
            if checked.get(name) is not None:
                checked[name] = _checked_text(name, checked[name], limit)
        until = checked.get("muted_until")
        if until is not None and until <= self.executions.reader.clock():
            raise BadUserInput("A group is muted until a time in the future; pass null for mutedUntil to unmute it.")
        return checked

    async def _require_seen(self, caller: Caller, group: ErrorGroup) -> None:
        request = PageRequest(1)
        wanted = PageSelection(frozenset({"_id", *NEWEST_FIRST.fields}), NEITHER)
        for _ in range(_SEARCHES):
            page = await self.executions.list(caller, group.condition, NEWEST_FIRST, request, wanted)
            if page.rows:
                return
            if page.search.is_complete:
                raise NotFound("There is no execution in this error group, or you may see none of it.")
            request = PageRequest(1, after=page.end_cursor)
        raise QueryTimeout("There was no time to find an execution of this error group among those that you may see.")

    async def _refuse_too_many(self, caller: Caller, key: str) -> None:
        reader = self.executions.reader
        annotations = reader.database.collection(ErrorGroupAnnotation)
        if await await_reply(annotations.find_one({"_id": key}, {"_id": 1}), reader.timeout_ms) is not None:
            return
        counting = annotations.count_documents({"tenant_id": caller.tenant}, limit=MAX_ANNOTATIONS)
        if await await_reply(counting, reader.timeout_ms) >= MAX_ANNOTATIONS:
            raise BadUserInput(f"Your tenant has annotated {MAX_ANNOTATIONS:,} error groups; remove some annotations.")


def _key_of(tenant: str, group: ErrorGroup) -> str:
    """The stored id of the annotation of `group`, the same on every server and whatever its secrets are."""
    named = {"tenant": tenant, "code": group.code, "type": group.type, "pattern": group.pattern}
    return hashlib.sha256(bson.encode(named)).hexdigest()


def _checked_text(name: str, given: str, limit: int) -> str | None:
    """The text without white space around it; None where nothing is left."""
    found = given.strip()
    has_lines = name == "note"
    if len(found) > limit or any(_is_refused(each, has_lines=has_lines) for each in found):
        lines = "" if has_lines else ", line breaks"
        raise BadUserInput(f"The {name} has at most {limit:,} characters, without control characters{lines}.")
    return found or None


def _is_refused(character: str, *, has_lines: bool) -> bool:
    if has_lines and character in "\n\r\t":
        return False
    # Halves of surrogate pairs are no text.
    return unicodedata.category(character) in ("Cc", "Cs")

"""The audit trail as auditors read it: the events of their own tenant, newest first."""

from dataclasses import dataclass
from datetime import UTC, datetime

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.storage.bson_ordering import to_float
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.filters import Filter, all_of, equals
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.record_fields import Attribute, integer, json, required_text, text, texts
from execution_monitor.storage.records import Record
from execution_monitor.storage.rows import Row
from execution_monitor.storage.server_documents import AuditEvent
from execution_monitor.storage.sorting import Order, SortKey

NEWEST_FIRST = Order((SortKey("at", descending=True),))

_EPOCH = datetime.fromtimestamp(0, UTC)


def events_visible_to(caller: Caller) -> Filter:
    """The filter for the audit events that `caller` may see: those of the caller's tenant.

    Events without a tenant, such as refused tokens, which are not verified, match for no caller.

    Raises:
        Forbidden: The caller does not have the scope `audit:read`.
    """
    caller.require(Scope.AUDIT_READ)
    return equals("tenant_id", caller.tenant)


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """Lists the audit events of one database, always limited to the caller's tenant."""

    reader: Reader

    async def list(self, caller: Caller, where: Filter, page: PageRequest, wanted: PageSelection) -> Page:
        """One keyset page of the events that match `where`, newest first.

        Raises:
            Forbidden: The caller does not have the scope `audit:read`.
        """
        listing = Listing(all_of(events_visible_to(caller), where), NEWEST_FIRST)
        return await self.reader.read_page(AuditEvent, listing, page, wanted)


def _read_at(row: Row) -> datetime:
    return to_datetime(row.get("at")) or _EPOCH


def _read_id(row: Row) -> str:
    return str(row.get("_id"))


def _read_begun_by(row: Row) -> str | None:
    begun_by = row.get("begun_by")
    return None if begun_by is None else str(begun_by)


def _read_seconds(row: Row) -> float | None:
    return to_float(row.get("seconds"))


class AuditRecord(Record):
    """A stored audit event, with a fallback for each field that is missing or has another type."""

    id = Attribute(_read_id)
    at = Attribute(_read_at)
    kind = required_text("kind")
    outcome = required_text("outcome")
    codes = texts("codes")
    subject = text("subject")
    token_id = text("token_id")
    operation_name = text("operation_name")
    arguments = json("arguments")
    executions = integer("executions")
    execution_ids = texts("execution_ids")
    seconds = Attribute(_read_seconds)
    address = text("address")
    user_agent = text("user_agent")
    request_id = text("request_id")
    begun_by = Attribute(_read_begun_by)
    reason = text("reason")
    lost = integer("lost")

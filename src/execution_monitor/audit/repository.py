"""The audit trail as auditors may see it: what was asked of their own tenant."""

from dataclasses import dataclass

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.storage.filters import Filter, all_of, equals
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.server_documents import AuditEvent
from execution_monitor.storage.sorting import Order, SortKey

NEWEST_FIRST = Order((SortKey("at", descending=True),))


def events_visible_to(caller: Caller) -> Filter:
    """The events of the audit trail that `caller` may see: the tenant's; raises `Forbidden` without `audit:read`.

    What is of no tenant, such as a token that nobody has verified, is shown to none.
    """
    caller.require(Scope.AUDIT_READ)
    return equals("tenant_id", caller.tenant)


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """The audit events of one database. Every answer is limited to the caller's tenant."""

    reader: Reader

    async def list(self, caller: Caller, where: Filter, page: PageRequest, wanted: PageSelection) -> Page:
        """The events that match `where`, newest first: one keyset page; raises `Forbidden` without `audit:read`."""
        listing = Listing(all_of(events_visible_to(caller), where), NEWEST_FIRST)
        return await self.reader.read_page(AuditEvent, listing, page, wanted)

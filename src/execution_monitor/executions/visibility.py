"""Who may see which execution: the one place that decides."""

from functools import lru_cache

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.storage.filters import Filter, all_of, equals


# Asked for with every read and every subscription, and of the caller alone.
@lru_cache(maxsize=1_024)
def visible_to(caller: Caller) -> Filter:
    """The executions `caller` may see: their own, or all of the tenant's with `executions:read:tenant`.

    Tenants never mix. The same condition is part of every query and is tested on the images of every change.
    """
    in_tenant = equals("tenant_id", caller.tenant)
    if caller.may(Scope.EXECUTIONS_READ_TENANT):
        return in_tenant
    return all_of(in_tenant, equals("user_id", caller.subject))

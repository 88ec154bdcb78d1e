"""Visibility: which executions a caller may see. No other module decides it."""

from functools import lru_cache

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.storage.filters import Filter, all_of, equals


# Computed for every read and every subscription; it depends on the caller alone.
@lru_cache(maxsize=1_024)
def visible_to(caller: Caller) -> Filter:
    """The filter for the executions that `caller` may see: their own, or the tenant's with `executions:read:tenant`.

    Tenants never mix. The same filter is part of every query and is evaluated on the images of every change.
    """
    in_tenant = equals("tenant_id", caller.tenant)
    if caller.may(Scope.EXECUTIONS_READ_TENANT):
        return in_tenant
    return all_of(in_tenant, equals("user_id", caller.subject))

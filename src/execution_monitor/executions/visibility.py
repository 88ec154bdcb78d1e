"""Visibility: which executions a caller may see. No other module decides it."""

from functools import lru_cache

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.storage.filters import EVERYTHING, AnyOf, Filter, all_of, equals


# Computed for every read and every subscription; it depends on the caller alone.
@lru_cache(maxsize=1_024)
def visible_to(caller: Caller) -> Filter:
    """The filter for the executions that `caller` may see: their own, or the tenant's with `executions:read:tenant`.

    Of a role with a filter, either are only those that match it. Tenants never mix. The same filter is part of every
    query and is evaluated on the images of every change.
    """
    in_tenant = equals("tenant_id", caller.tenant)
    own = equals("user_id", caller.subject)
    if caller.grants:
        return all_of(in_tenant, _seen_by_grants(caller, own))
    if caller.may(Scope.EXECUTIONS_READ_TENANT):
        return in_tenant
    return all_of(in_tenant, own)


def _seen_by_grants(caller: Caller, own: Filter) -> Filter:
    anyones = _filters_of(caller, Scope.EXECUTIONS_READ_TENANT)
    if EVERYTHING in anyones:
        return EVERYTHING
    mine = _filters_of(caller, Scope.EXECUTIONS_READ)
    # Of what a filter shows of everyone, it shows one's own as well.
    alone = [EVERYTHING] if EVERYTHING in mine else [each for each in mine if each not in anyones]
    return _any_of([*(all_of(own, each) for each in alone), *anyones])


def _filters_of(caller: Caller, scope: Scope) -> list[Filter]:
    return list(dict.fromkeys(grant.visible for grant in caller.grants if grant.scope is scope))


def _any_of(parts: list[Filter]) -> Filter:
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

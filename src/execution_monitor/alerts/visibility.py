"""Visibility of rules and alerts: those of the caller's own, and all of a tenant for those who read all of it.

What an alert shows may come of any execution that the owner of its rule may see. So who sees executions by filters of
roles sees the rules and alerts of nobody else.
"""

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.visibility import visible_to
from execution_monitor.storage.filters import Filter, all_of, equals


def rules_visible_to(caller: Caller) -> Filter:
    """The filter of the rules, and of the alerts, that `caller` may see.

    Raises:
        Forbidden: the caller lacks the scope `executions:read`.
    """
    caller.require(Scope.EXECUTIONS_READ)
    in_tenant = equals("tenant_id", caller.tenant)
    return in_tenant if visible_to(caller) == in_tenant else all_of(in_tenant, equals("user_id", caller.subject))

"""Roles, which stand for scopes, and what a token holds that states roles, scopes, both or neither."""

from collections.abc import Iterable, Mapping

from execution_monitor.auth.caller import Scope

ScopesByRole = Mapping[str, frozenset[Scope]]

_VIEWER = frozenset({Scope.EXECUTIONS_READ})
_OPERATOR = _VIEWER | {Scope.EXECUTIONS_READ_TENANT, Scope.EXECUTIONS_PAYLOAD}
_AUDITOR = frozenset({Scope.AUDIT_READ})

DEFAULT_ROLES: ScopesByRole = {
    "viewer": _VIEWER,
    "operator": _OPERATOR,
    "auditor": _AUDITOR,
    "admin": frozenset(Scope),
}

# `openid profile email` and the scopes of other APIs say nothing about this one.
_OUR_PREFIXES = frozenset(scope.partition(":")[0] for scope in Scope)


def granted_scopes(
    roles: Iterable[str] | None, stated: Iterable[str], scopes_by_role: ScopesByRole = DEFAULT_ROLES
) -> frozenset[Scope]:
    """What a token allows that states `roles` (None: it has no such claim) and the scopes `stated`.

    Roles alone allow what they stand for; a role that is not in `scopes_by_role` stands for nothing. Scopes alone allow
    themselves. With both, only what is in both. With neither, the caller's own executions. Scopes of other APIs are
    passed over, but a scope that reads like one of ours and is unknown still narrows a role, to nothing if it stands
    alone.
    """
    ours = [each for each in stated if each.partition(":")[0] in _OUR_PREFIXES]
    narrowed = _complete(scope for scope in Scope if scope in ours) if ours else None
    if roles is None:
        return _VIEWER if narrowed is None else narrowed
    granted = _complete(scope for role in roles for scope in scopes_by_role.get(role, ()))
    return granted if narrowed is None else granted & narrowed


def _complete(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """`scopes` with what they include: whoever may read all of the tenant may read what is their own."""
    found = frozenset(scopes)
    return found | _VIEWER if Scope.EXECUTIONS_READ_TENANT in found else found

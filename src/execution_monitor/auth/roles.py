"""Roles and the scopes they stand for, and the scopes of a token that has roles, scopes, both or neither."""

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

# `openid profile email` and the scopes of other APIs have no meaning here.
_OUR_PREFIXES = frozenset(scope.partition(":")[0] for scope in Scope)


def granted_scopes(
    roles: Iterable[str] | None, claimed: Iterable[str], scopes_by_role: ScopesByRole = DEFAULT_ROLES
) -> frozenset[Scope]:
    """The scopes of a token with the claimed `roles` (None without that claim) and the `claimed` scopes.

    Roles alone grant their scopes; a role that is not in `scopes_by_role` grants none. Scopes alone grant themselves.
    Both together grant what is in both. Neither grants reading one's own executions. Scopes of other APIs are ignored,
    but an unknown scope that begins like ours still narrows the roles, to nothing if it is the only one.
    """
    ours = [each for each in claimed if each.partition(":")[0] in _OUR_PREFIXES]
    narrowed = _complete(scope for scope in Scope if scope in ours) if ours else None
    if roles is None:
        return _VIEWER if narrowed is None else narrowed
    granted = _complete(scope for role in roles for scope in scopes_by_role.get(role, ()))
    return granted if narrowed is None else granted & narrowed


def _complete(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """`scopes` with the ones they imply: reading the whole tenant implies reading one's own executions."""
    given = frozenset(scopes)
    return given | _VIEWER if Scope.EXECUTIONS_READ_TENANT in given else given

"""Roles, and what a token that has roles, scopes, both or neither allows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from execution_monitor.auth.caller import READING_SCOPES, Grant, Scope
from execution_monitor.storage.filters import EVERYTHING, Filter


@dataclass(frozen=True, slots=True)
class Role:
    """The scopes that a role gives, and the executions that it gives them for; None for all."""

    scopes: frozenset[Scope]
    visible: Filter | None = None


Roles = Mapping[str, Role]

_VIEWER = frozenset({Scope.EXECUTIONS_READ})
_OPERATOR = _VIEWER | {Scope.EXECUTIONS_READ_TENANT, Scope.EXECUTIONS_PAYLOAD}
_AUDITOR = frozenset({Scope.AUDIT_READ})

DEFAULT_ROLES: Roles = {
    "viewer": Role(_VIEWER),
    "operator": Role(_OPERATOR),
    "auditor": Role(_AUDITOR),
    "admin": Role(frozenset(Scope)),
}

# `openid profile email` and the scopes of other APIs have no meaning here.
_OUR_PREFIXES = frozenset(scope.partition(":")[0] for scope in Scope)


@dataclass(frozen=True, slots=True)
class Access:
    """What a token allows; the attributes are those of `Caller`."""

    scopes: frozenset[Scope]
    grants: tuple[Grant, ...] = ()
    partial_scopes: frozenset[Scope] = field(default_factory=frozenset[Scope])


def access_of(names: Iterable[str] | None, claimed: Iterable[str], roles: Roles = DEFAULT_ROLES) -> Access:
    """What a token with the roles called `names` (None without that claim) and the `claimed` scopes allows.

    Roles alone grant their scopes; a role that is not in `roles` grants none. Scopes alone grant themselves. Both
    together grant what is in both, so that the filter of a role holds for what its scopes are narrowed to. Neither
    grants reading one's own executions. Scopes of other APIs are ignored, but an unknown scope that begins like ours
    still narrows the roles, to nothing if it is the only one.
    """
    ours = [each for each in claimed if each.partition(":")[0] in _OUR_PREFIXES]
    narrowed = _complete(scope for scope in Scope if scope in ours) if ours else None
    if names is None:
        return Access(_VIEWER if narrowed is None else narrowed)
    listed = frozenset(names)
    # In the order of the configuration, so that tokens which list the same roles see by the same filter.
    held = [_narrow(role, narrowed) for name, role in roles.items() if name in listed]
    scopes = frozenset(scope for role in held for scope in role.scopes)
    if all(role.visible is None for role in held):
        return Access(scopes)
    partial = frozenset(scope for scope in scopes - READING_SCOPES if not _is_given_throughout(scope, held))
    return Access(scopes - partial, tuple(_grants_in(held)), partial)


def _narrow(role: Role, narrowed: frozenset[Scope] | None) -> Role:
    scopes = _complete(role.scopes)
    return Role(scopes if narrowed is None else scopes & narrowed, role.visible)


def _grants_in(roles: Sequence[Role]) -> Iterable[Grant]:
    for role in roles:
        for scope in sorted(READING_SCOPES & role.scopes):
            yield Grant(scope, EVERYTHING if role.visible is None else role.visible)


def _is_given_throughout(scope: Scope, roles: Sequence[Role]) -> bool:
    """Whether `scope` is given for all executions that `roles` show."""
    given_for = [role.visible for role in roles if scope in role.scopes]
    return None in given_for or all(role.visible in given_for for role in roles if role.scopes & READING_SCOPES)


def _complete(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """`scopes` with the ones they imply: reading the whole tenant implies reading one's own executions."""
    given = frozenset(scopes)
    return given | _VIEWER if Scope.EXECUTIONS_READ_TENANT in given else given

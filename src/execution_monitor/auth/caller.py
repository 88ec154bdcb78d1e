"""The caller of a request: subject, tenant, scopes and roles, as the verified token says."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from execution_monitor.errors import Forbidden
from execution_monitor.storage.filters import Filter

# Clocks of issuers and servers differ by seconds. Requests and streams have the same leeway, so that a token which is
# still accepted for a request ends no stream.
LEEWAY = timedelta(seconds=30)


class Scope(StrEnum):
    """What a token allows; the values stand in its `scope` claim."""

    EXECUTIONS_READ = "executions:read"
    EXECUTIONS_READ_TENANT = "executions:read:tenant"
    EXECUTIONS_PAYLOAD = "executions:payload"
    EXECUTIONS_WRITE = "executions:write"
    # No operation needs it yet: it is reserved for those that control executions, so that keys, tokens and roles which
    # are issued today need no change then.
    EXECUTIONS_CONTROL = "executions:control"
    AUDIT_READ = "audit:read"
    KEYS_WRITE = "keys:write"
    WEBHOOKS_WRITE = "webhooks:write"
    ALERTS_WRITE = "alerts:write"
    MANAGE = "manage"


# What an access key may hold. It never reads the whole tenant, nor payloads.
KEY_SCOPES = (Scope.EXECUTIONS_WRITE, Scope.EXECUTIONS_CONTROL, Scope.EXECUTIONS_READ)
# The scopes of the mutations that a key may call.
KEY_MUTATIONS = frozenset({Scope.EXECUTIONS_WRITE, Scope.EXECUTIONS_CONTROL})
READING_SCOPES = frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT})


@dataclass(frozen=True, slots=True)
class Grant:
    """A scope to read executions that holds for those which match `visible`."""

    scope: Scope
    # Without it a caller is found in a cache in the same time, however long the filters of the roles are.
    visible: Filter = field(hash=False)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, as the verified token says.

    Attributes:
        scopes: all that the caller may do.
        grants: which executions the scopes to read them hold for, where a role of the caller has a filter; without
            any they hold for all.
        partial_scopes: scopes that the caller's roles give for a part of the executions they show; they allow nothing.
        roles: where the scopes come from; they allow nothing by themselves.
        is_key: whether an access key was sent in place of a token; `token_id` is then the part of it that may be shown.
        distributed_claim: the claim that the issuer keeps outside the token, if any; it allows nothing (distributed
            claims of OpenID Connect, group overage of Entra ID).
    """

    subject: str
    tenant: str
    scopes: frozenset[str] = field(default_factory=frozenset[str])
    roles: tuple[str, ...] = ()
    expires_at: datetime | None = None
    issued_at: datetime | None = None
    token_id: str | None = None
    distributed_claim: str | None = None
    is_key: bool = False
    grants: tuple[Grant, ...] = ()
    partial_scopes: frozenset[str] = field(default_factory=frozenset[str])

    @property
    def valid_until(self) -> datetime | None:
        """Until when the token is accepted, for requests and for streams: `exp` and the leeway.

        A key has no leeway: no other server's clock decided when it expires.
        """
        return self.expires_at if self.expires_at is None or self.is_key else self.expires_at + LEEWAY

    def may(self, scope: Scope) -> bool:
        """Whether the token carries `scope`."""
        return scope in self.scopes

    def require(self, scope: Scope) -> None:
        """Raise `Forbidden` unless the token carries `scope`."""
        if self.may(scope):
            return
        if self.distributed_claim is not None:
            raise Forbidden(
                f"Your token lacks the claim {self.distributed_claim}, which its issuer keeps elsewhere "
                "(group overage): it allows nothing here; have the issuer put roles, or fewer groups, into it."
            )
        if scope in self.partial_scopes:
            raise Forbidden(
                f"This needs the scope {scope.value} for every execution that you may see, and your roles give it for "
                "some of them; use a token with fewer roles."
            )
        carrier = "access key" if self.is_key else "token"
        raise Forbidden(f"This needs the scope {scope.value}, which your {carrier} does not carry.")

    def require_mutation(self, scope: Scope) -> None:
        """Raise `Forbidden` unless the caller may call a mutation that requires `scope`.

        A key reports and controls executions, whatever else its scopes are good for: it must not make what outlives it.
        """
        self.require(scope)
        if self.is_key and scope not in KEY_MUTATIONS:
            raise Forbidden("An access key may report and control executions alone; send a token for this mutation.")

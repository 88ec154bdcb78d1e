"""The caller of a request: subject, tenant, scopes and roles, as the verified token says."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from execution_monitor.errors import Forbidden

# Clocks of issuers and servers differ by seconds. Requests and streams have the same leeway, so that a token which is
# still accepted for a request ends no stream.
LEEWAY = timedelta(seconds=30)


class Scope(StrEnum):
    """What a token allows; the values stand in its `scope` claim."""

    EXECUTIONS_READ = "executions:read"
    EXECUTIONS_READ_TENANT = "executions:read:tenant"
    EXECUTIONS_PAYLOAD = "executions:payload"
    # No operation needs it yet: it is reserved for those that change executions, so that tokens and roles which are
    # issued today need no change then.
    EXECUTIONS_WRITE = "executions:write"
    AUDIT_READ = "audit:read"
    MANAGE = "manage"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, as the verified token says.

    Attributes:
        scopes: all that the caller may do.
        roles: where the scopes come from; they allow nothing by themselves.
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

    @property
    def valid_until(self) -> datetime | None:
        """Until when the token is accepted, for requests and for streams: `exp` and the leeway."""
        return None if self.expires_at is None else self.expires_at + LEEWAY

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
        raise Forbidden(f"This needs the scope {scope.value}, which your token does not carry.")

"""The caller as a value: who asks, for which tenant, with which scopes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from execution_monitor.errors import Forbidden

# Clocks of issuers and servers differ by seconds; one leeway for requests and streams alike, so that a token that is
# still taken for the one ends no other.
LEEWAY = timedelta(seconds=30)


class Scope(StrEnum):
    """What a token may allow; the values are what its `scope` claim holds."""

    EXECUTIONS_READ = "executions:read"
    EXECUTIONS_READ_TENANT = "executions:read:tenant"
    EXECUTIONS_PAYLOAD = "executions:payload"
    EXECUTIONS_WRITE = "executions:write"
    AUDIT_READ = "audit:read"
    MANAGE = "manage"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent the request, as its verified token says.

    `scopes` is all that the caller may do; `roles` explains it and allows nothing by itself. `distributed_claim` is the
    claim, if any, that the issuer keeps outside the token (distributed claims, group overage): it allows nothing then.
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
        """When the token stops being accepted, for requests and for streams: `exp` and the leeway."""
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

"""Who the server thinks the caller is."""

from datetime import datetime

import strawberry

from execution_monitor.access.caller import Caller


@strawberry.type(description="The caller, as the token says.")
class Viewer:
    """A caller's own view of itself."""

    user_id: str
    tenant_id: str
    roles: list[str]
    scopes: list[str]
    expires_at: datetime | None = strawberry.field(description="When the token the request came with stops working.")

    @classmethod
    def of(cls, caller: Caller) -> "Viewer":
        """How `caller` looks to itself."""
        return cls(
            user_id=caller.subject,
            tenant_id=caller.tenant,
            roles=list(caller.roles),
            scopes=sorted(caller.scopes),
            expires_at=caller.expires_at,
        )

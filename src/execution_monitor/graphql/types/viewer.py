"""Who the server thinks the caller is, and how late its live updates are."""

from datetime import datetime

import strawberry

from execution_monitor.auth.caller import Caller
from execution_monitor.live.service import Live


@strawberry.type(description="The caller, as the token says.")
class Viewer:
    """A caller's own view of itself."""

    user_id: str
    tenant_id: str
    roles: list[str]
    scopes: list[str]
    expires_at: datetime | None = strawberry.field(description="When the token the request came with stops working.")
    live_behind_seconds: float | None = strawberry.field(
        description="Seconds that live updates lag behind the database; null while they do not run."
    )

    @classmethod
    def of(cls, caller: Caller, live: Live) -> "Viewer":
        """How `caller` looks to itself, and `live` to everybody."""
        return cls(
            user_id=caller.subject,
            tenant_id=caller.tenant,
            roles=list(caller.roles),
            scopes=sorted(caller.scopes),
            expires_at=caller.expires_at,
            live_behind_seconds=live.behind.seconds,
        )

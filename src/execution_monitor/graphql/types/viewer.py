"""The viewer: the caller as the token describes them, and how late live updates are."""

from datetime import datetime

import strawberry

from execution_monitor.auth.caller import Caller
from execution_monitor.live.service import Live


@strawberry.type(description="The caller, as the token describes them.")
class Viewer:
    """The claims of the token, and the scopes that follow from them."""

    user_id: str = strawberry.field(
        description="The `sub` of the token; the caller owns executions with this `userId`."
    )
    tenant_id: str = strawberry.field(description="The tenant of the token; nothing of another one is visible.")
    roles: list[str] = strawberry.field(description="The roles that the token names.")
    scopes: list[str] = strawberry.field(description="What the caller may do, from the token's scopes and roles.")
    expires_at: datetime | None = strawberry.field(description="When the token of this request expires.")
    live_behind_seconds: float | None = strawberry.field(
        description="Seconds by which live updates lag behind the database; null while they are not running."
    )

    @classmethod
    def of(cls, caller: Caller, live: Live) -> "Viewer":
        """The viewer for `caller`, with the delay of `live`."""
        return cls(
            user_id=caller.subject,
            tenant_id=caller.tenant,
            roles=list(caller.roles),
            scopes=sorted(caller.scopes),
            expires_at=caller.expires_at,
            live_behind_seconds=live.behind.seconds,
        )

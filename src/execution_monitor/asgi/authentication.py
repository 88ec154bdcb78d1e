"""The gate: whoever a token names comes in; of whoever is refused, somebody is told."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.tokens import Authenticate
from execution_monitor.errors import Unauthenticated

# Whoever sent a request with these headers from there; raises what `Authenticate` raises.
Admit = Callable[[Mapping[str, str], Origin], Awaitable[Caller]]


@dataclass(frozen=True, slots=True)
class RequestAuthenticator:
    """Admits those whom `authenticate` knows, and calls each of `on_refusal` for the others."""

    authenticate: Authenticate
    on_refusal: Sequence[Callable[[Origin, Unauthenticated], None]] = ()

    async def admit(self, headers: Mapping[str, str], origin: Origin) -> Caller:
        """Whoever sent a request with `headers` from `origin`; raises what `authenticate` raises."""
        try:
            return await self.authenticate(headers)
        except Unauthenticated as error:
            for tell in self.on_refusal:
                tell(origin, error)
            raise

"""Authenticates requests of all transports, and reports those that are refused."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.tokens import Authenticate
from execution_monitor.errors import Unauthenticated

# Returns the caller of a request with these headers and this origin; raises what `Authenticate` raises.
Admit = Callable[[Mapping[str, str], Origin], Awaitable[Caller]]


@dataclass(frozen=True, slots=True)
class RequestAuthenticator:
    """Authenticates requests with `authenticate`.

    Attributes:
        authenticate: finds the caller.
        on_refusal: called for each request without a valid token.
        on_success: called for the caller of each other request, and must not wait.
    """

    authenticate: Authenticate
    on_refusal: Sequence[Callable[[Origin, Unauthenticated], None]] = ()
    on_success: Sequence[Callable[[Caller], None]] = ()

    async def admit(self, headers: Mapping[str, str], origin: Origin) -> Caller:
        """The caller of a request with `headers` from `origin`; raises what `authenticate` raises."""
        try:
            caller = await self.authenticate(headers)
        except Unauthenticated as error:
            for report in self.on_refusal:
                report(origin, error)
            raise
        for notice in self.on_success:
            notice(caller)
        return caller

"""Requests to ingest: authenticated, then read, then stored; each is one operation that observers see."""

import contextlib
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.requests import Request

from execution_monitor.asgi.cross_site import refuse_cross_site
from execution_monitor.asgi.operations import Operation, OperationKind, Outcome
from execution_monitor.asgi.origin import Origin, origin_of
from execution_monitor.asgi.request_bodies import media_type_of, read_unpacked_body
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import BadUserInput, ExecutionMonitorError, RateLimited
from execution_monitor.ingest.http.body_memory import BodyMemory
from execution_monitor.ingest.service import Ingest, Stored
from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.services import RequestServices

# How many bodies of the largest size may be in memory at once; what they report takes several times as much.
_LARGEST_BODIES_AT_ONCE = 4


@dataclass(slots=True)
class IngestRequest:
    """A request of an authenticated caller who may write, with its whole body.

    Attributes:
        media_type: in lower case, without parameters.
        content: the body, unpacked.
        headers: of the response, once it is stored: what rate limits leave the caller.
    """

    caller: Caller
    origin: Origin
    name: str
    media_type: str
    content: bytes
    services: RequestServices
    ingest: Ingest
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    is_observed: bool = False

    async def store(self, facts: Facts, counts: Mapping[str, int]) -> Stored:
        """Store all that the request reports, as `observe` and `store_part` do.

        Raises:
            RateLimited: the caller has too few points.
            ExecutionMonitorError: what `Ingest.store` raises.
        """
        async with self.observe(counts) as outcome:
            stored = await self.store_part(facts, outcome)
            outcome.fail_with([BadUserInput.code] * len(stored.refused))
        return stored

    @contextlib.asynccontextmanager
    async def observe(self, counts: Mapping[str, int]) -> AsyncGenerator[Outcome]:
        """Have observers see the block, in which parts are stored, as one operation.

        It costs a point for each of what `counts` counts, such as `{"events": 12}`, which stands in the audit trail.
        """
        operation = self.describe(max(1, sum(counts.values())), counts)
        self.is_observed = True
        async with self.services.observers.observe(operation) as outcome:
            yield outcome
            outcome.payloads += 1
        self.headers = operation.allowance.headers

    async def store_part(self, facts: Facts, outcome: Outcome) -> Stored:
        """Store a part of what the request reports, within `observe`; raises what `Ingest.store` raises."""
        stored = await self.ingest.store(self.caller, facts)
        outcome.answer_with(*sorted(stored.changed))
        return stored

    def describe(self, cost: int, counts: Mapping[str, int]) -> Operation:
        """The operation that the request is, which costs so many points."""
        arguments = {self.name: dict(counts)}
        return Operation(self.caller, self.origin, OperationKind.REST, self.name, cost, arguments=lambda: arguments)


class IngestRequests:
    """Receives the requests of all protocols.

    Args:
        origins: of pages of other sites that may write.
        max_body_bytes: the largest body, packed or not.
    """

    def __init__(
        self, services: RequestServices, ingest: Ingest, *, origins: Collection[str], max_body_bytes: int
    ) -> None:
        self._services = services
        self._ingest = ingest
        self._origins = origins
        self._max_body_bytes = max_body_bytes
        self._memory = BodyMemory(_LARGEST_BODIES_AT_ONCE * max_body_bytes)

    def begin(self) -> Facts:
        """Empty facts for one request."""
        return self._ingest.begin()

    @contextlib.asynccontextmanager
    async def receive(self, request: Request, name: str, media_types: Sequence[str]) -> AsyncGenerator[IngestRequest]:
        """Authenticate `request` and read its body, of one of `media_types`; `name` is that of the operation.

        The token is checked before anything of the body is read. Observers see what this, or the block before it
        stores, refuses with an `ExecutionMonitorError`.

        Raises:
            Forbidden: a page of another site sent it, or the caller lacks `executions:write`.
            Unauthenticated: there is no valid token or key.
            RateLimited: the caller has used its points up.
            UnsupportedMediaType: the body is of another type, or packed in another way than gzip.
            BodyTooLarge: the body is too large, packed or unpacked.
            BadUserInput: the body is not what its headers say.
            ServerBusy: there are too many large bodies at once.
        """
        refuse_cross_site(request.headers, self._origins)
        origin = origin_of(request.scope)
        caller = await self._services.admit(request.headers, origin)
        received = IngestRequest(caller, origin, name, "", b"", self._services, self._ingest)
        try:
            caller.require(Scope.EXECUTIONS_WRITE)
            self._services.refuse_exhausted(caller, origin)
            received.media_type = media_type_of(request, media_types)
            with self._memory.share() as reserve:
                received.content = await read_unpacked_body(request, self._max_body_bytes, reserve)
                yield received
        except ExecutionMonitorError as error:
            if not received.is_observed:
                # A body that was not read costs nothing.
                cost = 0 if isinstance(error, RateLimited) else 1
                await self._services.observers.refused(received.describe(cost, {}), error)
            raise

"""An endpoint of ingest over one connection in memory, whose service stores nothing and keeps what it was given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.routing import BaseRoute
from typing_extensions import override

from execution_monitor.asgi.operations import Observers
from execution_monitor.asgi.origin import Origin
from execution_monitor.asgi.problems import problem_handlers
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import RateLimited, Unauthenticated
from execution_monitor.ingest.http.requests import IngestRequests
from execution_monitor.ingest.service import Ingest, Stored
from execution_monitor.ingest.writer.facts import Clean, Facts
from tests.graphql.recording_observer import RecordingObserver
from tests.support.raw_http import HttpResponse, MemoryConnection
from tests.support.services import request_services

WRITER = Caller("ada", "acme", frozenset({Scope.EXECUTIONS_WRITE}))
JSON = "application/json"


class StoringNothing(Ingest):
    """Keeps the facts that it is to store; refuses them, or some of their executions, where a test says so."""

    def __init__(self) -> None:  # pyright: ignore[reportMissingSuperCall] - nothing of the service is used
        self.failure: Exception | None = None
        self.refused: Mapping[str, str] = {}
        self.given: list[Facts] = []
        self.clean: Clean = lambda _, value: value

    @override
    def begin(self) -> Facts:
        return Facts(self.clean)

    @override
    async def store(self, caller: Caller, facts: Facts) -> Stored:
        if self.failure is not None:
            raise self.failure
        self.given.append(facts)
        refused = {each: reason for each, reason in self.refused.items() if each in facts.execution_ids}
        return Stored(changed=frozenset(facts.execution_ids) - frozenset(refused), refused=refused)


@dataclass
class Endpoint:
    """The `routes` of a protocol, whose only key is `em_1`."""

    routes: Callable[[IngestRequests], Sequence[BaseRoute]]
    path: str
    max_body_bytes: int = 16 * 2**20
    caller: Caller = WRITER
    exhausted: RateLimited | None = None
    observer: RecordingObserver = field(default_factory=RecordingObserver)
    ingest: StoringNothing = field(default_factory=StoringNothing)

    def connect(self) -> MemoryConnection:
        """A new connection."""
        return MemoryConnection(self.application())

    def application(self) -> Starlette:
        """The application with the routes."""
        services = request_services(
            admit=self._admit, observers=Observers(self.observer), refuse_exhausted=self._refuse_exhausted
        )
        requests = IngestRequests(
            services, self.ingest, origins=["https://friend.example"], max_body_bytes=self.max_body_bytes
        )
        return Starlette(routes=self.routes(requests), exception_handlers=problem_handlers())

    async def post(self, body: bytes, *, path: str | None = None, **headers: str) -> HttpResponse:
        """The response to a request."""
        connection = self.connect()
        connection.feed(self.head(len(body), path=path, **headers) + body)
        (response,) = await connection.answers()
        return response

    def head(self, length: int | None, *, path: str | None = None, **headers: str) -> bytes:
        """The head of a request whose body has `length`; None for a chunked one."""
        sent = {"Host": "localhost", "Authorization": "Bearer em_1", "Content-Type": JSON}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        sent |= {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
        lines = [f"POST {path or self.path} HTTP/1.1", *(f"{name}: {each}" for name, each in sent.items()), "", ""]
        return "\r\n".join(lines).encode()

    async def _admit(self, headers: Mapping[str, str], _: Origin) -> Caller:
        if headers.get("authorization") != "Bearer em_1":
            raise Unauthenticated("Send a token.")
        return self.caller

    def _refuse_exhausted(self, _: Caller, __: Origin) -> None:
        if self.exhausted is not None:
            raise self.exhausted

"""The endpoints of OpenLineage: `POST /api/v1/lineage`, as all its clients send to, and `/api/v1/lineage/batch`."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from execution_monitor.asgi.headers import NO_STORE
from execution_monitor.errors import BadUserInput, RateLimited, Unavailable
from execution_monitor.ingest.http.requests import IngestRequest, IngestRequests
from execution_monitor.ingest.openlineage.decoding import Decoded, count_events, decode_events, is_list
from execution_monitor.ingest.openlineage.mapping import map_event
from execution_monitor.ingest.service import Stored
from execution_monitor.ingest.writer.facts import Facts

LINEAGE_PATH = "/api/v1/lineage"
BATCH_PATH = "/api/v1/lineage/batch"
_MEDIA_TYPES = ("application/json",)
# Reading and mapping so many bytes takes some milliseconds; more are left to a thread.
_INLINE_BYTES = 64 * 1024
# What is mapped before it is stored: of more, the garbage collector would stop everything else to look through it.
_EVENTS_AT_ONCE = 500

Result = TypeVar("Result")


class Throttled(Unavailable):
    """A caller without points: clients of OpenLineage send again after 503, and drop the event after 429."""

    code = RateLimited.code

    def __init__(self, error: RateLimited) -> None:
        super().__init__(error.message)
        self._headers = error.headers

    @property
    def headers(self) -> Mapping[str, str]:
        """`Retry-After`, and the limits."""
        return self._headers


@dataclass(slots=True)
class _Reports:
    """What became of the events of a body.

    Attributes:
        execution_ids: of the execution of each event; None for one that is passed over, or cannot be read.
        failures: why events are not stored, by their place in the body.
    """

    execution_ids: list[str | None] = field(default_factory=list[str | None])
    failures: dict[int, str] = field(default_factory=dict[int, str])

    def map(self, events: Iterator[Decoded], facts: Facts, *, keeps_statements: bool) -> bool:
        """Add what the next of `events` report to `facts`; whether there may be more of them.

        Raises:
            BadUserInput: the body is not JSON.
        """
        before = len(self.execution_ids)
        for place, event in enumerate(islice(events, _EVENTS_AT_ONCE), before):
            self.execution_ids.append(None)
            if isinstance(event, BadUserInput):
                self.failures[place] = event.message
            elif event is not None:
                try:
                    self.execution_ids[place] = map_event(event, facts, keeps_statements=keeps_statements)
                except BadUserInput as error:
                    self.failures[place] = error.message
        return len(self.execution_ids) == before + _EVENTS_AT_ONCE

    def refuse(self, stored: Stored) -> None:
        """Add the events of executions that were refused."""
        if not stored.refused:
            return
        for place, execution_id in enumerate(self.execution_ids):
            if execution_id is not None and execution_id in stored.refused:
                self.failures[place] = stored.refused[execution_id]

    def require_one(self) -> None:
        """Raise `BadUserInput` with the first reason where every event has failed."""
        if self.failures and len(self.failures) == len(self.execution_ids):
            raise BadUserInput(self.failures[0])

    def summarize(self) -> bytes:
        """The response to a batch, as OpenLineage's OpenAPI document has it."""
        received, failed = len(self.execution_ids), len(self.failures)
        return orjson.dumps(
            {
                "status": "partial_success" if failed else "success",
                "summary": {
                    "received": received,
                    "successful": received - failed,
                    "failed": failed,
                    "retriable": 0,
                    "non_retriable": failed,
                },
                "failed_events": [
                    {"index": place, "reason": reason, "retriable": False}
                    for place, reason in sorted(self.failures.items())
                ],
            }
        )


def openlineage_routes(requests: IngestRequests, *, keeps_statements: bool = False) -> Sequence[BaseRoute]:
    """The routes of OpenLineage; with `keeps_statements` the SQL statements of a step are steps, too."""
    endpoint = _Endpoint(requests, keeps_statements=keeps_statements)
    return [
        Route(BATCH_PATH, endpoint.take_batch, methods=["POST"]),
        Route(LINEAGE_PATH, endpoint.take, methods=["POST"]),
    ]


class _Endpoint:
    def __init__(self, requests: IngestRequests, *, keeps_statements: bool) -> None:
        self._requests = requests
        self._keeps_statements = keeps_statements
        # One thread at a time: several would take turns with the event loop.
        self._thread = asyncio.Lock()

    async def take(self, request: Request) -> Response:
        """Store one event, or several; where some of several are not stored, the response is that of a batch."""
        async with self._receive(request, "ingestOpenLineage") as received:
            reports = await self._store(received, needs_one=True)
        if reports.failures:
            return _respond(reports, received)
        return Response(status_code=HTTPStatus.CREATED, headers={**NO_STORE, **received.headers})

    async def take_batch(self, request: Request) -> Response:
        """Store several events, and say which of them were not."""
        async with self._receive(request, "ingestOpenLineageBatch") as received:
            if not is_list(received.content):
                raise BadUserInput("A batch must be a JSON array of events; send a single event to /api/v1/lineage.")
            reports = await self._store(received, needs_one=False)
        return _respond(reports, received)

    @contextlib.asynccontextmanager
    async def _receive(self, request: Request, name: str) -> AsyncGenerator[IngestRequest]:
        try:
            async with self._requests.receive(request, name, _MEDIA_TYPES) as received:
                yield received
        except RateLimited as error:
            raise Throttled(error) from error

    async def _store(self, received: IngestRequest, *, needs_one: bool) -> _Reports:
        """Store the events of a body; with `needs_one` raises `BadUserInput` where none of them is."""
        count = await self._run(received, count_events, received.content)
        events, reports = decode_events(received.content), _Reports()
        async with received.observe({"events": count}) as outcome:
            has_more = True
            while has_more:
                facts = self._requests.begin()
                mapping = partial(reports.map, events, facts, keeps_statements=self._keeps_statements)
                has_more = await self._run(received, mapping)
                reports.refuse(await received.store_part(facts, outcome))
            if needs_one:
                reports.require_one()
            outcome.fail_with([BadUserInput.code] * len(reports.failures))
        return reports

    async def _run(self, received: IngestRequest, work: Callable[..., Result], *arguments: Any) -> Result:
        """The result of `work`, which a thread does for a long body."""
        if len(received.content) <= _INLINE_BYTES:
            return work(*arguments)
        async with self._thread:
            return await asyncio.to_thread(work, *arguments)


def _respond(reports: _Reports, received: IngestRequest) -> Response:
    headers: dict[str, Any] = {**NO_STORE, **received.headers}
    return Response(reports.summarize(), headers=headers, media_type="application/json")

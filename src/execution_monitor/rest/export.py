"""The export of REST: all executions that match, as one file that is sent while it is read."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Mapping
from datetime import UTC, datetime
from functools import partial

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from execution_monitor.asgi.headers import NO_STORE
from execution_monitor.asgi.origin import origin_of
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import BadUserInput, ExecutionMonitorError, RateLimited
from execution_monitor.rest.export_reader import ExportReader
from execution_monitor.rest.export_request import ReadArgumentFilter, read_export_request
from execution_monitor.rest.export_rows import FILES, ExportFile
from execution_monitor.rest.openapi import EXPORT_PATH
from execution_monitor.rest.responses import operation_of
from execution_monitor.services import RequestServices
from execution_monitor.tasks import end_tasks

log = structlog.get_logger()

# How many executions match is not known before they have been read: as ten pages of 100.
EXPORT_COST = 1_000
# Of one caller, in each process: an export reads all the time, where a stream mostly waits.
MOST_AT_ONCE = 4
_RETRY_SECONDS = 10


class RunningExports:
    """Counts the exports that run in this process, by caller."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    @contextlib.contextmanager
    def hold(self, caller: Caller) -> Generator[None]:
        """Count an export of `caller`; raises `RateLimited` when as many run as may."""
        key = (caller.tenant, caller.subject)
        if self._counts[key] >= MOST_AT_ONCE:
            message = f"{MOST_AT_ONCE} exports of yours run, the most at once; wait until one has ended."
            raise RateLimited(message, _RETRY_SECONDS)
        self._counts[key] += 1
        try:
            yield
        finally:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]


def export_route(services: RequestServices, read_argument: ReadArgumentFilter) -> Route:
    """The route of exports; it must come before the one that takes any execution's id."""
    return Route(EXPORT_PATH, partial(export_executions, services, read_argument, RunningExports()))


async def export_executions(
    services: RequestServices, read_argument: ReadArgumentFilter, running: RunningExports, request: Request
) -> Response:
    """Respond with a file of all executions that the query parameters of `request` select."""
    caller = await services.admit(request.headers, origin_of(request.scope))
    name, parameters = "exportExecutions", request.query_params
    try:
        export = read_export_request(parameters, read_argument)
    except BadUserInput as error:
        await services.observers.refused(operation_of(request, caller, name, parameters), error)
        raise
    operation = operation_of(request, caller, name, parameters, EXPORT_COST)
    async with contextlib.AsyncExitStack() as resources:
        outcome = await resources.enter_async_context(services.observers.observe(operation))
        resources.enter_context(running.hold(caller))
        ended = resources.enter_context(services.streams.hold(caller, operation.origin.address))
        reader = ExportReader(services.monitor.executions, caller, export, services.export_rows, ended, outcome)
        parts = reader.read()
        resources.push_async_callback(parts.aclose)
        # Before the response begins, so that what fails at once fails with its own status.
        first = await anext(parts)
        outcome.payloads += 1
        file = FILES[export.format]
        headers = {**operation.allowance.headers, "Content-Disposition": f'attachment; filename="{_name_of(file)}"'}
        return _Download(file, headers, _begin_with(first, parts, request.method), resources.pop_all())


async def _begin_with(first: bytes, others: AsyncGenerator[bytes], method: str) -> AsyncGenerator[bytes]:
    yield first
    # The response to HEAD has no body.
    while method != "HEAD":
        try:
            yield await anext(others)
        except StopAsyncIteration:
            return


def _name_of(file: ExportFile) -> str:
    return f"executions-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.{file.extension}"


class _Download(Response):
    """A file that is sent in `parts`; `resources` are closed before its end is sent, or when the client leaves."""

    def __init__(
        self,
        file: ExportFile,
        headers: Mapping[str, str],
        parts: AsyncGenerator[bytes],
        resources: contextlib.AsyncExitStack,
    ) -> None:
        super().__init__(headers={**NO_STORE, "X-Accel-Buffering": "no", **headers}, media_type=file.media_type)
        # Its length is known at the end.
        del self.headers["content-length"]
        self._file, self._parts, self._resources = file, parts, resources

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_wait_for_disconnect(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(sending, leaving)
        if not sending.cancelled():
            sending.result()
        else:
            # To a client that has left nothing is sent.
            await _send_part(send, self._file.end_incomplete("The server stops; export again."))

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async with self._resources, contextlib.aclosing(self._parts) as parts:
                async for part in parts:
                    await _send_part(send, part)
        except ExecutionMonitorError as error:
            log.warning("export_incomplete", code=error.code)
            # The response has no end, either: clients that do not look at the last line get a broken transfer.
            await _send_part(send, self._file.end_incomplete(error.message))
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_part(send: Send, part: bytes) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

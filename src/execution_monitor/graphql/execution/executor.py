"""The executor: runs every GraphQL operation, of whichever transport, and has observers see each."""

from collections.abc import AsyncGenerator, Collection
from contextlib import closing
from inspect import isawaitable
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLError,
    create_source_event_stream,  # pyright: ignore[reportUnknownVariableType] - its executor is generic
    execute_root_selection_set,  # pyright: ignore[reportUnknownVariableType] - likewise
)

from execution_monitor.asgi.operations import Operation, OperationKind, Outcome
from execution_monitor.asgi.origin import Origin
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import BadUserInput, PayloadTooLarge, RateLimited, ResponseTooLarge
from execution_monitor.graphql.compiled.compiler import Compiler
from execution_monitor.graphql.compiled.fields import NotCompilable
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import ClientSafeSchema
from execution_monitor.graphql.execution.event_renderer import EventRenderer, serialise
from execution_monitor.graphql.execution.push import Sink, SubscriptionPump
from execution_monitor.graphql.types.updates import SourceStream
from execution_monitor.graphql.validation.operation import ExecutableOperation, OperationValidator, RequestErrors
from execution_monitor.graphql.validation.request import GraphQLRequest
from execution_monitor.graphql.validation.trusted_documents import AnyDocument, TrustedDocuments
from execution_monitor.services import RequestServices

# What a request costs that is refused, since its document was parsed: a page of a list has some 400 characters and
# costs 20 points.
_CHARACTERS_PER_POINT = 20


class OperationExecutor:
    """Validates and runs operations of one schema.

    Args:
        schema: the schema, with its documents.
        services: what reads and stores executions and keeps access keys, subscribes to live updates and observes
            operations.
        max_cost: points that one operation may cost.
        documents: which documents run.
    """

    def __init__(
        self,
        schema: ClientSafeSchema,
        services: RequestServices,
        *,
        max_cost: int,
        documents: TrustedDocuments | AnyDocument,
    ) -> None:
        self._schema = schema
        self._monitor = services.monitor
        self._live = services.live
        self._access_keys = services.access_keys
        self._ingest = services.ingest
        self._statistics = services.statistics
        self._deliveries = services.deliveries
        self._live_statistics = services.live_statistics
        self._alerting = services.alerting
        self._observers = services.observers
        self._validator = OperationValidator(schema, max_cost=max_cost)
        self._max_response_bytes = services.max_response_bytes
        self._documents = documents
        self._refuse_exhausted = services.refuse_exhausted
        self._compiler = Compiler(schema)
        self._renderer = EventRenderer(
            schema, self._compiler, lambda caller: self._context(caller, Outcome()), services.max_response_bytes
        )

    async def prepare(
        self,
        request: GraphQLRequest,
        caller: Caller,
        origin: Origin,
        kinds: Collection[OperationKind] = frozenset(OperationKind),
    ) -> ExecutableOperation:
        """Validate `request`, to run for `caller`. Observers see what is refused.

        Raises:
            RateLimited: the caller or the address has used its points up.
            BadUserInput: the document is not a trusted one.
            OperationKindNotAllowed: the operation is of none of `kinds`.
            RequestErrors: the operation is not valid, or costs too much.
        """
        try:
            self._refuse_exhausted(caller, origin)
        except RateLimited as error:
            # The document was not parsed, so that it costs nothing.
            unread = Operation(caller, origin, OperationKind.UNREADABLE, request.operation_name, 0)
            await self._observers.refused(unread, error)
            raise
        try:
            request = self._documents.resolve(request)
            return self._validator.prepare(request, caller, origin, kinds)
        except (RequestErrors, BadUserInput) as error:
            cost = 1 + len(request.query) // _CHARACTERS_PER_POINT
            kind = error.kind if isinstance(error, RequestErrors) else None
            failed = Operation(caller, origin, kind or OperationKind.UNREADABLE, request.operation_name, cost)
            await self._observers.refused(failed, error)
            raise

    async def execute(self, executable: ExecutableOperation) -> bytes:
        """Run a query or mutation; returns its payload, as JSON.

        Raises:
            RequestErrors: it could not begin.
            ExecutionMonitorError: an observer refused it, or its payload is too large.
        """
        async with self._observers.observe(executable.operation) as outcome:
            return await self._execute(executable, outcome)

    async def stream(self, executable: ExecutableOperation, sink: Sink | None = None) -> AsyncGenerator[bytes]:
        """Run an operation; returns its payloads, as JSON: one for a query, one an event for a subscription.

        Payloads that `sink` takes are not yielded: it is offered each event while nothing older waits to be sent. All
        that is raised before the first payload is raised here.

        Raises:
            RequestErrors: it could not begin.
            ExecutionMonitorError: an observer refused it.
        """
        payloads = self._stream(executable, sink)
        await anext(payloads)
        return payloads

    async def close(self) -> None:
        """Cancel what is still being rendered."""
        await self._renderer.close()

    async def _stream(self, executable: ExecutableOperation, sink: Sink | None) -> AsyncGenerator[bytes]:
        """Yield the payloads, after an empty one for the begin of the operation."""
        if executable.operation.kind is not OperationKind.SUBSCRIPTION:
            payload = await self.execute(executable)
            yield b""
            yield payload
            return
        async with self._observers.observe(executable.operation) as outcome:
            source = await self._subscribe(executable, outcome)
            with closing(source.deliveries):
                pump = SubscriptionPump(source.deliveries, self._renderer.of(executable, source.show), outcome)
                yield b""
                if sink is not None:
                    pump.push_to(sink)
                async for payload in pump.payloads():
                    yield payload

    async def _execute(self, executable: ExecutableOperation, outcome: Outcome) -> bytes:
        context = self._context(executable.operation.caller, outcome)
        validated = executable.validated
        try:
            try:
                result = await self._compiler.execute(validated, context)
                outcome.compiled = True
            except (NotCompilable, PayloadTooLarge):
                # graphql-core places the error of one field.
                outcome.discard_executions()
                outcome.compiled = False
                result = await _interpret(validated.build_executor(), context)
        except Exception as error:
            raise RequestErrors([GraphQLError(str(error), original_error=error)]) from error
        if result.data is None and result.errors and not any(error.path for error in result.errors):
            raise RequestErrors(result.errors)
        operation = executable.operation
        cost = {"requested": operation.cost, "remaining": operation.allowance.remaining}
        payload, codes, _ = serialise(self._schema, result, {"cost": cost})
        if len(payload) > self._max_response_bytes:
            outcome.discard_executions()
            raise ResponseTooLarge(len(payload), self._max_response_bytes)
        outcome.fail_with(codes)
        outcome.payloads += 1
        return payload

    async def _subscribe(self, executable: ExecutableOperation, outcome: Outcome) -> SourceStream:
        executor = executable.validated.build_executor()
        executor.context_value = self._context(executable.operation.caller, outcome)
        events: Any = create_source_event_stream(executor)
        if isawaitable(events):
            events = await events
        if isinstance(events, ExecutionResult):
            raise RequestErrors(events.errors or [], OperationKind.SUBSCRIPTION)
        return events

    def _context(self, caller: Caller, outcome: Outcome) -> Context:
        keys, ingest = self._access_keys, self._ingest
        return Context(
            caller,
            self._monitor,
            self._live,
            outcome,
            keys,
            ingest,
            self._statistics,
            self._live_statistics,
            self._deliveries,
            self._alerting,
        )


async def _interpret(executor: Any, context: Context) -> ExecutionResult:
    """Run `executor` in graphql-core."""
    executor.context_value = context
    result: Any = execute_root_selection_set(executor)
    return await result if isawaitable(result) else result

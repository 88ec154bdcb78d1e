"""Where every GraphQL operation runs, by whichever transport it came: watched, and each event serialised once."""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import closing
from inspect import isawaitable
from typing import Any

from graphql import (
    ExecutionResult,
    GraphQLError,
    create_source_event_stream,  # pyright: ignore[reportUnknownVariableType] - its executor is generic
    execute_root_selection_set,  # pyright: ignore[reportUnknownVariableType] - likewise
)

from execution_monitor.asgi.operations import Kind, Observers, Operation, Origin, Outcome
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import AnswerTooLarge, BadUserInput, PayloadTooLarge, RateLimited
from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.compiled.compiler import Compiler
from execution_monitor.graphql.compiled.fields import NotKnown
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import QuietSchema
from execution_monitor.graphql.execution.event_renderer import EventRenderer, serialise
from execution_monitor.graphql.execution.push import Sink, SubscriptionPump
from execution_monitor.graphql.types.updates import SourceStream
from execution_monitor.graphql.validation.operation import Questions, RequestErrors
from execution_monitor.graphql.validation.preparation import Prepared, prepare
from execution_monitor.graphql.validation.request import GraphQLRequest
from execution_monitor.graphql.validation.trusted_documents import AnyDocument, TrustedDocuments
from execution_monitor.live.service import Live

# What is wrong is not run, but it was read: a page of a list has some 400 characters and costs 20 points.
_CHARACTERS_PER_POINT = 20


class Operations:
    """Runs operations of one schema that cost `max_cost` points at most, and lets `observers` watch each.

    `documents` are those it runs; an answer has `max_response_bytes` at most.
    `refuse_exhausted` raises for those whose documents are not worth reading now.
    """

    def __init__(  # noqa: PLR0913 - what runs, who watches, and what it may cost
        self,
        schema: QuietSchema,
        monitor: Monitor,
        live: Live,
        observers: Observers,
        *,
        max_cost: int,
        max_response_bytes: int,
        documents: TrustedDocuments | AnyDocument,
        refuse_exhausted: Callable[[Caller, Origin], None],
    ) -> None:
        self._schema = schema
        self._monitor = monitor
        self._live = live
        self._observers = observers
        self._questions = Questions(schema, max_cost=max_cost)
        self._max_response_bytes = max_response_bytes
        self._documents = documents
        self._refuse_exhausted = refuse_exhausted
        self._compiler = Compiler(schema)
        self._renderer = EventRenderer(
            schema, self._compiler, lambda caller: self._context(caller, Outcome()), max_response_bytes
        )

    async def prepare(
        self, asked: GraphQLRequest, caller: Caller, origin: Origin, kinds: Collection[Kind] = frozenset(Kind)
    ) -> Prepared:
        """`asked` made ready to run; raises as `prepare` does, and whatever it is refused with."""
        try:
            self._refuse_exhausted(caller, origin)
        except RateLimited:
            # Of the document nothing is known, and it cost nothing; but that somebody asked is.
            async with self._observers.watching(Operation(caller, origin, Kind.UNREADABLE, asked.operation_name, 0)):
                raise
        try:
            asked = self._documents.resolve(asked)
            return prepare(self._questions, asked, caller, origin, kinds)
        except (RequestErrors, BadUserInput) as error:
            cost = 1 + len(asked.query) // _CHARACTERS_PER_POINT
            kind = error.kind if isinstance(error, RequestErrors) else None
            failed = Operation(caller, origin, kind or Kind.UNREADABLE, asked.operation_name, cost)
            async with self._observers.watching(failed):
                raise

    async def answer(self, prepared: Prepared) -> bytes:
        """The payload that answers a query or mutation, as JSON; raises `RequestErrors` when it cannot begin."""
        async with self._observers.watching(prepared.operation) as outcome:
            return await self._answer(prepared, outcome)

    async def begin(self, prepared: Prepared, sink: Sink | None = None) -> AsyncGenerator[bytes]:
        """The payloads that answer `prepared`, as JSON: one for a query, one an event for a subscription.

        Those that `sink` takes are not among them: it is offered what happens while nothing older is on its way. Raises
        `RequestErrors`, and whatever an observer refuses it with, before it returns.
        """
        payloads = self._run(prepared, sink)
        await anext(payloads)
        return payloads

    async def close(self) -> None:
        """Let go of what is being rendered."""
        await self._renderer.close()

    async def _run(self, prepared: Prepared, sink: Sink | None) -> AsyncGenerator[bytes]:
        """The payloads, behind an empty one that says that the operation has begun."""
        if prepared.operation.kind is not Kind.SUBSCRIPTION:
            payload = await self.answer(prepared)
            yield b""
            yield payload
            return
        async with self._observers.watching(prepared.operation) as outcome:
            source = await self._open(prepared, outcome)
            with closing(source.deliveries):
                pump = SubscriptionPump(source.deliveries, self._renderer.of(prepared, source.show), outcome)
                yield b""
                if sink is not None:
                    pump.push_to(sink)
                async for payload in pump.payloads():
                    yield payload

    async def _answer(self, prepared: Prepared, outcome: Outcome) -> bytes:
        context = self._context(prepared.operation.caller, outcome)
        question = prepared.question
        try:
            try:
                result = await self._compiler.answer(question, context)
                outcome.compiled = True
            except (NotKnown, PayloadTooLarge):
                # An error of one field is for graphql-core to place.
                outcome.begin_anew()
                outcome.compiled = False
                result = await _interpret(question.build_executor(), context)
        except Exception as error:
            raise RequestErrors([GraphQLError(str(error), original_error=error)]) from error
        if result.data is None and result.errors and not any(error.path for error in result.errors):
            raise RequestErrors(result.errors)
        operation = prepared.operation
        cost = {"requested": operation.cost, "remaining": operation.allowance.remaining}
        payload, codes = serialise(self._schema, result, {"cost": cost})
        if len(payload) > self._max_response_bytes:
            outcome.begin_anew()
            raise AnswerTooLarge(len(payload), self._max_response_bytes)
        outcome.fail_with(codes)
        outcome.payloads += 1
        return payload

    async def _open(self, prepared: Prepared, outcome: Outcome) -> SourceStream:
        executor = prepared.question.build_executor()
        executor.context_value = self._context(prepared.operation.caller, outcome)
        events: Any = create_source_event_stream(executor)
        if isawaitable(events):
            events = await events
        if isinstance(events, ExecutionResult):
            raise RequestErrors(events.errors or [], Kind.SUBSCRIPTION)
        return events

    def _context(self, caller: Caller, outcome: Outcome) -> Context:
        return Context(caller, self._monitor, self._live, outcome)


async def _interpret(executor: Any, context: Context) -> ExecutionResult:
    executor.context_value = context
    result: Any = execute_root_selection_set(executor)
    return await result if isawaitable(result) else result

"""Where every GraphQL operation runs, by whichever transport it came: watched, and each event serialised once."""

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Collection, Hashable, Mapping, Sequence
from contextlib import aclosing
from inspect import isawaitable
from typing import Any, Protocol

import orjson
from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    VariableNode,
    create_source_event_stream,  # pyright: ignore[reportUnknownVariableType] - its executor is generic
    execute_root_selection_set,  # pyright: ignore[reportUnknownVariableType] - likewise
    execute_subscription_event,  # pyright: ignore[reportUnknownVariableType] - likewise
)

from execution_monitor.access.caller import Caller
from execution_monitor.access.operations import Kind, Observers, Operation, Origin, Outcome
from execution_monitor.graphql.compiled.collect import NotKnown
from execution_monitor.graphql.compiled.compiler import Compiler
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import QuietSchema, to_client_errors
from execution_monitor.graphql.preparation import Prepared, RequestErrors, prepare
from execution_monitor.graphql.requests import GraphQLRequest
from execution_monitor.monitoring.live.deliveries import Delivery
from execution_monitor.monitoring.live.live import Live
from execution_monitor.monitoring.monitor import Monitor

# A payload as JSON, and the codes of the errors in it.
_Payload = tuple[bytes, Sequence[str]]


class _Event(Protocol):
    delivery: Delivery


class Operations:
    """Runs operations of one schema that cost `max_cost` points at most, and lets `observers` watch each."""

    def __init__(
        self, schema: QuietSchema, monitor: Monitor, live: Live, observers: Observers, *, max_cost: int
    ) -> None:
        self._schema = schema
        self._monitor = monitor
        self._live = live
        self._observers = observers
        self._max_cost = max_cost
        self._compiler = Compiler(schema)
        self._rendering: set[asyncio.Task[_Payload]] = set()

    async def prepare(
        self, asked: GraphQLRequest, caller: Caller, origin: Origin, kinds: Collection[Kind] = frozenset(Kind)
    ) -> Prepared:
        """`asked` made ready to run; raises as `prepare` does, and whatever an observer refuses it with."""
        try:
            return prepare(self._schema, asked, caller, origin, kinds, max_cost=self._max_cost)
        except RequestErrors as error:
            failed = Operation(caller, origin, error.kind or Kind.UNREADABLE, asked.operation_name)
            async with self._observers.watching(failed):
                raise

    async def answer(self, prepared: Prepared) -> bytes:
        """The payload that answers a query or mutation, as JSON; raises `RequestErrors` when it cannot begin."""
        async with self._observers.watching(prepared.operation) as outcome:
            return await self._answer(prepared, outcome)

    async def begin(self, prepared: Prepared) -> AsyncGenerator[bytes]:
        """The payloads that answer `prepared`, as JSON: one for a query, one an event for a subscription.

        Raises `RequestErrors`, and whatever an observer refuses it with, before it returns.
        """
        payloads = self._run(prepared)
        await anext(payloads)
        return payloads

    async def close(self) -> None:
        """Let go of what is being rendered."""
        for task in self._rendering:
            task.cancel()
        await asyncio.gather(*self._rendering, return_exceptions=True)

    async def _run(self, prepared: Prepared) -> AsyncGenerator[bytes]:
        """The payloads, behind an empty one that says that the operation has begun."""
        async with self._observers.watching(prepared.operation) as outcome:
            if prepared.operation.kind is not Kind.SUBSCRIPTION:
                payload = await self._answer(prepared, outcome)
                yield b""
                yield payload
                return
            async with aclosing(await self._open(prepared, outcome)) as events:
                yield b""
                async for payload in self._follow(prepared, events, outcome):
                    yield payload

    async def _answer(self, prepared: Prepared, outcome: Outcome) -> bytes:
        context = self._context(prepared.operation.caller, outcome)
        asked = prepared.asked
        try:
            try:
                result = await self._compiler.answer(asked.query, prepared.executor, asked.variables or {}, context)
            except NotKnown:
                result = await _interpret(prepared.executor, context)
        except Exception as error:
            raise RequestErrors([GraphQLError(str(error), original_error=error)]) from error
        if result.data is None and result.errors and not any(error.path for error in result.errors):
            raise RequestErrors(result.errors)
        payload, codes = self._serialise(result)
        outcome.fail_with(codes)
        outcome.payloads += 1
        return payload

    async def _open(self, prepared: Prepared, outcome: Outcome) -> AsyncGenerator[_Event]:
        prepared.executor.context_value = self._context(prepared.operation.caller, outcome)
        events: Any = create_source_event_stream(prepared.executor)
        if isawaitable(events):
            events = await events
        if isinstance(events, ExecutionResult):
            raise RequestErrors(events.errors or [], Kind.SUBSCRIPTION)
        return events

    async def _follow(
        self, prepared: Prepared, events: AsyncGenerator[_Event], outcome: Outcome
    ) -> AsyncGenerator[bytes]:
        asked, caller = prepared.asked, prepared.operation.caller
        variables = _variables_in_answers(prepared.definition, asked.variables)
        key = (asked.query, asked.operation_name, variables, caller.scopes)
        async for event in events:
            payload, codes = await self._render(event, prepared.executor, key, caller)
            outcome.fail_with(codes)
            outcome.deliver(event.delivery.execution_id)
            yield payload

    async def _render(self, event: _Event, executor: Any, key: Hashable, caller: Caller) -> _Payload:
        """The payload for `event`, made by whoever asks first; nobody who leaves takes it from the others."""

        def begin() -> asyncio.Task[_Payload]:
            # Not under the request of whoever asks first: what fails here is told to the others, too.
            task = asyncio.create_task(self._execute(event, executor, caller), context=contextvars.Context())
            self._rendering.add(task)
            task.add_done_callback(self._rendering.discard)
            return task

        return await asyncio.shield(event.delivery.once(key, begin))

    async def _execute(self, event: _Event, executor: Any, caller: Caller) -> _Payload:
        of_event = executor.build_per_event_executor(event)
        # Batches of their own: what one event loaded is out of date with the next. An outcome of its own: the payload
        # is shared, and each who gets it counts it.
        of_event.context_value = self._context(caller, Outcome())
        result: Any = execute_subscription_event(of_event)
        if isawaitable(result):
            result = await result
        return self._serialise(result)

    def _context(self, caller: Caller, outcome: Outcome) -> Context:
        return Context(caller, self._monitor, self._live, outcome)

    def _serialise(self, result: ExecutionResult) -> _Payload:
        payload: dict[str, Any] = {"data": result.data}
        if not result.errors:
            return orjson.dumps(payload), ()
        self._schema.process_errors(result.errors)
        payload["errors"] = errors = to_client_errors(result.errors)
        return orjson.dumps(payload), [error["extensions"]["code"] for error in errors]


async def _interpret(executor: Any, context: Context) -> ExecutionResult:
    executor.context_value = context
    result: Any = execute_root_selection_set(executor)
    return await result if isawaitable(result) else result


def _variables_in_answers(operation: OperationDefinitionNode, variables: Mapping[str, Any] | None) -> bytes:
    """The variables that can tell two answers to one event apart: all but the `after` of the subscription itself."""
    resumed = {
        argument.value.name.value
        for root in operation.selection_set.selections
        if isinstance(root, FieldNode)
        for argument in root.arguments or ()
        if argument.name.value == "after" and isinstance(argument.value, VariableNode)
    }
    kept = {name: value for name, value in (variables or {}).items() if name not in resumed}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)

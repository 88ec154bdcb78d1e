"""Operations as streams of payloads: each event is executed and serialised once for all whose answer is the same."""

import asyncio
from collections.abc import AsyncGenerator, Hashable, Mapping
from contextlib import aclosing
from inspect import isawaitable
from typing import Any, Protocol, cast

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    create_source_event_stream,  # pyright: ignore[reportUnknownVariableType] - its executor is generic
    execute_subscription_event,  # pyright: ignore[reportUnknownVariableType] - likewise
    get_operation_ast,
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from execution_monitor.access.caller import Caller
from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import QuietSchema, to_client_errors
from execution_monitor.graphql.requests import GraphQLRequest
from execution_monitor.monitoring.live.deliveries import Delivery
from execution_monitor.monitoring.live.live import Live
from execution_monitor.monitoring.monitor import Monitor

# graphql-core leaves its generics open.
_EXECUTOR: Any = StrawberryGraphQLCoreExecutionContext


class _Event(Protocol):
    delivery: Delivery


class Operations:
    """Runs operations of one schema for the transports that stream."""

    def __init__(self, schema: QuietSchema, monitor: Monitor, live: Live) -> None:
        self._schema = schema
        self._monitor = monitor
        self._live = live
        self._rendering: set[asyncio.Task[bytes]] = set()

    async def run(self, asked: GraphQLRequest, caller: Caller) -> AsyncGenerator[bytes]:
        """The payloads that answer `asked`, as JSON: one for a query, one an event for a subscription.

        Raises `RequestErrors` when the operation cannot begin.
        """
        document = self._prepare(asked.query)
        if not isinstance(document, DocumentNode):
            raise RequestErrors(document)
        operation = get_operation_ast(document, asked.operation_name)
        if operation is None:
            raise BadUserInput("operationName must name one of the operations sent.")
        if operation.operation is OperationType.SUBSCRIPTION:
            async with aclosing(self._subscribe(document, operation, asked, caller)) as payloads:
                async for payload in payloads:
                    yield payload
        else:
            yield await self._answer(asked, caller)

    async def close(self) -> None:
        """Let go of what is being rendered."""
        for task in self._rendering:
            task.cancel()
        await asyncio.gather(*self._rendering, return_exceptions=True)

    async def _answer(self, asked: GraphQLRequest, caller: Caller) -> bytes:
        context = self._context(caller)
        result = await self._schema.execute(asked.query, asked.variables, context, None, asked.operation_name)
        if result.data is None and result.errors and not any(error.path for error in result.errors):
            raise RequestErrors(result.errors)
        return _serialise(result.data, result.errors)

    async def _subscribe(
        self, document: DocumentNode, operation: OperationDefinitionNode, asked: GraphQLRequest, caller: Caller
    ) -> AsyncGenerator[bytes]:
        executor: Any = _EXECUTOR.build(
            self._schema._schema,  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - Strawberry has no public way
            document,
            context_value=self._context(caller),
            raw_variable_values=asked.variables,
            operation_name=asked.operation_name,
        )
        if isinstance(executor, list):
            raise RequestErrors(cast("list[GraphQLError]", executor))
        events: Any = create_source_event_stream(executor)
        if isawaitable(events):
            events = await events
        if isinstance(events, ExecutionResult):
            raise RequestErrors(events.errors or [])
        key = (asked.query, asked.operation_name, _variables_in_answers(operation, asked.variables), caller.scopes)
        async with aclosing(events):
            async for event in events:
                yield await self._render(cast("_Event", event), executor, key, caller)

    async def _render(self, event: _Event, executor: Any, key: Hashable, caller: Caller) -> bytes:
        """The payload for `event`, made by whoever asks first; nobody who leaves takes it from the others."""

        def begin() -> asyncio.Task[bytes]:
            task = asyncio.create_task(self._execute(event, executor, caller))
            self._rendering.add(task)
            task.add_done_callback(self._rendering.discard)
            return task

        return await asyncio.shield(event.delivery.once(key, begin))

    async def _execute(self, event: _Event, executor: Any, caller: Caller) -> bytes:
        of_event = executor.build_per_event_executor(event)
        # Batches of their own: what one event loaded is out of date with the next.
        of_event.context_value = self._context(caller)
        result: Any = execute_subscription_event(of_event)
        if isawaitable(result):
            result = await result
        return _serialise(result.data, result.errors)

    def _context(self, caller: Caller) -> Context:
        return Context(caller, self._monitor, self._live)

    def _prepare(self, query: str) -> "DocumentNode | list[GraphQLError]":
        try:
            document = self._schema.documents.read(query, self._schema)
        except GraphQLError as error:
            return [error]
        errors = list(document.errors)
        self._schema.process_errors(errors)
        return errors or document.node


class RequestErrors(Exception):
    """Why an operation could not begin."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors


def _serialise(data: Any, errors: list[GraphQLError] | None) -> bytes:
    payload: dict[str, Any] = {"data": data}
    if errors:
        payload["errors"] = to_client_errors(errors)
    return orjson.dumps(payload)


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

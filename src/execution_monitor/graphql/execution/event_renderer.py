"""The event renderer: each event becomes a payload once for all subscribers with the same request and scopes."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, NamedTuple, Protocol, cast
from weakref import WeakValueDictionary

import orjson
from graphql import (
    ExecutionResult,
    FieldNode,
    GraphQLError,
    OperationDefinitionNode,
    VariableNode,
    execute_subscription_event,  # pyright: ignore[reportUnknownVariableType] - its executor is generic
)

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import ResponseTooLarge
from execution_monitor.graphql.compiled.compiler import Compiler
from execution_monitor.graphql.compiled.events import EmitEvent
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import ClientSafeSchema, to_client_errors
from execution_monitor.graphql.validation.operation import ExecutableOperation
from execution_monitor.live.events import Block, Delivery, RenderCache

MakeContext = Callable[[Caller], Context]
# From a delivery to the object that graphql-core resolves fields of.
Show = Callable[[Delivery], object]


class Payload(NamedTuple):
    """A payload as JSON, the codes of the errors in it, and which executions it shows beside that of the event."""

    content: bytes
    codes: Sequence[str] = ()
    other_ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Payloads:
    """The payloads of a block of deliveries, shared by all subscribers with the same request and scopes."""

    payloads: Sequence[bytes]
    execution_ids: Sequence[str]  # those of the events, and others that the payloads show
    codes: Sequence[str]
    # What a transport makes of them once for all of its clients, under a key of its own.
    shared: RenderCache = field(default_factory=RenderCache)


def serialise(
    schema: ClientSafeSchema, result: ExecutionResult, extensions: Mapping[str, Any] | None = None
) -> Payload:
    """`result` as JSON, with its errors as clients may see them."""
    payload: dict[str, Any] = {"data": result.data}
    codes: Sequence[str] = ()
    if result.errors:
        schema.process_errors(result.errors)
        payload["errors"] = errors = to_client_errors(result.errors)
        codes = [error["extensions"]["code"] for error in errors]
    if extensions is not None:
        payload["extensions"] = extensions
    return Payload(orjson.dumps(payload), codes)


class Rendering(Protocol):
    """How one subscription renders."""

    def one(self, delivery: Delivery) -> Payload | asyncio.Task[Payload]:
        """The payload of `delivery`, or the task of all that wait for it, which none of them may cancel."""
        ...

    def block(self, block: Block) -> Payloads | None:
        """The payloads of `block`; None if some of them need a task."""
        ...


class _RenderKey:
    """What renderings are kept under: one for each request and scopes, as long as a subscription has it."""


class EventRenderer:
    """Renders events of one schema, at most `max_bytes` each; `make_context` makes the context of each event."""

    def __init__(self, schema: ClientSafeSchema, compiler: Compiler, make_context: MakeContext, max_bytes: int) -> None:
        self._schema = schema
        self._compiler = compiler
        self._max_bytes = max_bytes
        self._make_context = make_context
        self._rendering: set[asyncio.Task[Payload]] = set()
        self._keys: WeakValueDictionary[Hashable, _RenderKey] = WeakValueDictionary()

    def of(self, executable: ExecutableOperation, show: Show) -> Rendering:
        """How to render deliveries for the subscription `executable`: at once, unless something must be read for it."""
        validated, caller = executable.validated, executable.operation.caller
        request = validated.request
        variables = _variables_in_payloads(validated.definition, request.variables)
        sharing = (request.query, request.operation_name, variables, caller.scopes)
        key = self._keys.get(sharing)
        if key is None:
            key = self._keys[sharing] = _RenderKey()
        return _Rendering(self, validated.executor, self._compiler.compile_event(validated, caller), caller, show, key)

    async def close(self) -> None:
        """Cancel what is being rendered."""
        for task in self._rendering:
            task.cancel()
        await asyncio.gather(*self._rendering, return_exceptions=True)

    def emit(self, delivery: Delivery, emit: EmitEvent) -> Payload | None:
        """The payload of a compiled event; None if it is too large, or graphql-core must handle a value."""
        try:
            payload = orjson.dumps({"data": emit(delivery)})
        except Exception:  # noqa: BLE001 - graphql-core meets it again, and reports it
            return None
        return Payload(payload) if len(payload) <= self._max_bytes else None

    def execute(self, delivery: Delivery, executor: Any, caller: Caller, show: Show) -> Payload | asyncio.Task[Payload]:
        """The payload of an event that graphql-core executes, or the task that makes it."""
        # Not in the context of the first subscriber's request: the others share what comes of it, errors included.
        shared = contextvars.Context()
        # New data loaders, since what one event loaded is out of date with the next. A new outcome, since the payload
        # is shared, and each subscriber counts it.
        context = self._make_context(caller)
        result = shared.run(self._begin, show(delivery), executor, context)
        if not isawaitable(result):
            return self._serialise(result, delivery, context)
        task = asyncio.create_task(self._finish(result, delivery, context), context=shared)
        self._rendering.add(task)
        task.add_done_callback(self._rendering.discard)
        return task

    def _begin(self, event: object, executor: Any, context: Context) -> ExecutionResult | Awaitable[ExecutionResult]:
        of_event = executor.build_per_event_executor(event)
        of_event.context_value = context
        return cast("Any", execute_subscription_event(of_event))

    async def _finish(self, result: Awaitable[ExecutionResult], delivery: Delivery, context: Context) -> Payload:
        return self._serialise(await result, delivery, context)

    def _serialise(self, result: ExecutionResult, delivery: Delivery, context: Context) -> Payload:
        payload = serialise(self._schema, result)
        size = len(payload.content)
        if size <= self._max_bytes:
            shown = context.outcome.execution_ids
            return payload._replace(other_ids=tuple(each for each in shown if each != delivery.execution_id))
        # In place of the event: the client learns that there was one, and the next may be smaller.
        problem = ResponseTooLarge(size, self._max_bytes)
        errors = [GraphQLError(problem.message, original_error=problem)]
        return serialise(self._schema, ExecutionResult(None, errors))


@dataclass(frozen=True, slots=True)
class _Rendering:
    """Renders by `compiled`, or by `executor` if there is none, and keeps what comes of it under `key`.

    Every subscriber comes by here with every event, and nearly all find what was rendered for another. A look-up is
    faster than `once`, which the first one calls.
    """

    renderer: EventRenderer
    executor: Any
    compiled: EmitEvent | None
    caller: Caller
    show: Show
    key: _RenderKey

    def one(self, delivery: Delivery) -> Payload | asyncio.Task[Payload]:
        rendered: Payload | asyncio.Task[Payload]
        try:
            rendered = delivery.rendered[self.key]
        except KeyError:
            rendered = delivery.rendered.once(self.key, self._render, delivery)
        return rendered.result() if isinstance(rendered, asyncio.Task) and rendered.done() else rendered

    def block(self, block: Block) -> Payloads | None:
        try:
            return block.rendered[self.key]
        except KeyError:
            return block.rendered.once(self.key, self._render_block, block)

    def _render(self, delivery: Delivery) -> Payload | asyncio.Task[Payload]:
        payload = None if self.compiled is None else self.renderer.emit(delivery, self.compiled)
        return payload or self.renderer.execute(delivery, self.executor, self.caller, self.show)

    def _render_block(self, block: Block) -> Payloads | None:
        rendered = [self.one(delivery) for delivery in block.deliveries]
        payloads = [each for each in rendered if isinstance(each, tuple)]
        if len(payloads) < len(rendered):
            return None
        of_events = [each.execution_id for each in block.deliveries if each.execution_id is not None]
        return Payloads(
            [each.content for each in payloads],
            [*of_events, *(other for each in payloads for other in each.other_ids)],
            [code for each in payloads for code in each.codes],
        )


def _variables_in_payloads(operation: OperationDefinitionNode, variables: Mapping[str, Any] | None) -> Hashable:
    """The variables that payloads may depend on: all but that of the subscription's own `after`."""
    resumed = {
        argument.value.name.value
        for root in operation.selection_set.selections
        if isinstance(root, FieldNode)
        for argument in root.arguments or ()
        if argument.name.value == "after" and isinstance(argument.value, VariableNode)
    }
    kept = {name: value for name, value in (variables or {}).items() if name not in resumed}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)

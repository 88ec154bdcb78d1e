"""Events as payloads: each is executed and serialised once for everybody who asks the same with the same rights."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from inspect import isawaitable
from typing import Any, cast
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
from execution_monitor.errors import AnswerTooLarge
from execution_monitor.graphql.compiled.compiler import Compiler
from execution_monitor.graphql.compiled.events import EmitEvent
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import QuietSchema, to_client_errors
from execution_monitor.graphql.types.updates import event_of
from execution_monitor.graphql.validation.preparation import Prepared
from execution_monitor.live.events import Block, Delivery

# A payload as JSON, and the codes of the errors in it.
Payload = tuple[bytes, Sequence[str]]
Render = Callable[[Delivery], Payload | asyncio.Task[Payload]]


@dataclass(frozen=True, slots=True)
class Payloads:
    """What a block of deliveries was rendered to, for all who subscribe alike."""

    payloads: Sequence[bytes]
    execution_ids: Sequence[str]
    codes: Sequence[str]
    # What transports make of it once for all of their clients, by keys of their own.
    made: dict[Hashable, Any] = field(default_factory=dict[Hashable, Any])


MakeContext = Callable[[Caller], Context]


def serialise(schema: QuietSchema, result: ExecutionResult, extensions: Mapping[str, Any] | None = None) -> Payload:
    """`result` as JSON, its errors as clients are shown them."""
    payload: dict[str, Any] = {"data": result.data}
    codes: Sequence[str] = ()
    if result.errors:
        schema.process_errors(result.errors)
        payload["errors"] = errors = to_client_errors(result.errors)
        codes = [error["extensions"]["code"] for error in errors]
    if extensions is not None:
        payload["extensions"] = extensions
    return orjson.dumps(payload), codes


@dataclass(frozen=True, slots=True)
class Rendering:
    """How one subscription renders: `one` delivery, or `all` of a block, of which None says that some need a task."""

    one: Render
    all: Callable[[Block], Payloads | None]


class _Alike:
    """Those to whom one event is answered alike: they ask the same with the same rights. Lives as long as one does."""


class EventRenderer:
    """Renders events of one schema, in `max_bytes` each at most; `make_context` gives each its context."""

    def __init__(self, schema: QuietSchema, compiler: Compiler, make_context: MakeContext, max_bytes: int) -> None:
        self._schema = schema
        self._compiler = compiler
        self._max_bytes = max_bytes
        self._make_context = make_context
        self._rendering: set[asyncio.Task[Payload]] = set()
        self._alike: WeakValueDictionary[Hashable, _Alike] = WeakValueDictionary()

    def of(self, prepared: Prepared) -> "Rendering":
        """What renders deliveries for the subscription `prepared`: at once, unless something must be read for it.

        A task is everybody's who waits for it: none of them may cancel it.
        """
        question, caller = prepared.question, prepared.operation.caller
        asked = question.asked
        variables = _variables_in_answers(question.definition, asked.variables)
        what = (asked.query, asked.operation_name, variables, caller.scopes)
        alike = self._alike.get(what)
        if alike is None:
            alike = self._alike[what] = _Alike()
        arguments = (question.executor, self._compiler.event(question, caller), caller, alike)
        return Rendering(partial(self._render, *arguments), partial(self._render_all, *arguments))

    def _render(
        self, executor: Any, emit: EmitEvent | None, caller: Caller, alike: "_Alike", delivery: Delivery
    ) -> Payload | asyncio.Task[Payload]:
        # Every subscriber comes by here with every event; nearly all find what was made for another.
        made: Payload | asyncio.Task[Payload] | None = delivery.made.get(alike)
        if made is None:
            made = None if emit is None else self._emit(delivery, emit)
            made = delivery.made[alike] = made or self._execute(delivery, executor, caller)
        return made.result() if isinstance(made, asyncio.Task) and made.done() else made

    def _render_all(
        self, executor: Any, emit: EmitEvent | None, caller: Caller, alike: "_Alike", block: Block
    ) -> Payloads | None:
        if alike not in block.made:
            block.made[alike] = self._put_together(block, partial(self._render, executor, emit, caller, alike))
        return block.made[alike]

    def _put_together(self, block: Block, render: Render) -> Payloads | None:
        rendered = [render(delivery) for delivery in block.deliveries]
        payloads = [each for each in rendered if isinstance(each, tuple)]
        if len(payloads) < len(rendered):
            return None
        return Payloads(
            [payload for payload, _ in payloads],
            [each.execution_id for each in block.deliveries if each.execution_id is not None],
            [code for _, codes in payloads for code in codes],
        )

    async def close(self) -> None:
        """Let go of what is being rendered."""
        for task in self._rendering:
            task.cancel()
        await asyncio.gather(*self._rendering, return_exceptions=True)

    def _emit(self, delivery: Delivery, emit: EmitEvent) -> Payload | None:
        """What a compiled event comes to; None where graphql-core must say what becomes of a value, or is too large."""
        try:
            payload = orjson.dumps({"data": emit(delivery)})
        except Exception:  # noqa: BLE001 - graphql-core meets it again, and tells of it
            return None
        return (payload, ()) if len(payload) <= self._max_bytes else None

    def _execute(self, delivery: Delivery, executor: Any, caller: Caller) -> Payload | asyncio.Task[Payload]:
        # Not under the request of whoever asks first: what fails here is told to the others, too.
        nobodys = contextvars.Context()
        result = nobodys.run(self._begin, delivery, executor, caller)
        if not isawaitable(result):
            return self._serialise(result)
        task = asyncio.create_task(self._finish(result), context=nobodys)
        self._rendering.add(task)
        task.add_done_callback(self._rendering.discard)
        return task

    def _begin(self, delivery: Delivery, executor: Any, caller: Caller) -> ExecutionResult | Awaitable[ExecutionResult]:
        of_event = executor.build_per_event_executor(event_of(delivery))
        # Batches of their own: what one event loaded is out of date with the next. An outcome of its own: the payload
        # is shared, and each who gets it counts it.
        of_event.context_value = self._make_context(caller)
        return cast("Any", execute_subscription_event(of_event))

    async def _finish(self, result: Awaitable[ExecutionResult]) -> Payload:
        return self._serialise(await result)

    def _serialise(self, result: ExecutionResult) -> Payload:
        made = serialise(self._schema, result)
        size = len(made[0])
        if size <= self._max_bytes:
            return made
        # Instead of the event: whoever follows learns that there was one, and the next may be smaller.
        problem = AnswerTooLarge(size, self._max_bytes)
        errors = [GraphQLError(problem.message, original_error=problem)]
        return serialise(self._schema, ExecutionResult(None, errors))


def _variables_in_answers(operation: OperationDefinitionNode, variables: Mapping[str, Any] | None) -> Hashable:
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

"""The compiler: operations compiled once, the recent ones remembered."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import orjson
from graphql import (
    DirectiveNode,
    ExecutionResult,
    OperationType,
    VariableNode,
    Visitor,
    visit,
)
from strawberry import Schema

from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.graphql.compiled.arguments import Arguments
from execution_monitor.graphql.compiled.collect import Collector, NotKnown
from execution_monitor.graphql.compiled.operation import CompiledOperation
from execution_monitor.graphql.compiled.roots import Ask, plan_root
from execution_monitor.graphql.context import Context

# As many as documents are remembered, and a few selections of each.
REMEMBERED_OPERATIONS = 512
# A dashboard asks with the same variables again and again; a cursor is used once or twice.
REMEMBERED_VARIABLES = 64
LONGEST_VARIABLES = 2_000

Kept = TypeVar("Kept")


class Recent(Generic[Kept]):
    """The `size` values that were used last."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()

    def get(self, key: Hashable) -> Kept | None:
        """The value under `key`, which is then the most recent one."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Hashable, value: Kept) -> None:
        """Keep `value`, and let go of what was not used for longest."""
        self._kept[key] = value
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Compiled:
    operation: CompiledOperation
    asks: Recent[tuple[Ask, ...]] = field(default_factory=lambda: Recent(REMEMBERED_VARIABLES))


class Compiler:
    """Answers operations of one schema from compiled plans."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._selecting: Recent[tuple[str, ...]] = Recent(REMEMBERED_OPERATIONS)
        self._compiled: Recent[_Compiled | str] = Recent(REMEMBERED_OPERATIONS)

    async def answer(self, text: str, executor: Any, variables: Mapping[str, Any], context: Context) -> ExecutionResult:
        """The answer to a valid query; raises `NotKnown` where graphql-core must give it.

        `executor` is graphql-core's for the operation in `text`, with its variables coerced from `variables`.
        """
        if executor.operation.operation is not OperationType.QUERY:
            raise NotKnown(executor.operation.operation.value)
        compiled = self._compile(text, executor, variables)
        if not compiled.operation.scopes <= context.caller.scopes:
            raise NotKnown("scopes")
        try:
            asks = self._prepare(compiled, executor, variables)
        except ExecutionMonitorError as error:
            return compiled.operation.refuse(error)
        return await compiled.operation.run(asks, context)

    def _compile(self, text: str, executor: Any, variables: Mapping[str, Any]) -> _Compiled:
        name = executor.operation.name
        selecting = self._selecting.get(text)
        if selecting is None:
            selecting = _variables_of_directives(executor)
            self._selecting.put(text, selecting)
        key = (text, name and name.value, tuple(variables.get(each) for each in selecting))
        found = self._compiled.get(key)
        if found is None:
            found = self._plan(executor)
            self._compiled.put(key, found)
        if isinstance(found, str):
            raise NotKnown(found)
        return found

    def _plan(self, executor: Any) -> _Compiled | str:
        collector = Collector(executor.schema, executor.fragments, executor.operation, executor.variable_values)
        try:
            roots = [plan_root(each) for each in collector.roots(executor.schema.query_type)]
        except NotKnown as unknown:
            return str(unknown) or "unknown"
        return _Compiled(CompiledOperation(tuple(roots), frozenset(collector.scopes)))

    def _prepare(self, compiled: _Compiled, executor: Any, variables: Mapping[str, Any]) -> tuple[Ask, ...]:
        key = orjson.dumps(variables)
        asks = compiled.asks.get(key)
        if asks is None:
            asks = compiled.operation.prepare(Arguments(self._schema, executor.variable_values))
            if len(key) <= LONGEST_VARIABLES:
                compiled.asks.put(key, asks)
        return asks


class _Conditions(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        """Called by the visit."""
        self.names.update(
            argument.value.name.value for argument in node.arguments or () if isinstance(argument.value, VariableNode)
        )


def _variables_of_directives(executor: Any) -> tuple[str, ...]:
    """The variables that decide what is selected."""
    conditions = _Conditions()
    for each in (executor.operation, *executor.fragment_definitions.values()):
        visit(each, conditions)
    return tuple(sorted(conditions.names))

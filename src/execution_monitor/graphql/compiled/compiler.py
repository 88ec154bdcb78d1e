"""The compiler: operations compiled once, the recent ones remembered."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from graphql import DirectiveNode, ExecutionResult, VariableNode, Visitor, visit
from strawberry import Schema

from execution_monitor.asgi.operations import Kind
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.graphql.compiled.arguments import Arguments
from execution_monitor.graphql.compiled.events import CompiledEvent, EmitEvent, compile_event
from execution_monitor.graphql.compiled.execution_plan import ExecutionPlan
from execution_monitor.graphql.compiled.fields import Collector, NotCompilable
from execution_monitor.graphql.compiled.root_fields import Ask, plan_root_field
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.validation.operation import ValidatedOperation
from execution_monitor.lru_cache import Recent

# As many as documents are remembered, and a few selections of each.
REMEMBERED_OPERATIONS = 512


@dataclass(frozen=True, slots=True)
class _Plan:
    """What answers a question; instead of `asks`, why its arguments are refused."""

    operation: ExecutionPlan
    asks: tuple[Ask, ...] | ExecutionMonitorError


class Compiler:
    """Answers questions to one schema from compiled plans."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._selecting: Recent[tuple[str, ...]] = Recent(REMEMBERED_OPERATIONS)
        self._compiled: Recent[ExecutionPlan | str] = Recent(REMEMBERED_OPERATIONS)
        self._events: Recent[CompiledEvent | str] = Recent(REMEMBERED_OPERATIONS)
        # A plan lives as long as its question; text says what is not compiled.
        self._plans: WeakKeyDictionary[ValidatedOperation, _Plan | str] = WeakKeyDictionary()

    async def execute(self, question: ValidatedOperation, context: Context) -> ExecutionResult:
        """The answer to a query; raises `NotCompilable` where graphql-core must give it."""
        plan = self._plans.get(question)
        if plan is None:
            plan = self._plans[question] = self._plan(question)
        if isinstance(plan, str):
            raise NotCompilable(plan)
        operation, asks = plan.operation, plan.asks
        if not operation.scopes <= context.caller.scopes:
            raise NotCompilable("scopes")
        if isinstance(asks, ExecutionMonitorError):
            return operation.refuse(asks)
        return await operation.run(asks, context)

    def compile_event(self, question: ValidatedOperation, caller: Caller) -> EmitEvent | None:
        """What answers an event of a subscription; None where graphql-core must."""
        key = self._key_of(question)
        found = self._events.get(key)
        if found is None:
            try:
                found = compile_event(question.executor)
            except NotCompilable as unknown:
                found = str(unknown) or "unknown"
            self._events.put(key, found)
        return None if isinstance(found, str) or not found.scopes <= caller.scopes else found.emit

    def _plan(self, question: ValidatedOperation) -> _Plan | str:
        if question.kind is not Kind.QUERY:
            return question.kind.value
        try:
            operation = self._compile(question)
            try:
                return _Plan(operation, operation.prepare(Arguments(self._schema, question.executor.variable_values)))
            except ExecutionMonitorError as error:
                return _Plan(operation, error)
        except NotCompilable as unknown:
            return str(unknown) or "unknown"

    def _key_of(self, question: ValidatedOperation) -> Hashable:
        """What two questions have in common that are compiled alike."""
        text, variables = question.request.query, question.request.variables or {}
        selecting = self._selecting.get(text)
        if selecting is None:
            selecting = _variables_of_directives(question.executor)
            self._selecting.put(text, selecting)
        name = question.definition.name
        return (text, name and name.value, tuple(variables.get(each) for each in selecting))

    def _compile(self, question: ValidatedOperation) -> ExecutionPlan:
        key = self._key_of(question)
        found = self._compiled.get(key)
        if found is None:
            found = _compile(question.executor)
            self._compiled.put(key, found)
        if isinstance(found, str):
            raise NotCompilable(found)
        return found


def _compile(executor: Any) -> ExecutionPlan | str:
    collector = Collector(executor.schema, executor.fragments, executor.operation, executor.variable_values)
    try:
        roots = [plan_root_field(each) for each in collector.roots(executor.schema.query_type)]
    except NotCompilable as unknown:
        return str(unknown) or "unknown"
    return ExecutionPlan(tuple(roots), frozenset(collector.scopes))


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

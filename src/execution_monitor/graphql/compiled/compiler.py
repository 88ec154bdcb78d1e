"""The compiler: makes execution plans of validated operations, and remembers the recent ones."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from graphql import DirectiveNode, ExecutionResult, VariableNode, Visitor, visit
from strawberry import Schema

from execution_monitor.asgi.operations import OperationKind
from execution_monitor.auth.caller import Caller
from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.graphql.compiled.events import CompiledEvent, EmitEvent, compile_event
from execution_monitor.graphql.compiled.execution_plan import ExecutionPlan
from execution_monitor.graphql.compiled.fields import Arguments, Collector, NotCompilable
from execution_monitor.graphql.compiled.root_fields import RootResolver, plan_root_field
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.validation.operation import ValidatedOperation
from execution_monitor.lru_cache import LruCache

# Two for each remembered document: conditions may select differently from the same one.
REMEMBERED_PLANS = 512


@dataclass(frozen=True, slots=True)
class _BoundPlan:
    """A plan with the arguments of one validated operation; an error instead of resolvers where they are refused."""

    plan: ExecutionPlan
    resolvers: tuple[RootResolver, ...] | ExecutionMonitorError


class Compiler:
    """Compiles operations of one schema, and runs them."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._selecting: LruCache[tuple[str, ...]] = LruCache(REMEMBERED_PLANS)
        self._plans: LruCache[ExecutionPlan | str] = LruCache(REMEMBERED_PLANS)
        self._events: LruCache[CompiledEvent | str] = LruCache(REMEMBERED_PLANS)
        # A bound plan lives as long as its operation; a text is why it cannot be compiled.
        self._bound: WeakKeyDictionary[ValidatedOperation, _BoundPlan | str] = WeakKeyDictionary()

    async def execute(self, validated: ValidatedOperation, context: Context) -> ExecutionResult:
        """Run a query for the caller of `context`.

        Raises:
            NotCompilable: graphql-core has to run it.
        """
        bound = self._bound.get(validated)
        if bound is None:
            bound = self._bound[validated] = self._bind(validated)
        if isinstance(bound, str):
            raise NotCompilable(bound)
        plan, resolvers = bound.plan, bound.resolvers
        if not plan.scopes <= context.caller.scopes:
            raise NotCompilable("scopes")
        if isinstance(resolvers, ExecutionMonitorError):
            return plan.fail(resolvers)
        return await plan.run(resolvers, context)

    def compile_event(self, validated: ValidatedOperation, caller: Caller) -> EmitEvent | None:
        """The function that makes JSON of an event of a subscription; None where graphql-core has to render events."""
        key = self._key_of(validated)
        found = self._events.get(key)
        if found is None:
            try:
                found = compile_event(validated.executor)
            except NotCompilable as error:
                found = str(error) or "unknown"
            self._events.put(key, found)
        return None if isinstance(found, str) or not found.scopes <= caller.scopes else found.emit

    def _bind(self, validated: ValidatedOperation) -> _BoundPlan | str:
        if validated.kind is not OperationKind.QUERY:
            return validated.kind.value
        try:
            plan = self._compile(validated)
            try:
                return _BoundPlan(plan, plan.bind(Arguments(self._schema, validated.executor.variable_values)))
            except ExecutionMonitorError as error:
                return _BoundPlan(plan, error)
        except NotCompilable as error:
            return str(error) or "unknown"

    def _key_of(self, validated: ValidatedOperation) -> Hashable:
        """A key that operations share which select the same of the same document."""
        text, variables = validated.request.query, validated.request.variables or {}
        selecting = self._selecting.get(text)
        if selecting is None:
            selecting = _variables_of_directives(validated.executor)
            self._selecting.put(text, selecting)
        name = validated.definition.name
        return (text, name and name.value, tuple(variables.get(each) for each in selecting))

    def _compile(self, validated: ValidatedOperation) -> ExecutionPlan:
        key = self._key_of(validated)
        found = self._plans.get(key)
        if found is None:
            found = _compile(validated.executor)
            self._plans.put(key, found)
        if isinstance(found, str):
            raise NotCompilable(found)
        return found


def _compile(executor: Any) -> ExecutionPlan | str:
    collector = Collector(executor.schema, executor.fragments, executor.operation, executor.variable_values)
    try:
        roots = [plan_root_field(each) for each in collector.roots(executor.schema.query_type)]
    except NotCompilable as error:
        return str(error) or "unknown"
    return ExecutionPlan(tuple(roots), frozenset(collector.scopes))


class _Conditions(Visitor):
    """Finds the variables that the arguments of directives are."""

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

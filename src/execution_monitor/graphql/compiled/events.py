"""Events of subscriptions, compiled: from a delivery to JSON, in a tenth of the 130 us that graphql-core takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from graphql import GraphQLNonNull, GraphQLObjectType, GraphQLUnionType

from execution_monitor.auth.caller import Scope
from execution_monitor.graphql.compiled.fields import Collector, Field, NotCompilable
from execution_monitor.graphql.compiled.plans import plan_row
from execution_monitor.graphql.compiled.serialisers import compose, constant, emit_object, emit_value
from execution_monitor.graphql.types.connection import names_of
from execution_monitor.graphql.types.execution import Execution
from execution_monitor.graphql.types.updates import ExecutionUpdate, LogAppended, StepUpdate, event_type_of
from execution_monitor.live.events import Delivery

# From a delivery to JSON.
EmitEvent = Callable[[Delivery], Any]

_EVENT_TYPES: Mapping[str, type] = {each.__name__: each for each in (ExecutionUpdate, StepUpdate, LogAppended)}


@dataclass(frozen=True, slots=True)
class CompiledEvent:
    """How one event of a subscription becomes JSON, for callers with all of `scopes`."""

    emit: EmitEvent
    scopes: frozenset[Scope]


def compile_event(executor: Any) -> CompiledEvent:
    """Compile the subscription of `executor`.

    Raises:
        NotCompilable: graphql-core has to render its events.
    """
    collector = Collector(executor.schema, executor.fragments, executor.operation, executor.variable_values)
    (root,) = collector.roots(executor.schema.subscription_type)
    emit = _plan_root(root)
    return CompiledEvent(lambda delivery: {root.key: emit(delivery)}, frozenset(collector.scopes))


def _plan_root(root: Field) -> EmitEvent:
    return_type = root.type.of_type
    if isinstance(return_type, GraphQLObjectType):
        return _plan_event(root, return_type)
    if not isinstance(return_type, GraphQLUnionType):
        raise NotCompilable(str(return_type))
    emits = {_EVENT_TYPES[each.name]: _plan_event(root, each) for each in return_type.types}
    return lambda delivery: emits[event_type_of(delivery)](delivery)


def _plan_event(root: Field, return_type: GraphQLObjectType) -> EmitEvent:
    return emit_object([(each.key, _plan_field(each)) for each in root.below(return_type)])


def _plan_field(field: Field) -> EmitEvent:
    match field.name:
        case "__typename":
            return constant(field.parent.name)
        case "kind":
            names = {each.value.value: name for name, each in field.type.of_type.values.items()}
            return lambda delivery: names[delivery.kind]
        case "occurredAt":
            return compose(attrgetter("occurred_at"), emit_value(field))
        case "execution" | "step" | "entry":
            return _plan_row(field)
        case name if name in _PLAIN:
            return _PLAIN[name]
        case _:
            raise NotCompilable(field.name)


_PLAIN: Mapping[str, EmitEvent] = {
    "cursor": lambda delivery: delivery.cursor,
    "executionId": lambda delivery: delivery.execution_id,
    "changedFields": lambda delivery: names_of(Execution, delivery.changed or frozenset()),
}


def _plan_row(field: Field) -> EmitEvent:
    plan = plan_row(field)
    if plan.is_joined:
        # Steps, log lines and recoveries of an event's execution are read for each event.
        raise NotCompilable("joined")
    emit = plan.emit
    if isinstance(field.type, GraphQLNonNull):
        return lambda delivery: emit(delivery.row or {})
    return lambda delivery: None if delivery.row is None else emit(delivery.row)

"""Values as the response shows them: for each type of the schema a function that completes a value.

A value that does not keep the promise of its type raises `Unexpected`: what becomes of it, and of the nulls around it,
is graphql-core's to say (GraphQL, section 6.4.3).
"""

import inspect
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLString,
)

from execution_monitor.graphql.compiled.codegen import Emit, Value, compile_row
from execution_monitor.graphql.compiled.fields import Field, NotCompilable
from execution_monitor.graphql.types.connection import SHOWS
from execution_monitor.graphql.types.scalars import format_datetime
from execution_monitor.storage.fields import Attribute, Kept
from execution_monitor.storage.records import (
    ErrorRecord,
    ExecutionRecord,
    LogRecord,
    ProgressRecord,
    Record,
    StepRecord,
    TagRecord,
)

# GraphQL's Int has 32 bits (specification, section 3.5.1).
_INT_LIMIT = 2**31

_RECORDS: Mapping[str, type[Record]] = {
    "Execution": ExecutionRecord,
    "ExecutionStep": StepRecord,
    "ExecutionLogEntry": LogRecord,
    "ExecutionError": ErrorRecord,
    "ExecutionProgress": ProgressRecord,
    "Tag": TagRecord,
}
# The types that show a stored value as it is.
_UNCHANGED: Mapping[Kept, frozenset[str]] = {
    Kept.TEXT: frozenset({GraphQLString.name, GraphQLID.name}),
    Kept.WORDS: frozenset({GraphQLString.name, GraphQLID.name}),
    Kept.INTEGER: frozenset({GraphQLInt.name}),
    Kept.NUMBER: frozenset({GraphQLFloat.name}),
    Kept.MOMENT: frozenset({"DateTime"}),
}


class Unexpected(Exception):
    """A value that its type does not allow."""


def emit_value(field: Field) -> Emit:
    """The function from a value of `field` to JSON, as its type demands."""
    return _emit(field.type, field)


def compose(read: Callable[[Any], Any], emit: Emit) -> Emit:
    """`emit` of what `read` finds."""
    return lambda source: emit(read(source))


def constant(value: Any) -> Emit:
    """The same for every source."""
    return lambda _: value


def emit_object(fields: list[tuple[str, Emit]]) -> Emit:
    """The function from an object to JSON, one function a response key."""
    return lambda source: {key: emit(source) for key, emit in fields}


def record_of(shown: GraphQLObjectType) -> type[Record] | None:
    """What reads the rows behind objects of the type `shown`; None for a type that has no rows."""
    return _RECORDS.get(shown.name)


def plan_value(field: Field, record: type[Record]) -> Value:
    """How `field` is shown from the row of a `record`."""
    if field.name == "__typename":
        return Value(constant(field.parent.name))
    shows = field.metadata.get(SHOWS, field.declared.python_name)
    emit = emit_value(field)
    if callable(shows):
        return Value(compose(shows, emit))
    attribute: object = inspect.getattr_static(record, shows)
    if isinstance(attribute, Attribute):
        return _plan_stored(field, cast("Attribute[Any]", attribute), emit)
    return Value(lambda row: emit(getattr(record(row), shows)))


def _plan_stored(field: Field, attribute: Attribute[Any], emit: Emit) -> Value:
    whole, place = compose(attribute.read, emit), attribute.place
    if place is None:
        return Value(whole)
    kept, declared = place.kept, field.type
    shown: Any = _inner(declared) if isinstance(declared, GraphQLNonNull) else declared
    if kept is Kept.CHOICE and isinstance(shown, GraphQLEnumType):
        return Value(whole, place, _names_of(shown))
    if kept is Kept.OBJECT and isinstance(shown, GraphQLObjectType):
        return Value(whole, place, _compile_object(shown, field))
    return Value(whole, place if str(shown) in _UNCHANGED.get(kept, ()) else None)


# graphql-core leaves the generics of its types open, hence `Any`.
def _emit(shown: Any, field: Field) -> Emit:
    if isinstance(shown, GraphQLNonNull):
        return _emit_nullable(_inner(shown), field)
    inner = _emit_nullable(shown, field)
    return lambda value: None if value is None else inner(value)


def _inner(wrapping: Any) -> Any:
    return wrapping.of_type


def _emit_nullable(shown: Any, field: Field) -> Emit:
    if isinstance(shown, GraphQLList):
        inner = _emit(_inner(shown), field)
        return lambda values: [inner(value) for value in _checked(values, list)]
    if isinstance(shown, GraphQLEnumType):
        return _emit_enum(shown)
    if isinstance(shown, GraphQLObjectType):
        return _emit_object(shown, field)
    if isinstance(shown, GraphQLScalarType) and shown.name in _SCALARS:
        return _SCALARS[shown.name]
    raise NotCompilable(str(shown))


def _emit_object(shown: GraphQLObjectType, field: Field) -> Emit:
    if record_of(shown) is None:
        return emit_object([_emit_attribute(each) for each in field.below(shown)])
    emit = _compile_object(shown, field)
    return lambda record: emit(record.row)


def _compile_object(shown: GraphQLObjectType, field: Field) -> Emit:
    record = record_of(shown)
    if record is None:
        raise NotCompilable(shown.name)
    return compile_row([(each.key, plan_value(each, record)) for each in field.below(shown)])


def _emit_attribute(field: Field) -> tuple[str, Emit]:
    """A field of a plain object, which has an attribute of its Python name."""
    if field.name == "__typename":
        return field.key, constant(field.parent.name)
    name, emit = field.declared.python_name, emit_value(field)
    return field.key, lambda source: emit(getattr(source, name))


def _names_of(shown: GraphQLEnumType) -> Mapping[str, str]:
    return {each.value: name for name, each in shown.values.items()}


def _emit_enum(shown: GraphQLEnumType) -> Emit:
    names = _names_of(shown)

    def emit(value: Any) -> str:
        try:
            return names[value]
        except (KeyError, TypeError) as error:
            raise Unexpected from error

    return emit


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise Unexpected
    return value


def _emit_text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unexpected
    return value


def _emit_int(value: Any) -> int:
    if type(value) is not int or not -_INT_LIMIT <= value < _INT_LIMIT:
        raise Unexpected
    return value


def _emit_float(value: Any) -> float:
    if type(value) is not float or not math.isfinite(value):
        raise Unexpected
    return value


_SCALARS: Mapping[str, Emit] = {
    GraphQLString.name: _emit_text,
    GraphQLID.name: _emit_text,
    GraphQLInt.name: _emit_int,
    GraphQLFloat.name: _emit_float,
    GraphQLBoolean.name: lambda value: _checked(value, bool),
    "DateTime": lambda value: format_datetime(_checked(value, datetime)),
    "JSON": lambda value: value,
}

"""Serialisers: for each type of the schema a function that completes a value (GraphQL, section 6.4.3).

A value that its type does not allow raises `Unexpected`; graphql-core then runs the operation, and places the error.
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
from execution_monitor.graphql.types.connection import RETURNS
from execution_monitor.graphql.types.scalars import format_big_int, format_datetime
from execution_monitor.storage.record_fields import Attribute, StoredForm
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
# The types that return a stored value unchanged.
_UNCHANGED: Mapping[StoredForm, frozenset[str]] = {
    StoredForm.TEXT: frozenset({GraphQLString.name, GraphQLID.name}),
    StoredForm.NONEMPTY_TEXT: frozenset({GraphQLString.name, GraphQLID.name}),
    StoredForm.INTEGER: frozenset({GraphQLInt.name}),
    StoredForm.BIG_INTEGER: frozenset({"BigInt"}),
    StoredForm.NUMBER: frozenset({GraphQLFloat.name}),
    StoredForm.DATETIME: frozenset({"DateTime"}),
}


class Unexpected(Exception):
    """A value that its type does not allow."""


def emit_value(field: Field) -> Emit:
    """The function from a value of `field` to JSON, by the type of the field."""
    return _emit(field.type, field)


def compose(read: Callable[[Any], Any], emit: Emit) -> Emit:
    """The function that returns `emit` of what `read` returns."""
    return lambda source: emit(read(source))


def constant(value: Any) -> Emit:
    """The function that returns `value` for every source."""
    return lambda _: value


def emit_object(fields: list[tuple[str, Emit]]) -> Emit:
    """The function from an object to JSON, made of one function for each response key."""
    return lambda source: {key: emit(source) for key, emit in fields}


def record_of(return_type: GraphQLObjectType) -> type[Record] | None:
    """The record class for rows of the object type `return_type`; None for a type that has no rows."""
    return _RECORDS.get(return_type.name)


def plan_value(field: Field, record: type[Record]) -> Value:
    """How `field` is made from the row of a `record`."""
    if field.name == "__typename":
        return Value(constant(field.parent.name))
    returns = field.metadata.get(RETURNS, field.declared.python_name)
    emit = emit_value(field)
    if callable(returns):
        return Value(compose(returns, emit))
    attribute: object = inspect.getattr_static(record, returns)
    if isinstance(attribute, Attribute):
        return _plan_stored(field, cast("Attribute[Any]", attribute), emit)
    return Value(lambda row: emit(getattr(record(row), returns)))


def _plan_stored(field: Field, attribute: Attribute[Any], emit: Emit) -> Value:
    whole, stored = compose(attribute.read, emit), attribute.stored
    if stored is None:
        return Value(whole)
    form, declared = stored.form, field.type
    return_type: Any = _inner(declared) if isinstance(declared, GraphQLNonNull) else declared
    if form is StoredForm.CHOICE and isinstance(return_type, GraphQLEnumType):
        return Value(whole, stored, _names_of(return_type))
    if form is StoredForm.OBJECT and isinstance(return_type, GraphQLObjectType):
        return Value(whole, stored, _compile_object(return_type, field))
    return Value(whole, stored if str(return_type) in _UNCHANGED.get(form, ()) else None)


# graphql-core leaves the generics of its types open, hence `Any`.
def _emit(return_type: Any, field: Field) -> Emit:
    if isinstance(return_type, GraphQLNonNull):
        return _emit_nullable(_inner(return_type), field)
    inner = _emit_nullable(return_type, field)
    return lambda value: None if value is None else inner(value)


def _inner(wrapping: Any) -> Any:
    return wrapping.of_type


def _emit_nullable(return_type: Any, field: Field) -> Emit:
    if isinstance(return_type, GraphQLList):
        inner = _emit(_inner(return_type), field)
        return lambda values: [inner(value) for value in _checked(values, list)]
    if isinstance(return_type, GraphQLEnumType):
        return _emit_enum(return_type)
    if isinstance(return_type, GraphQLObjectType):
        return _emit_object(return_type, field)
    if isinstance(return_type, GraphQLScalarType) and return_type.name in _SCALARS:
        return _SCALARS[return_type.name]
    raise NotCompilable(str(return_type))


def _emit_object(return_type: GraphQLObjectType, field: Field) -> Emit:
    if record_of(return_type) is None:
        return emit_object([_emit_attribute(each) for each in field.below(return_type)])
    emit = _compile_object(return_type, field)
    return lambda record: emit(record.row)


def _compile_object(return_type: GraphQLObjectType, field: Field) -> Emit:
    record = record_of(return_type)
    if record is None:
        raise NotCompilable(return_type.name)
    return compile_row([(each.key, plan_value(each, record)) for each in field.below(return_type)])


def _emit_attribute(field: Field) -> tuple[str, Emit]:
    """The response key and serialiser of a field that is an attribute of its object."""
    if field.name == "__typename":
        return field.key, constant(field.parent.name)
    name, emit = field.declared.python_name, emit_value(field)
    return field.key, lambda source: emit(getattr(source, name))


def _names_of(return_type: GraphQLEnumType) -> Mapping[str, str]:
    return {each.value: name for name, each in return_type.values.items()}


def _emit_enum(return_type: GraphQLEnumType) -> Emit:
    names = _names_of(return_type)

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


def _emit_big_int(value: Any) -> int:
    try:
        return format_big_int(value)
    except ValueError as error:
        raise Unexpected from error


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
    "BigInt": _emit_big_int,
    "DateTime": lambda value: format_datetime(_checked(value, datetime)),
    "JSON": lambda value: value,
}

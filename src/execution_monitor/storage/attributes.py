"""Attributes of records: each is a function from a stored row to a value of its promised type.

The functions are within reach on the class, too, so that a query that is compiled reads rows without making records.
The exact classes are asked first because nearly every value has them.
"""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, Protocol, Self, TypeVar, overload

from execution_monitor.storage.bson_order import to_float
from execution_monitor.storage.documents import ExecutionStatus, LogLevel
from execution_monitor.storage.pages import Row
from execution_monitor.storage.stored_values import to_datetime, to_int, to_json, to_text

Value = TypeVar("Value")
Choice = TypeVar("Choice", ExecutionStatus, LogLevel)


class HasRow(Protocol):
    """Anything that was read from a stored row."""

    @property
    def row(self) -> Row:
        """The stored document, or the part of it that was read."""
        ...


class Attribute(Generic[Value]):
    """What `read` makes of a record's row."""

    __slots__ = ("read",)

    def __init__(self, read: Callable[[Row], Value]) -> None:
        self.read = read

    @overload
    def __get__(self, record: None, owner: type) -> Self: ...

    @overload
    def __get__(self, record: HasRow, owner: type) -> Value: ...

    def __get__(self, record: HasRow | None, owner: type) -> Self | Value:
        """The value for a record, the attribute itself for its class."""
        return self if record is None else self.read(record.row)


def text(field: str) -> Attribute[str | None]:
    """The text at `field`; any other value spelt out."""

    def read(row: Row) -> str | None:
        value = row.get(field)
        return value if type(value) is str else to_text(value)

    return Attribute(read)


def required_text(field: str) -> Attribute[str]:
    """The text at `field`, empty where an engine left it out against the format."""

    def read(row: Row) -> str:
        value = row.get(field)
        return value if type(value) is str else to_text(value) or ""

    return Attribute(read)


def integer(field: str, default: int = 0) -> Attribute[int]:
    """The integer of 32 bits at `field`."""

    def read(row: Row) -> int:
        return to_int(row.get(field), default)

    return Attribute(read)


def number(field: str) -> Attribute[float]:
    """The finite number at `field`, 0 where there is none."""

    def read(row: Row) -> float:
        value = row.get(field)
        found = value if type(value) is float and math.isfinite(value) else to_float(value)
        return found or 0.0

    return Attribute(read)


def moment(field: str) -> Attribute[datetime | None]:
    """The date at `field`, in UTC."""

    def read(row: Row) -> datetime | None:
        return to_datetime(row.get(field))

    return Attribute(read)


def json(field: str) -> Attribute[Any]:
    """The value at `field` as JSON."""

    def read(row: Row) -> Any:
        return to_json(row.get(field))

    return Attribute(read)


def choice(field: str, default: Choice) -> Attribute[Choice]:
    """The value at `field` when it is one of the known ones."""
    known: dict[str, Choice] = {each.value: each for each in type(default)}

    def read(row: Row) -> Choice:
        value: Any = row.get(field)
        return known.get(value, default) if type(value) is str else default

    return Attribute(read)

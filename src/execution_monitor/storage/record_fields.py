"""Attributes of records: each is a function from a stored row to a value of its promised type.

The functions are within reach on the class, too, so that a compiled query can do without records.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Generic, Protocol, Self, TypeVar, overload

from execution_monitor.storage.bson_ordering import to_float
from execution_monitor.storage.coercion import to_datetime, to_int, to_json, to_text
from execution_monitor.storage.documents import ExecutionStatus, LogLevel
from execution_monitor.storage.pagination import Row
from execution_monitor.storage.payloads import TooLarge

Value = TypeVar("Value")
Choice = TypeVar("Choice", ExecutionStatus, LogLevel)


class HasRow(Protocol):
    """Anything that was read from a stored row."""

    @property
    def row(self) -> Row:
        """The stored document, or the part of it that was read."""
        ...


class Kept(Enum):
    """What a stored value must be for an attribute to show it unchanged: its exact class, and no odd value of it."""

    TEXT = "text"
    WORDS = "text that is not empty"
    INTEGER = "an integer of 32 bits"
    NUMBER = "a finite float, not negative"
    MOMENT = "a date without a time zone, in UTC"
    CHOICE = "the text of a member"
    OBJECT = "a sub-document"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the value of an attribute mostly stands, and what it must be to be shown unchanged.

    `nullable` where the attribute is None when nothing stands there.
    """

    field: str
    kept: Kept
    nullable: bool = False


class Attribute(Generic[Value]):
    """What `read` makes of a record's row; `place` tells of values that it would give unchanged."""

    __slots__ = ("place", "read")

    def __init__(self, read: Callable[[Row], Value], place: Place | None = None) -> None:
        self.read = read
        self.place = place

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
        return to_text(row.get(field))

    return Attribute(read, Place(field, Kept.TEXT, nullable=True))


def required_text(field: str) -> Attribute[str]:
    """The text at `field`, empty where an engine left it out against the format."""

    def read(row: Row) -> str:
        return to_text(row.get(field)) or ""

    return Attribute(read, Place(field, Kept.TEXT))


def integer(field: str, default: int = 0) -> Attribute[int]:
    """The integer of 32 bits at `field`."""

    def read(row: Row) -> int:
        return to_int(row.get(field), default)

    return Attribute(read, Place(field, Kept.INTEGER))


def number(field: str) -> Attribute[float]:
    """The finite number at `field`, 0 where there is none."""

    def read(row: Row) -> float:
        return to_float(row.get(field)) or 0.0

    return Attribute(read, Place(field, Kept.NUMBER))


def moment(field: str) -> Attribute[datetime | None]:
    """The date at `field`, in UTC."""

    def read(row: Row) -> datetime | None:
        return to_datetime(row.get(field))

    return Attribute(read, Place(field, Kept.MOMENT, nullable=True))


def json(field: str) -> Attribute[Any]:
    """The value at `field` as JSON; raises `PayloadTooLarge` where it was not read for its size."""

    def read(row: Row) -> Any:
        value = row.get(field)
        if type(value) is TooLarge:
            raise value.refuse()
        return to_json(value)

    return Attribute(read)


def choice(field: str, default: Choice) -> Attribute[Choice]:
    """The value at `field` when it is one of the known ones."""
    known: dict[str, Choice] = {each.value: each for each in type(default)}

    def read(row: Row) -> Choice:
        value = row.get(field)
        # BSON's code is a text that has no hash.
        return known.get(value, default) if type(value) is str else default

    return Attribute(read, Place(field, Kept.CHOICE))

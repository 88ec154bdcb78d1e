"""Attributes of records: each converts a part of a stored row to a value of its declared type.

On the class an attribute is the `Attribute` itself, so that compiled queries read rows without making records.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Generic, Protocol, Self, TypeVar, overload

from execution_monitor.storage.alert_documents import AlertState
from execution_monitor.storage.bson_ordering import to_float
from execution_monitor.storage.coercion import to_big_int, to_int, to_json, to_text, to_time
from execution_monitor.storage.documents import ExecutionStatus, LogLevel
from execution_monitor.storage.payloads import TooLarge
from execution_monitor.storage.predicates import as_list
from execution_monitor.storage.rows import Row
from execution_monitor.storage.webhook_documents import DeliveryState, WebhookState

Value = TypeVar("Value")
Choice = TypeVar("Choice", ExecutionStatus, LogLevel, WebhookState, DeliveryState, AlertState)


class HasRow(Protocol):
    """Anything that was read from a stored row."""

    @property
    def row(self) -> Row:
        """The stored document, or the part of it that was read."""
        ...


class StoredForm(Enum):
    """The form a stored value must have for an attribute to return it unchanged; its class is exact."""

    TEXT = "text"
    NONEMPTY_TEXT = "text that is not empty"
    INTEGER = "an integer of 32 bits"
    BIG_INTEGER = "an integer from -2^53 to 2^53"
    NUMBER = "a finite float, not negative"
    DATETIME = "a date without a time zone, in UTC, after the year 1"
    CHOICE = "the value of a member"
    OBJECT = "an embedded document"


@dataclass(frozen=True, slots=True)
class StoredField:
    """The stored field that an attribute mostly returns unchanged, and the form in which it does.

    `nullable` where the attribute is None when the field is missing.
    """

    field: str
    form: StoredForm
    nullable: bool = False


class Attribute(Generic[Value]):
    """An attribute of a record: `read` computes it from the row; `stored` says which values it returns unchanged."""

    __slots__ = ("read", "stored")

    def __init__(self, read: Callable[[Row], Value], stored: StoredField | None = None) -> None:
        self.read = read
        self.stored = stored

    @overload
    def __get__(self, record: None, owner: type) -> Self: ...

    @overload
    def __get__(self, record: HasRow, owner: type) -> Value: ...

    def __get__(self, record: HasRow | None, owner: type) -> Self | Value:
        """Return the value for a record, the attribute itself for its class."""
        return self if record is None else self.read(record.row)


def text(field: str) -> Attribute[str | None]:
    """The text at `field`; any other value as its text."""

    def read(row: Row) -> str | None:
        return to_text(row.get(field))

    return Attribute(read, StoredField(field, StoredForm.TEXT, nullable=True))


def texts(field: str) -> Attribute[list[str]]:
    """The texts in the list at `field`; other values as their texts, and nulls left out."""

    def read(row: Row) -> list[str]:
        return [each for each in map(to_text, as_list(row.get(field))) if each is not None]

    return Attribute(read)


def required_text(field: str) -> Attribute[str]:
    """The text at `field`, empty where an engine left it out although the format requires it."""

    def read(row: Row) -> str:
        return to_text(row.get(field)) or ""

    return Attribute(read, StoredField(field, StoredForm.TEXT))


def integer(field: str, default: int = 0) -> Attribute[int]:
    """The integer of 32 bits at `field`."""

    def read(row: Row) -> int:
        return to_int(row.get(field), default)

    return Attribute(read, StoredField(field, StoredForm.INTEGER))


def big_integer(field: str) -> Attribute[int]:
    """The integer at `field`, bounded by 2^53, 0 where there is none."""

    def read(row: Row) -> int:
        return to_big_int(row.get(field))

    return Attribute(read, StoredField(field, StoredForm.BIG_INTEGER))


def optional_big_integer(field: str) -> Attribute[int | None]:
    """The integer at `field`, bounded by 2^53; None where there is no number."""

    def read(row: Row) -> int | None:
        value = row.get(field)
        return None if to_float(value) is None else to_big_int(value)

    return Attribute(read, StoredField(field, StoredForm.BIG_INTEGER, nullable=True))


def number(field: str) -> Attribute[float]:
    """The finite number at `field`, 0 where there is none."""

    def read(row: Row) -> float:
        return to_float(row.get(field)) or 0.0

    return Attribute(read, StoredField(field, StoredForm.NUMBER))


def timestamp(field: str) -> Attribute[datetime | None]:
    """The date at `field`, in UTC; None in the year 1."""

    def read(row: Row) -> datetime | None:
        return to_time(row.get(field))

    return Attribute(read, StoredField(field, StoredForm.DATETIME, nullable=True))


def json(field: str) -> Attribute[Any]:
    """The value at `field` as JSON; raises `PayloadTooLarge` where it was too large to read."""

    def read(row: Row) -> Any:
        value = row.get(field)
        if type(value) is TooLarge:
            raise value.refuse()
        return to_json(value)

    return Attribute(read)


def choice(field: str, default: Choice) -> Attribute[Choice]:
    """The member of the enum whose value is at `field`; else `default`."""
    known: dict[str, Choice] = {each.value: each for each in type(default)}

    def read(row: Row) -> Choice:
        value = row.get(field)
        # BSON's code is a str without a hash.
        return known.get(value, default) if type(value) is str else default

    return Attribute(read, StoredField(field, StoredForm.CHOICE))

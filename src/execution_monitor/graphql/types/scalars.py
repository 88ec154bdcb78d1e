"""The custom scalars: DateTime, BigInt and JSON."""

import re
from datetime import UTC, datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from execution_monitor.errors import BadUserInput
from execution_monitor.graphql.inputs.numbers import BigInt
from execution_monitor.storage.coercion import MAX_BIG_INT

_FIRST = datetime.min.replace(tzinfo=UTC)

# RFC 3339, section 5.6; `fromisoformat` alone also takes week dates and times without an offset.
_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def parse_datetime(value: Any) -> datetime:
    """Parse RFC 3339 text with an offset into a datetime in UTC; the year 0 becomes the beginning of the year 1.

    Raises:
        BadUserInput: it is anything else; the message has an example.
    """
    wrong = BadUserInput("A DateTime is RFC 3339 text with an offset, such as 2026-01-31T23:59:59Z.")
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise wrong
    try:
        if value.startswith("0000-"):
            # Python's calendar lacks it. It is as leap as the year 4.
            datetime.fromisoformat(value.upper().replace("0000-", "0004-", 1))
            return _FIRST
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise wrong from error


def format_datetime(value: datetime) -> str:
    """Format a datetime in UTC as RFC 3339, to the millisecond, which is what MongoDB stores."""
    return value.isoformat(timespec="milliseconds")


def parse_big_int(value: Any) -> int:
    """Parse a JSON number without a fraction, from -2^53 to 2^53.

    Raises:
        BadUserInput: it is anything else.
    """
    # As with Int (GraphQL, section 3.5.1), 5.0 and 5e9 are whole numbers; to Python a boolean is one too.
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or abs(value) > MAX_BIG_INT:
        raise BadUserInput("A BigInt is a whole number from -2^53 to 2^53, sent as a number, such as 5000000000.")
    return value


def format_big_int(value: Any) -> int:
    """Return a whole number from -2^53 to 2^53 as it is.

    Raises:
        ValueError: it is anything else.
    """
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_BIG_INT:
        raise ValueError("A BigInt is a whole number from -2^53 to 2^53.")
    return int(value)


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A time in RFC 3339 with an offset, such as `2026-01-31T23:59:59Z`; returned in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=format_datetime,
        parse_value=parse_datetime,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number up to 2^53, sent as a JSON number; refused beyond with BAD_USER_INPUT.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        serialize=format_big_int,
        parse_value=parse_big_int,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value: an object, array, string, number, boolean or null.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
    ),
}

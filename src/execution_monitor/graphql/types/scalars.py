"""The custom scalars: DateTime and JSON."""

import re
from datetime import UTC, datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from execution_monitor.errors import BadUserInput

# RFC 3339, section 5.6; `fromisoformat` alone also takes week dates and times without an offset.
_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


def parse_datetime(value: Any) -> datetime:
    """Parse RFC 3339 text with an offset into a datetime in UTC.

    Raises:
        BadUserInput: it is anything else; the message has an example.
    """
    wrong = BadUserInput("A DateTime is RFC 3339 text with an offset, such as 2026-01-31T23:59:59Z.")
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise wrong
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise wrong from error


def format_datetime(value: datetime) -> str:
    """Format a datetime in UTC as RFC 3339, to the millisecond, which is what MongoDB stores."""
    return value.isoformat(timespec="milliseconds")


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A time in RFC 3339 with an offset, such as `2026-01-31T23:59:59Z`; returned in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=format_datetime,
        parse_value=parse_datetime,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value: an object, array, string, number, boolean or null.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
    ),
}

"""Query parameters of REST: each is declared once, and that declaration reads and documents it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from difflib import get_close_matches
from typing import Any, Generic, Protocol, TypeVar

from starlette.datastructures import QueryParams

from execution_monitor.errors import BadUserInput
from execution_monitor.statistics.time_buckets import time_zone

# RFC 3339, section 5.6, or a day alone. The offset may begin with a space: that is what a plus means in a URL, and many
# clients forget to escape it.
_DATE_TIME_OR_DAY = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)([Zz]|[+ -]\d{2}:\d{2})?)?", re.ASCII
)
# More digits than any bound has; `int` itself is slow on a million digits and fails beyond 4,300.
_WHOLE_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)

# Of a name that is not known, in an error: enough to recognise it.
_LONGEST_SHOWN = 50

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)


class ParameterType(Protocol[Value_co]):
    """What the text of a parameter may be."""

    def parse(self, name: str, text: str) -> Value_co:
        """The value of `text`; raises `BadUserInput`, which says what `name` must be."""
        ...

    def to_schema(self) -> dict[str, Any]:
        """The JSON Schema of the values."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """Any text."""

    def parse(self, name: str, text: str) -> str:  # noqa: ARG002 - no text is wrong
        """`text` itself."""
        return text

    def to_schema(self) -> dict[str, Any]:
        """The JSON Schema of the values."""
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `words`, which are in lower case: in upper or lower case, unless the case tells words apart."""

    words: tuple[str, ...]
    ignores_case: bool = True

    def parse(self, name: str, text: str) -> str:
        """The word."""
        word = text.lower() if self.ignores_case else text
        if word not in self.words:
            raise BadUserInput(f"{name} must be one of {', '.join(self.words)}.")
        return word

    def to_schema(self) -> dict[str, Any]:
        """The JSON Schema of the values."""
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class TimeZone:
    """The IANA name of a time zone."""

    def parse(self, name: str, text: str) -> str:
        """The name."""
        try:
            time_zone(text)
        except BadUserInput as error:
            raise BadUserInput(f'{name} must be an IANA name, such as "Europe/Berlin" or "UTC".') from error
        return text

    def to_schema(self) -> dict[str, Any]:
        """The JSON Schema of the values."""
        return {"type": "string", "examples": ["Europe/Berlin"]}


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A whole number from `minimum` to `maximum`."""

    minimum: int
    maximum: int

    def parse(self, name: str, text: str) -> int:
        """The number."""
        if not _WHOLE_NUMBER.fullmatch(text) or not self.minimum <= int(text) <= self.maximum:
            raise BadUserInput(f"{name} must be a whole number from {self.minimum} to {self.maximum:,}.")
        return int(text)

    def to_schema(self) -> dict[str, Any]:
        """The JSON Schema of the values."""
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True)
class DateTimeOrDay:
    """A date-time with an offset, or a day of UTC, which becomes the date-time at `time_of_day`."""

    time_of_day: time

    def parse(self, name: str, text: str) -> datetime:
        """The date-time, in the time zone of `text`."""
        wrong = BadUserInput(
            f"{name} must be RFC 3339 with an offset, such as 2026-01-31T23:59:59Z, or a day, such as 2026-01-31."
        )
        match = _DATE_TIME_OR_DAY.fullmatch(text)
        if not match:
            raise wrong
        day, clock, offset = match.groups()
        if clock and not offset:
            raise BadUserInput(f"{name} has no offset from UTC; add one, such as in 2026-01-31T23:59:59Z.")
        try:
            if not clock:
                return datetime.combine(date.fromisoformat(day), self.time_of_day, UTC)
            return datetime.fromisoformat(f"{day}T{clock}{offset.upper().replace(' ', '+')}")
        except ValueError as error:
            raise wrong from error

    def to_schema(self) -> dict[str, Any]:
        """The JSON Schema of the values."""
        return {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}


@dataclass(frozen=True, slots=True)
class Parameter(Generic[Value]):
    """A parameter that is given once, by its name or an alias. An empty value, as forms send it, is the default."""

    name: str
    type: ParameterType[Value]
    description: str
    default: Value
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> Sequence[str]:
        """Its name, and its aliases."""
        return (self.name, *self.aliases)

    def read(self, query: QueryParams) -> Value:
        """The value in `query`, or the default.

        Raises:
            BadUserInput: The value is not valid, is given more than once, or differs from that of an alias.
        """
        given: dict[str, Value] = {}
        for name in self.names:
            texts = query.getlist(name)
            if len(texts) > 1:
                raise BadUserInput(f"{name} may be given only once.")
            if any(texts):
                given[name] = self.type.parse(name, texts[0])
        if len(set(given.values())) > 1:
            raise BadUserInput(f"{' and '.join(given)} mean the same and differ; give one of them.")
        return next(iter(given.values()), self.default)

    def to_openapi(self) -> Iterator[dict[str, Any]]:
        """The OpenAPI Parameter Objects of its name and its aliases."""
        schema = self.type.to_schema()
        if self.default is not None:
            schema["default"] = self.default
        yield _describe(self.name, self.description, schema)
        for alias in self.aliases:
            yield _describe(alias, f"The same as `{self.name}`.", schema)


@dataclass(frozen=True, slots=True)
class RepeatableParameter(Generic[Value]):
    """A parameter that may be given several times, each with several values, separated by commas."""

    name: str
    type: ParameterType[Value]
    description: str

    @property
    def names(self) -> Sequence[str]:
        """Its name."""
        return (self.name,)

    def read(self, query: QueryParams) -> tuple[Value, ...]:
        """The distinct values in `query`; raises `BadUserInput` for one that is not valid."""
        texts = [part.strip() for text in query.getlist(self.name) for part in text.split(",")]
        return tuple(dict.fromkeys(self.type.parse(self.name, text) for text in texts if text))

    def to_openapi(self) -> Iterator[dict[str, Any]]:
        """Its OpenAPI Parameter Object."""
        yield _describe(self.name, self.description, {"type": "array", "items": self.type.to_schema()})


def refuse_unknown(query: QueryParams, known: Sequence["Parameter[Any] | RepeatableParameter[Any]"]) -> None:
    """Raise `BadUserInput` for a parameter in `query` that is none of `known`, with the one that was likely meant."""
    names = [name for parameter in known for name in parameter.names]
    for name in query:
        if name not in names:
            similar = get_close_matches(name.lower(), names, n=1)
            shown = name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}..."
            hint = f"did you mean {similar[0]}?" if similar else f"known are: {', '.join(names) or 'none'}."
            raise BadUserInput(f"There is no parameter {shown}; {hint}")


def _describe(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    # These are the defaults of OpenAPI, but clients get arrays wrong where they are left out.
    style = {"style": "form", "explode": True} if schema.get("type") == "array" else {}
    return {"name": name, "in": "query", "description": description, "schema": schema, "allowEmptyValue": True, **style}

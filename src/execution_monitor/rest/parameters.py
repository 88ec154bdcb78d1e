"""Query parameters: each is declared once, and read and documented from that declaration."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Generic, Protocol, TypeVar

from starlette.datastructures import QueryParams

from execution_monitor.errors import BadUserInput

# RFC 3339, section 5.6, or a day alone. A space may stand where an offset's plus was sent unescaped: in a URL that
# means a space, and many clients forget it.
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)([Zz]|[+ -]\d{2}:\d{2})?)?", re.ASCII
)
# Enough for every number within bounds; `int` itself is slow on a million digits and fails beyond 4,300.
_WHOLE_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)

Value = TypeVar("Value")
Value_co = TypeVar("Value_co", covariant=True)


class Kind(Protocol[Value_co]):
    """What a parameter's text may be."""

    def parse(self, name: str, text: str) -> Value_co:
        """The value that `text` spells; raises `BadUserInput` with what `name` must be."""
        ...

    def to_schema(self) -> dict[str, Any]:
        """The same as JSON Schema."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """Any text."""

    def parse(self, name: str, text: str) -> str:  # noqa: ARG002 - no text is wrong
        """`text` as it is."""
        return text

    def to_schema(self) -> dict[str, Any]:
        """JSON Schema."""
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words, in whatever case."""

    words: tuple[str, ...]

    def parse(self, name: str, text: str) -> str:
        """The word in lower case."""
        if text.lower() not in self.words:
            raise BadUserInput(f"{name} must be one of {', '.join(self.words)}.")
        return text.lower()

    def to_schema(self) -> dict[str, Any]:
        """JSON Schema."""
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A whole number within bounds, both included."""

    minimum: int
    maximum: int

    def parse(self, name: str, text: str) -> int:
        """The number."""
        if not _WHOLE_NUMBER.fullmatch(text) or not self.minimum <= int(text) <= self.maximum:
            raise BadUserInput(f"{name} must be a whole number from {self.minimum} to {self.maximum:,}.")
        return int(text)

    def to_schema(self) -> dict[str, Any]:
        """JSON Schema."""
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment with an offset, or a day of UTC, which stands for its first instant or its last."""

    time_of_day: time

    def parse(self, name: str, text: str) -> datetime:
        """The moment, in any time zone."""
        wrong = BadUserInput(
            f"{name} must be RFC 3339 with an offset, such as 2026-01-31T23:59:59Z, or a day, such as 2026-01-31."
        )
        spelt = _MOMENT.fullmatch(text)
        if not spelt:
            raise wrong
        day, clock, offset = spelt.groups()
        if clock and not offset:
            raise BadUserInput(f"{name} has no offset from UTC; add one, such as in 2026-01-31T23:59:59Z.")
        try:
            if not clock:
                return datetime.combine(date.fromisoformat(day), self.time_of_day, UTC)
            return datetime.fromisoformat(f"{day}T{clock}{offset.upper().replace(' ', '+')}")
        except ValueError as error:
            raise wrong from error

    def to_schema(self) -> dict[str, Any]:
        """JSON Schema."""
        return {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}


@dataclass(frozen=True, slots=True)
class Parameter(Generic[Value]):
    """A parameter that stands once, under its name or an alias. An empty one, as forms send it, is not given."""

    name: str
    kind: Kind[Value]
    description: str
    default: Value
    aliases: tuple[str, ...] = ()

    def read(self, query: QueryParams) -> Value:
        """Its value, or the default; raises `BadUserInput` for a wrong, a repeated or a contradicted one."""
        given: dict[str, Value] = {}
        for name in (self.name, *self.aliases):
            texts = query.getlist(name)
            if len(texts) > 1:
                raise BadUserInput(f"{name} may be given only once.")
            if any(texts):
                given[name] = self.kind.parse(name, texts[0])
        if len(set(given.values())) > 1:
            raise BadUserInput(f"{' and '.join(given)} mean the same and differ; give one of them.")
        return next(iter(given.values()), self.default)

    def to_openapi(self) -> Iterator[dict[str, Any]]:
        """A Parameter Object for each of its names."""
        schema = self.kind.to_schema()
        if self.default is not None:
            schema["default"] = self.default
        yield _describe(self.name, self.description, schema)
        for alias in self.aliases:
            yield _describe(alias, f"The same as `{self.name}`.", schema)


@dataclass(frozen=True, slots=True)
class RepeatableParameter(Generic[Value]):
    """A parameter that may stand several times, and hold several values with commas between them."""

    name: str
    kind: Kind[Value]
    description: str

    def read(self, query: QueryParams) -> tuple[Value, ...]:
        """Its different values; raises `BadUserInput` for a wrong one."""
        texts = [part.strip() for text in query.getlist(self.name) for part in text.split(",")]
        return tuple(dict.fromkeys(self.kind.parse(self.name, text) for text in texts if text))

    def to_openapi(self) -> Iterator[dict[str, Any]]:
        """Its Parameter Object."""
        yield _describe(self.name, self.description, {"type": "array", "items": self.kind.to_schema()})


def _describe(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    # "form" and "explode" are the defaults of OpenAPI; said here, because clients get arrays wrong without them.
    style = {"style": "form", "explode": True} if schema.get("type") == "array" else {}
    return {"name": name, "in": "query", "description": description, "schema": schema, "allowEmptyValue": True, **style}

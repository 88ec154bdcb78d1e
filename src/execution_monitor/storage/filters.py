"""The filter language: one tree that compiles to a MongoDB query and to a predicate.

Both agree on every document; a property test compares them. Texts are never patterns, values never operators.

The `repr` of a filter is part of the digest of cursors: renaming a class or a field here makes old cursors invalid.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from typing import Any, cast

from bson import DatetimeMS
from typing_extensions import override

from execution_monitor.errors import BadUserInput
from execution_monitor.storage.bson_ordering import TypeRank, rank_of
from execution_monitor.storage.predicates import (
    Predicate,
    PredicateAt,
    Stored,
    all_hold,
    any_holds,
    has_element,
    has_text,
    is_one_of,
    lies_within,
    matching,
    negate,
    whenever,
)
from execution_monitor.storage.text_patterns import containing, containing_between_codes, literal

Query = dict[str, Any]

# MongoDB takes patterns up to 32,764 bytes; a letter costs up to 10 of them.
MAX_TEXT_LENGTH = 1_000
MAX_VALUES = 1_000

# An empty `$in`: MongoDB returns nothing without reading.
NOTHING: Query = {"_id": {"$in": []}}

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)
BOUNDS = frozenset({"$gt", "$gte", "$lt", "$lte"})


class DurationSource(Enum):
    """Where an execution's duration comes from."""

    STORED = auto()  # it has ended: what is stored, or none
    RUNNING = auto()  # the time that it has run so far


class Filter(ABC):
    """A condition on one stored document."""

    @abstractmethod
    def to_mongo(self) -> Query:
        """Return the MongoDB query that finds exactly what `matches` accepts."""

    @abstractmethod
    def predicate(self) -> Predicate:
        """Compile the condition to a function of a stored document, for whoever puts it to many."""

    def predicate_at(self) -> PredicateAt:
        """Compile the condition to a function of a stored document and an instant, which it may speak of."""
        return whenever(self.predicate())

    def matches(self, document: Stored) -> bool:
        """Whether `document` meets the condition, exactly as in MongoDB."""
        return self.predicate()(document)

    def fields(self) -> Iterator[str]:
        """The stored fields that the condition reads."""
        yield from ()

    @property
    def is_relative(self) -> bool:
        """Whether the condition speaks of now, so that it must be bound to an instant before it is used."""
        return False

    def bind(self, now: datetime, among: DurationSource | None = None) -> "Filter":  # noqa: ARG002 - for relative ones
        """The condition at the instant `now`; the same one where it does not speak of now.

        Args:
            now: The instant.
            among: Which executions alone the condition is put to; it then need not tell them from the others.
        """
        return self


@dataclass(frozen=True, slots=True)
class AllOf(Filter):
    """All parts hold; true without parts."""

    parts: tuple[Filter, ...] = ()

    @property
    @override
    def is_relative(self) -> bool:
        return any(part.is_relative for part in self.parts)

    @override
    def bind(self, now: datetime, among: DurationSource | None = None) -> Filter:
        return all_of(*(part.bind(now, among) for part in self.parts)) if self.is_relative else self

    @override
    def to_mongo(self) -> Query:
        return join([part.to_mongo() for part in self.parts])

    @override
    def predicate(self) -> Predicate:
        return all_hold([part.predicate() for part in self.parts])

    @override
    def predicate_at(self) -> PredicateAt:
        # What does not speak of now costs least, and most often does not hold.
        lasting = all_hold([part.predicate() for part in self.parts if not part.is_relative])
        relative = [part.predicate_at() for part in self.parts if part.is_relative]
        if len(relative) == 1:
            one = relative[0]
            return lambda document, now: lasting(document) and one(document, now)
        return lambda document, now: lasting(document) and all(part(document, now) for part in relative)

    @override
    def fields(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.fields()


EVERYTHING = AllOf()


@dataclass(frozen=True, slots=True)
class AnyOf(Filter):
    """At least one part holds; false without parts."""

    parts: tuple[Filter, ...] = ()

    @property
    @override
    def is_relative(self) -> bool:
        return any(part.is_relative for part in self.parts)

    @override
    def bind(self, now: datetime, among: DurationSource | None = None) -> Filter:
        return AnyOf(tuple(part.bind(now, among) for part in self.parts)) if self.is_relative else self

    @override
    def to_mongo(self) -> Query:
        queries = [part.to_mongo() for part in self.parts]
        if not queries:
            return NOTHING
        if {} in queries:
            return {}
        return queries[0] if len(queries) == 1 else {"$or": queries}

    @override
    def predicate(self) -> Predicate:
        return any_holds([part.predicate() for part in self.parts])

    @override
    def predicate_at(self) -> PredicateAt:
        parts = [part.predicate_at() for part in self.parts]
        return lambda document, now: any(part(document, now) for part in parts)

    @override
    def fields(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.fields()


@dataclass(frozen=True, slots=True)
class Not(Filter):
    """The part does not hold."""

    part: Filter

    @property
    @override
    def is_relative(self) -> bool:
        return self.part.is_relative

    @override
    def bind(self, now: datetime, among: DurationSource | None = None) -> Filter:
        return Not(self.part.bind(now, among)) if self.is_relative else self

    @override
    def to_mongo(self) -> Query:
        query = self.part.to_mongo()
        return {"$nor": [query]} if query else NOTHING

    @override
    def predicate(self) -> Predicate:
        return negate(self.part.predicate())

    @override
    def predicate_at(self) -> PredicateAt:
        part = self.part.predicate_at()
        return lambda document, now: not part(document, now)

    @override
    def fields(self) -> Iterator[str]:
        yield from self.part.fields()


@dataclass(frozen=True, slots=True)
class FieldFilter(Filter):
    """A condition on the field at a dotted path."""

    field: str

    @override
    def fields(self) -> Iterator[str]:
        yield self.field


def _check_values(values: tuple[Any, ...]) -> None:
    if len(values) > MAX_VALUES:
        raise BadUserInput(f"A list in a filter holds at most {MAX_VALUES:,} values; send fewer.")
    for value in values:
        _check_text(value)


def _check_text(value: Any) -> None:
    # JSON can express half of a surrogate pair, BSON cannot.
    if isinstance(value, str) and not value.isascii() and _LONE_SURROGATE.search(value):
        raise BadUserInput("A text in a filter must be valid Unicode.")


@dataclass(frozen=True, slots=True)
class OneOf(FieldFilter):
    """The value is one of these scalars; None also matches a missing value."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        _check_values(self.values)

    @override
    def to_mongo(self) -> Query:
        if len(self.values) == 1:
            return {self.field: self.values[0]}
        return {self.field: {"$in": list(self.values)}}

    @override
    def predicate(self) -> Predicate:
        return is_one_of(self.field, self.values)


@dataclass(frozen=True, slots=True)
class NotList(FieldFilter):
    """The value of a field at the top of the document is no list."""

    @override
    def to_mongo(self) -> Query:
        return {self.field: {"$not": {"$type": "array"}}}

    @override
    def predicate(self) -> Predicate:
        return lambda document: not isinstance(document.get(self.field), list)


def equals(field: str, value: Any) -> Filter:
    """The value at `field` is `value`."""
    return OneOf(field, (value,))


def is_null(field: str, *, wanted: bool) -> Filter:
    """The field is missing or null; or it has a value, when `wanted` is false."""
    return equals(field, None) if wanted else NoneOf(field, (None,))


@dataclass(frozen=True, slots=True)
class NoneOf(FieldFilter):
    """The value is none of these scalars; a missing value counts as None."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        _check_values(self.values)

    @override
    def to_mongo(self) -> Query:
        if not self.values:
            return {}
        if len(self.values) == 1:
            return {self.field: {"$ne": self.values[0]}}
        return {self.field: {"$nin": list(self.values)}}

    @override
    def predicate(self) -> Predicate:
        return negate(is_one_of(self.field, self.values))


@dataclass(frozen=True, slots=True)
class Range(FieldFilter):
    """The value lies within bounds of its own type; a missing value, another type or NaN never does."""

    gt: Any = None
    gte: Any = None
    lt: Any = None
    lte: Any = None

    def _bounds(self) -> Query:
        bounds: Query = {}
        for name in ("gt", "gte", "lt", "lte"):
            value = getattr(self, name)
            if value is not None:
                bounds[f"${name}"] = _to_stored_precision(value, up=name in ("gte", "lt"))
        # MongoDB's matcher accepts NaN for `$lt`, its index bounds do not: with a lower bound neither does.
        upper = bounds.get("$lt", bounds.get("$lte"))
        if upper is not None and rank_of(upper) is TypeRank.NUMBER and not bounds.keys() & {"$gt", "$gte"}:
            bounds["$gte"] = -math.inf
        return bounds

    @override
    def to_mongo(self) -> Query:
        bounds = self._bounds()
        return {self.field: bounds} if bounds else {}

    @override
    def predicate(self) -> Predicate:
        return lies_within(self.field, self._bounds())


def _to_stored_precision(value: Any, *, up: bool) -> Any:
    """A bound in whole milliseconds, as BSON stores dates: `> 0.5 ms` means `> 0`, `< 0.5 ms` means `< 1`."""
    if not isinstance(value, datetime):
        return value
    milliseconds, rest = divmod(value - _EPOCH, _MILLISECOND)
    if rest and up:
        milliseconds += 1
    try:
        return _EPOCH + milliseconds * _MILLISECOND
    except OverflowError:  # the ends of Python's calendar, rounded or converted to UTC, exceed it
        return DatetimeMS(milliseconds)


@dataclass(frozen=True, slots=True)
class _Text(FieldFilter):
    text: str

    def __post_init__(self) -> None:
        if len(self.text) > MAX_TEXT_LENGTH:
            raise BadUserInput(f"A text to search for has at most {MAX_TEXT_LENGTH:,} characters; send a shorter one.")
        _check_text(self.text)

    def pattern(self) -> str:
        """A pattern with the same meaning in PCRE2 and in Python."""
        raise NotImplementedError

    @override
    def to_mongo(self) -> Query:
        return {self.field: {"$regex": self.pattern()}}

    @override
    def predicate(self) -> Predicate:
        return has_text(self.field, matching(self.pattern()))


@dataclass(frozen=True, slots=True)
class StartsWith(_Text):
    """The value is text that starts with this, case-sensitively: a bounded range of an index."""

    @override
    def pattern(self) -> str:
        return "^" + "".join(map(literal, self.text))

    @override
    def predicate(self) -> Predicate:
        return has_text(self.field, lambda found: found.startswith(self.text))


@dataclass(frozen=True, slots=True)
class Contains(_Text):
    """The value is text that contains this, in upper or lower case, composed or decomposed."""

    @override
    def pattern(self) -> str:
        return containing(self.text)


@dataclass(frozen=True, slots=True)
class ContainsBetweenCodes(_Text):
    """As `Contains`, where ANSI escape codes stand before, after or between the letters."""

    @override
    def pattern(self) -> str:
        return containing_between_codes(self.text)


@dataclass(frozen=True, slots=True)
class HasTag(Filter):
    """A tag has this key and, where given, this value."""

    key: str
    value: str | None = None

    def __post_init__(self) -> None:
        _check_text(self.key)
        _check_text(self.value)

    @override
    def to_mongo(self) -> Query:
        wanted = {"key": self.key} if self.value is None else {"key": self.key, "value": self.value}
        return {"tags": {"$elemMatch": wanted}}

    @override
    def predicate(self) -> Predicate:
        return has_element("tags", {"key": self.key} | ({} if self.value is None else {"value": self.value}))

    @override
    def fields(self) -> Iterator[str]:
        yield "tags"


def all_of(*parts: Filter) -> Filter:
    """All parts hold; nested conjunctions become one."""
    flat: list[Filter] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, AllOf) else (part,))
    return flat[0] if len(flat) == 1 else AllOf(tuple(flat))


def join(queries: Sequence[Query]) -> Query:
    """Return one query that holds when all `queries` do, without an `$and` where their fields or bounds differ."""
    some = [query for query in queries if query]
    merged: Query = {}
    for query in some:
        for field, condition in query.items():
            if field not in merged:
                merged[field] = condition
            elif not field.startswith("$") and (bounds := _join_bounds(merged[field], condition)) is not None:
                merged[field] = bounds
            else:
                return {"$and": some}
    return merged


def _join_bounds(one: Any, other: Any) -> Query | None:
    """Both of two conditions on one field as one range of an index, where they are different bounds; else None."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return None
    bounds, more = cast("Query", one), cast("Query", other)
    are_bounds = bool(bounds and more) and bounds.keys() | more.keys() <= BOUNDS
    return {**bounds, **more} if are_bounds and not bounds.keys() & more.keys() else None

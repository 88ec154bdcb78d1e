"""Filters as stored: a filter of executions as a document of BSON, and back, for those that outlive their request.

What is stored is the condition itself, so that it keeps its meaning whatever becomes of the API's input types. As with
the digests of cursors, renaming a class or a field of a filter makes what was stored before unreadable.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, cast

from execution_monitor.storage.error_groups import HasErrorPattern, HasOneError
from execution_monitor.storage.filters import (
    AllOf,
    AnyOf,
    Contains,
    Filter,
    HasTag,
    NoneOf,
    Not,
    NotList,
    OneOf,
    Range,
    StartsWith,
)
from execution_monitor.storage.predicates import as_list, as_mapping
from execution_monitor.storage.relative_filters import Duration, HasDuration, Within
from execution_monitor.storage.times import HasNoTime

_CLASSES: Mapping[str, type[Any]] = {
    each.__name__: each
    for each in (
        *(AllOf, AnyOf, Not, OneOf, NoneOf, NotList, Range, StartsWith, Contains, HasTag),
        *(Within, Duration, HasDuration, HasNoTime, HasErrorPattern, HasOneError),
    )
}
# BSON cuts times to milliseconds, and bounds of filters have microseconds.
_TYPE, _TIME = "filter", "time"


class UnreadableFilter(Exception):
    """What is stored is no filter that this version knows."""


def encode_filter(where: Filter) -> dict[str, Any]:
    """The document of `where`."""
    values = {each.name: _encode(getattr(where, each.name)) for each in fields(cast("Any", where))}
    return {_TYPE: type(where).__name__, **values}


def decode_filter(stored: object) -> Filter:
    """The filter that `encode_filter` made a document of.

    Raises:
        UnreadableFilter: It made none like this. Who cannot tell what may be seen must show nothing.
    """
    document = as_mapping(stored) or {}
    found = _CLASSES.get(str(document.get(_TYPE)))
    names = {each.name for each in fields(found)} if found is not None else set[str]()
    if found is None or document.keys() != names | {_TYPE}:
        raise UnreadableFilter
    return cast("Filter", found(**{name: _decode(document[name]) for name in names}))


def _encode(value: Any) -> Any:
    if isinstance(value, Filter):
        return encode_filter(value)
    if isinstance(value, tuple):
        return [_encode(each) for each in cast("tuple[Any, ...]", value)]
    return {_TIME: value.isoformat()} if isinstance(value, datetime) else value


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(each) for each in as_list(value))
    document = as_mapping(value)
    if document is None:
        return value
    return datetime.fromisoformat(document[_TIME]) if list(document) == [_TIME] else decode_filter(document)

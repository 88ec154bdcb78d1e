"""Random executions, filters and orders, with the oddities that engines, people and BSON bring."""

import math
import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bson import Code, DatetimeMS, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from execution_monitor.storage.documents import SORTED_FIELDS
from execution_monitor.storage.error_groups import ErrorGroup
from execution_monitor.storage.filters import (
    AllOf,
    AnyOf,
    Contains,
    Filter,
    HasTag,
    NoneOf,
    Not,
    OneOf,
    Range,
    StartsWith,
)
from execution_monitor.storage.relative_filters import Duration, HasDuration, Within
from execution_monitor.storage.sorting import Order, SortKey
from execution_monitor.storage.times import HasNoTime
from tests.storage.reference import sort_key_of

# Explaining takes minutes against a database.
_PHASES = (Phase.explicit, Phase.generate, Phase.shrink)


def bounded(max_examples: int, phases: Collection[Phase] = _PHASES) -> settings:
    """The settings of a test that tries `max_examples` in `make fuzz`, and a third of them otherwise.

    The same examples in every run, and no clock: a loaded machine fails nothing. A fixture's database is emptied by
    each.
    """
    return settings(
        max_examples=max_examples if os.environ.get("TEST_FUZZ") == "full" else max_examples // 3,
        deadline=None,
        derandomize=True,
        phases=phases,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
_ODD_TEXTS = (
    "",
    "a.*",
    "^a",
    "a|b",
    "[a]",
    "(",
    "\\",
    "$a",
    "a b",
    "\0",
    "a\0b",
    "\n",
    "A",
    "a",
    "aa",
    "K",
    "\u212a",
    "k",
)
_ODD_LETTERS = (
    "\u0130",
    "i",
    "I",
    "\u0131",
    "\u017f",
    "s",
    "S",
    "\u00df",
    "\u1e9e",
    "SS",
    "ss",
    "e\u0301",
    "\u03c3",
    "\u03c2",
    "\u03a3",
    "\u00e9",
    "\u00c9",
    "\U0001f600",
    "\uffff",
)
_NUMBERS: tuple[Any, ...] = (
    0,
    0.0,
    -0.0,
    1,
    Int64(1),
    1.0,
    Decimal128("1.00"),
    -1,
    0.1,
    Decimal128("0.1"),
    2**53 + 1,
    float(2**53),
)
_ODD_NUMBERS = (
    math.inf,
    -math.inf,
    math.nan,
    2**63 - 1,
    -(2**63),
    1e308,
    *map(Decimal128, ("NaN", "Infinity", "-0", "9E999")),
)

_DATES = (
    *(NEW_YEAR + timedelta(milliseconds=n) for n in range(5)),
    datetime.fromtimestamp(0, UTC),
    DatetimeMS(253_402_300_800_000),  # the first date beyond Python's calendar, and the last before it
    DatetimeMS(-62_135_596_800_001),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    datetime(2, 1, 1, tzinfo=UTC),
)
_OTHERS = (
    *(None, True, False, ObjectId("0" * 24), ObjectId("f" * 24)),
    *(b"", b"\1", UUID(int=1), Timestamp(1, 1), Timestamp(1, 2)),
)
# One of each: every type that a field may hold, and what is special within it.
SCALARS: tuple[Any, ...] = (*_ODD_TEXTS, *_ODD_LETTERS, *_NUMBERS, *_ODD_NUMBERS, *_DATES, *_OTHERS)

texts = (
    st.sampled_from(_ODD_TEXTS + _ODD_LETTERS) | st.text("aAkK.\0\u0130\u017f\u00df", max_size=4) | st.text(max_size=4)
)
numbers: SearchStrategy[Any] = st.sampled_from(_NUMBERS) | st.sampled_from(_ODD_NUMBERS) | st.integers(-3, 3)
dates: SearchStrategy[Any] = st.sampled_from(_DATES)
scalars: SearchStrategy[Any] = texts | numbers | dates | st.sampled_from(_OTHERS)

_keys = st.sampled_from(
    ["key", "value", "message", "code", "type", "stack_trace", "retryable", "current_step", "total_steps", "percentage"]
)
# Whatever BSON holds, where an engine should not have written it.
_ODDITIES = st.sampled_from([Regex("a"), Code("f()"), Code("f()", {"a": 1}), DBRef("a", 1), MinKey(), MaxKey()])
anything: SearchStrategy[Any] = st.recursive(
    scalars | dates | st.sampled_from([DatetimeMS(2**62), Decimal128("sNaN")]) | _ODDITIES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3),
    max_leaves=6,
)

_MOMENTS = ("created", "started_at", "completed_at")
_NUMERIC = ("total_duration", "total_cost", "tokens_used")
_TEXTS = ("workflow_name", "status", "triggered_by", "session_id")

own_values: dict[str, SearchStrategy[Any]] = {
    **dict.fromkeys(_MOMENTS, dates),
    **dict.fromkeys(_NUMERIC, numbers),
    **dict.fromkeys(_TEXTS, texts),
}


def values_of(field: str) -> SearchStrategy[Any]:
    """What `field` may hold: mostly of its own type, with ties; null; now and then any scalar."""
    own = own_values[field]
    return own | own | st.none() | scalars


def objects(
    required: Mapping[str, SearchStrategy[Any]], **optional: SearchStrategy[Any]
) -> SearchStrategy[dict[str, Any]]:
    """Objects with all `required` fields and some of the `optional` ones."""
    return st.fixed_dictionaries(dict(required), optional=optional)


_messages = texts | st.sampled_from(["row 1", "row 22", "row x", "no 'a'", 'no "b"', "no 'c"])
errors = objects({}, message=_messages | st.none(), code=texts | st.none(), type=st.sampled_from(["E", None]))
# The groups of errors that executions have, and of some that none has.
error_groups: SearchStrategy[Filter] = st.builds(
    ErrorGroup.of_error, texts | st.none(), st.sampled_from(["E", None, None]), _messages | st.none()
).map(lambda group: AnyOf() if group is None else group.condition)

_tags = st.lists(
    objects({"key": st.sampled_from(["team", "stage", "a.*"])}, value=st.sampled_from(["x", "y"])), max_size=2
)
_ids = (
    st.integers(0, 40).map(lambda n: ObjectId(f"{n:024x}"))
    | st.integers(0, 40)
    | st.integers(0, 40).map(str)
    | st.sampled_from([None, math.nan, 0.5, Decimal128("1.5"), True, NEW_YEAR, UUID(int=1), b"\1", Timestamp(1, 1)])
)


def _run_on(row: dict[str, Any], status: str, started_at: Any) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in ("completed_at", "total_duration")}
    return {**kept, "status": status, "started_at": started_at}


def executions(*, size: int) -> SearchStrategy[list[dict[str, Any]]]:
    """Up to `size` executions of one tenant with ids of many types; every field may be missing."""
    one = objects(
        {"_id": _ids, "tenant_id": st.just("acme")},
        tags=_tags,
        error_details=errors,
        **{field: values_of(field) for field in own_values},
    )
    running = st.builds(_run_on, one, st.sampled_from(["pending", "running", "paused"]), dates)
    # Left alone, Hypothesis draws five or so.
    found = st.integers(0, size).flatmap(
        lambda count: st.lists(
            one | one | running, min_size=count, max_size=count, unique_by=lambda row: sort_key_of(row["_id"])
        )
    )
    # No two executions of a tenant have the same id.
    return found.map(lambda rows: [{**row, "execution_id": f"run-{place}"} for place, row in enumerate(rows)])


_bounds = {
    **dict.fromkeys(_MOMENTS, st.integers(-1, 6_000).map(lambda n: NEW_YEAR + timedelta(microseconds=n))),
    **dict.fromkeys(_NUMERIC, st.sampled_from(_NUMBERS) | st.integers(-3, 3) | st.floats(-2, 2)),
}


def _range_of(field: str) -> SearchStrategy[Filter]:
    bound = st.none() | _bounds[field]
    return st.builds(Range, st.just(field), gt=bound, gte=bound, lt=bound, lte=bound)


ranges: SearchStrategy[Filter] = st.sampled_from(sorted(_bounds)).flatmap(_range_of)
_seconds = st.none() | _bounds["total_duration"].filter(lambda bound: not isinstance(bound, Decimal128))
relative: SearchStrategy[Filter] = (
    st.builds(Duration, gt=_seconds, gte=_seconds, lt=_seconds, lte=_seconds)
    | st.builds(HasDuration, st.booleans())
    | st.builds(Within, st.sampled_from(_MOMENTS), st.sampled_from([1, 2, 2**31 - 1]))
)
_text_fields = st.sampled_from([*_TEXTS, "error_details.message", "error_details.code"])


def _memberships_of(field: str) -> SearchStrategy[Filter]:
    values = st.lists(values_of(field), max_size=3).map(tuple)
    return st.builds(OneOf, st.just(field), values) | st.builds(NoneOf, st.just(field), values)


conditions: SearchStrategy[Filter] = st.one_of(
    ranges,
    relative,
    st.sampled_from(sorted(own_values)).flatmap(_memberships_of),
    st.builds(StartsWith, _text_fields, texts),
    st.builds(Contains, _text_fields, texts),
    st.sampled_from(_MOMENTS).map(HasNoTime),
    error_groups,
    st.builds(HasTag, st.sampled_from(["team", "a.*", "none"]), st.none() | st.sampled_from(["x", "z", ""])),
)


def _combined(parts: SearchStrategy[Filter]) -> SearchStrategy[Filter]:
    some = st.lists(parts, max_size=3).map(tuple)
    return st.builds(AllOf, some) | st.builds(AnyOf, some) | st.builds(Not, parts)


filters: SearchStrategy[Filter] = st.recursive(conditions, _combined, max_leaves=5)
orders: SearchStrategy[Order] = st.lists(
    st.builds(SortKey, st.sampled_from(SORTED_FIELDS), st.booleans()),
    min_size=1,
    max_size=3,
    unique_by=lambda key: key.field,
).map(lambda keys: Order(tuple(keys)))

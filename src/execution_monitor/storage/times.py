"""Times that an execution, a step or a log line may lack: how a missing one is stored, and filtered by.

The zero time of Go and .NET, 0001-01-01, means "not yet". So what is shown as null is whatever is no date of the year
2 or later; filters agree. In MongoDB's order null comes first and the year 1 right before all other dates, so that an
order of its own is not needed: among dates, the missing ones come first when ascending.
"""

from dataclasses import dataclass
from datetime import datetime

from typing_extensions import override

from execution_monitor.storage.coercion import FIRST_TIME
from execution_monitor.storage.filters import FieldFilter, Filter, Query, Range
from execution_monitor.storage.predicates import Predicate, negate


@dataclass(frozen=True, slots=True)
class HasNoTime(FieldFilter):
    """The value is no date, or one of the year 1."""

    @override
    def to_mongo(self) -> Query:
        # One condition on one field, of which MongoDB makes ranges of an index.
        return {self.field: {"$not": {"$gte": FIRST_TIME}}}

    @override
    def predicate(self) -> Predicate:
        return negate(Range(self.field, gte=FIRST_TIME).predicate())


def has_time(field: str, *, wanted: bool) -> Filter:
    """The field has a time; or it lacks one, when `wanted` is false."""
    return Range(field, gte=FIRST_TIME) if wanted else HasNoTime(field)


def within(
    field: str,
    *,
    gt: datetime | None = None,
    gte: datetime | None = None,
    lt: datetime | None = None,
    lte: datetime | None = None,
) -> Filter:
    """The time lies within these bounds; a missing one lies within none."""
    lower = [bound for bound in (gt, gte) if bound is not None]
    if not lower or max(lower) < FIRST_TIME:
        gt, gte = None, FIRST_TIME
    return Range(field, gt=gt, gte=gte, lt=lt, lte=lte)

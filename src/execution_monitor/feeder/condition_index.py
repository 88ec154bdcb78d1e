"""The condition index: of all that is registered, finds what an image of a change meets, in little time a change.

A filter that names values of a field is found by the value, as in an index of a database. What else it says is put to
the images without asking what the change means; and of filters that say the same, one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from execution_monitor.live.changes import Change
from execution_monitor.live.routing import pinned_values
from execution_monitor.storage.filters import AllOf, Filter, OneOf, all_of
from execution_monitor.storage.predicates import Predicate, reader_of
from execution_monitor.storage.rows import Row

# All that is registered is of one tenant.
_TENANT = "tenant_id"
# Of fields that a filter names values of, the one that the fewest executions share a value of.
_FIRST = ("execution_id", "user_id", "workflow_name")
_LAST = "status"
# What is found under each of so many values costs no more than to look at some changes in vain.
_MAX_VALUES = 100


class Conditional(Protocol):
    """What has a condition on executions."""

    @property
    def condition(self) -> Filter:
        """What an image of a change must meet, if the change is to concern it."""
        ...


C = TypeVar("C", bound=Conditional)


@dataclass(frozen=True, slots=True)
class _Entry(Generic[C]):
    """Those that say the same, of the fields `reads` at the top of a document."""

    holds: Predicate
    reads: frozenset[str]
    those: list[C] = field(default_factory=list[C])

    def is_met_by(self, change: Change) -> bool:
        """Whether one of the images of `change` meets it."""
        before, after = change.before, change.after
        if after is not None and self.holds(after):
            return True
        if before is None:
            return False
        # Where nothing of it has changed, both images give the same answer.
        is_same = after is not None and change.changed is not None and self.reads.isdisjoint(change.changed)
        return not is_same and self.holds(before)


class ConditionIndex(Generic[C]):
    """The index of `registered`, which stays as it is."""

    def __init__(self, registered: Iterable[C]) -> None:
        by_value: dict[str, dict[str, dict[str, _Entry[C]]]] = defaultdict(lambda: defaultdict(dict))
        others: dict[str, _Entry[C]] = {}
        for one in registered:
            parts = _parts_of(one.condition)
            found = _find_values(parts)
            if found is None:
                _add(others, parts, one)
                continue
            path, values = found
            rest = [part for part in parts if not (isinstance(part, OneOf) and part.field == path)]
            for value in values:
                _add(by_value[path][value], rest, one)
        self._by_value: Mapping[str, Mapping[str, Sequence[_Entry[C]]]] = {
            path: {value: list(entries.values()) for value, entries in of_path.items()}
            for path, of_path in by_value.items()
        }
        self._readers = {path: reader_of(path) for path in by_value}
        self._others = list(others.values())

    def find(self, change: Change) -> Iterator[C]:
        """All whose condition an image of `change` meets, each once, and perhaps some that speak of now."""
        met = [one for entry in self._entries_for(change) if entry.is_met_by(change) for one in entry.those]
        # One that names several values may be found by each image.
        yield from {id(one): one for one in met}.values()

    def _entries_for(self, change: Change) -> Iterator[_Entry[C]]:
        yield from self._others
        images = [image for image in (change.before, change.after) if image is not None]
        for path, of_path in self._by_value.items():
            for value in self._texts_at(path, images):
                yield from of_path.get(value, ())

    def _texts_at(self, path: str, images: Sequence[Row]) -> Iterable[str]:
        # A list in place of a text is found under each element, as in a query.
        read = self._readers[path]
        return dict.fromkeys(found for image in images for found in read(image) if isinstance(found, str))


def _parts_of(condition: Filter) -> list[Filter]:
    """What all must hold, without what speaks of now and what is the same for all."""
    parts = condition.parts if isinstance(condition, AllOf) else (condition,)
    return [each for each in parts if not each.is_relative and tuple(each.fields()) != (_TENANT,)]


def _find_values(parts: Sequence[Filter]) -> tuple[str, Sequence[str]] | None:
    """The field by whose values a filter is found, and these; None where it names no values."""
    where = all_of(*parts)
    named = {part.field for part in parts if isinstance(part, OneOf)}
    others = sorted(named.difference(_FIRST, (_LAST,)))
    for path in (*_FIRST, *others, _LAST):
        values = pinned_values(where, path) if path in named else None
        if values is not None and len(values) <= _MAX_VALUES:
            return path, list(dict.fromkeys(values))
    return None


def _add(entries: dict[str, _Entry[C]], parts: Sequence[Filter], one: C) -> None:
    # By the text: numbers and truth values are equal to Python, and not to MongoDB.
    where = all_of(*parts)
    key = repr(where)
    if key not in entries:
        entries[key] = _Entry(where.predicate(), frozenset(each.partition(".")[0] for each in where.fields()))
    entries[key].those.append(one)

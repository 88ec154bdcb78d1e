"""Payloads that are too large to show: left with MongoDB, each by itself or, where many come together, all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from execution_monitor.errors import PayloadTooLarge

# Of engines' own making, and up to 16 MB each; what else a document has is small.
PAYLOAD_FIELDS = ("input_parameters", "final_result", "performance_data", "input_data", "result", "attributes")
# MongoDB stores no larger document.
LARGEST_DOCUMENT = 16 * 1024 * 1024

_SIZE = " bytes"


@dataclass(frozen=True, slots=True)
class TooLarge:
    """Stands for a payload that was not read."""

    size: int
    limit: int

    def refuse(self) -> PayloadTooLarge:
        """The error for whoever wants to see it."""
        return PayloadTooLarge(self.size, self.limit)


def projection_within(fields: Iterable[str], limit: int) -> dict[str, Any]:
    """The projection of `fields`, in which a payload of more than `limit` bytes is its size alone."""
    projection: dict[str, Any] = dict.fromkeys(sorted(fields), 1)
    if limit < LARGEST_DOCUMENT:
        for field in projection.keys() & set(PAYLOAD_FIELDS):
            size = {"$bsonSize": {"payload": f"${field}"}}
            is_large = {"$gt": [size, limit]}
            projection[field] = {"$cond": [is_large, "$$REMOVE", f"${field}"]}
            projection[field + _SIZE] = {"$cond": [is_large, size, "$$REMOVE"]}
    return projection


def mark_too_large(rows: Iterable[dict[str, Any]], limit: int) -> None:
    """Let the sizes that `projection_within` gave stand for their payloads."""
    if limit >= LARGEST_DOCUMENT:
        return
    for row in rows:
        for name in [name for name in row if name.endswith(_SIZE)]:
            row[name.removesuffix(_SIZE)] = TooLarge(row.pop(name), limit)


def shows_payloads(fields: frozenset[str] | None) -> bool:
    """Whether one of `fields` is a payload; None are all."""
    return fields is None or not fields.isdisjoint(PAYLOAD_FIELDS)

"""Payloads that are too large to send: MongoDB returns their sizes instead."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from execution_monitor.errors import PayloadTooLarge

# Engines write anything into these, up to 16 MB each; all other fields are small.
PAYLOAD_FIELDS = ("input_parameters", "final_result", "performance_data", "input_data", "result", "attributes")
# MongoDB stores no larger document.
LARGEST_DOCUMENT = 16 * 1024 * 1024

_SIZE = " bytes"


@dataclass(frozen=True, slots=True)
class TooLarge:
    """Stands for a payload that was not read. Sizes are in bytes."""

    size: int
    limit: int

    def refuse(self) -> PayloadTooLarge:
        """The error for a client that selects the payload."""
        return PayloadTooLarge(self.size, self.limit)


def projection_within(fields: Iterable[str], limit: int) -> dict[str, Any]:
    """The projection of `fields` that replaces each payload of more than `limit` bytes by its size."""
    projection: dict[str, Any] = dict.fromkeys(sorted(fields), 1)
    if limit < LARGEST_DOCUMENT:
        for field in projection.keys() & set(PAYLOAD_FIELDS):
            size = {"$bsonSize": {"payload": f"${field}"}}
            is_large = {"$gt": [size, limit]}
            projection[field] = {"$cond": [is_large, "$$REMOVE", f"${field}"]}
            projection[field + _SIZE] = {"$cond": [is_large, size, "$$REMOVE"]}
    return projection


def mark_too_large(rows: Iterable[dict[str, Any]], limit: int) -> None:
    """Put a `TooLarge` in place of each payload that `projection_within` replaced by its size."""
    if limit >= LARGEST_DOCUMENT:
        return
    for row in rows:
        for name in [name for name in row if name.endswith(_SIZE)]:
            row[name.removesuffix(_SIZE)] = TooLarge(row.pop(name), limit)


def shows_payloads(fields: frozenset[str] | None) -> bool:
    """Whether one of `fields` is a payload; None stands for all fields."""
    return fields is None or not fields.isdisjoint(PAYLOAD_FIELDS)

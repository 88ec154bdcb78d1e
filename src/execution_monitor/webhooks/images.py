"""Images of executions in the outbox: what a delivery shows of an execution, and what decides whether it may."""

from typing import Any

import bson
from bson.errors import BSONError

from execution_monitor.live.changes import DECODED
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.rows import Row

PAYLOAD_FIELDS = frozenset({"input_parameters", "final_result"})
# All that a filter may read and a body may show, beside the payloads: neither what engines measure nor the stamps of
# reports.
FACTS = frozenset(Execution.model_fields) - PAYLOAD_FIELDS - {"id", "revision_id", "performance_data", "ingest"} | {
    "_id"
}
# In an image: the execution has payloads, which were too large to keep.
PAYLOADS_OMITTED = "payloads_omitted"
# A row of the outbox has 16 MB at most, and an execution may have as many.
MAX_IMAGE_BYTES = 4 * 1024 * 1024
_MAX_FACT_BYTES = 128 * 1024


def encode_image(row: Row, *, with_payloads: bool) -> bytes:
    """The BSON of what `row` has of these fields, without its payloads where they make it larger than 4 MB."""
    facts = {name: value for name, value in row.items() if name in FACTS}
    if with_payloads:
        image = _encode({**facts, **{name: row[name] for name in PAYLOAD_FIELDS & row.keys()}})
        if len(image) <= MAX_IMAGE_BYTES:
            return image
        facts[PAYLOADS_OMITTED] = True
    image = _encode(facts)
    if len(image) <= MAX_IMAGE_BYTES:
        return image
    # Something else is that large: what filters read of it stays.
    return _encode({name: value for name, value in facts.items() if len(_encode({name: value})) <= _MAX_FACT_BYTES})


def shown_changes(changed: frozenset[str], *, with_payloads: bool) -> list[str]:
    """Those of the names of changed fields that an image may have."""
    return sorted(changed & (FACTS | PAYLOAD_FIELDS if with_payloads else FACTS))


def decode_image(image: bytes) -> dict[str, Any]:
    """The row that `encode_image` was given, without what it left out."""
    return bson.decode(image, codec_options=DECODED)  # pyright: ignore[reportUnknownMemberType] - an overload is open


def _encode(row: Row) -> bytes:
    try:
        return bson.encode(dict(row), codec_options=DECODED)
    except (BSONError, OverflowError, ValueError):
        # What was decoded may hold a value that cannot be encoded again.
        return bson.encode({name: value for name, value in row.items() if _is_encodable(value)}, codec_options=DECODED)


def _is_encodable(value: Any) -> bool:
    try:
        bson.encode({"": value}, codec_options=DECODED)
    except (BSONError, OverflowError, ValueError):
        return False
    return True

"""Registers: fields of a document, and the stamp of the report that set them, by which registers are joined.

A stamp has a rank, a time and a digest of the values, and the greater one wins. Stamps are in a total order, so joining
registers is commutative, associative and idempotent.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from execution_monitor.ingest.writer.bson_encoding import element_of_time, elements_of
from execution_monitor.storage.bson_ordering import milliseconds_of

_RANK_BYTES = 4
_TIME_BYTES = 6
_DIGEST_BYTES = 6
_TIME_BITS = 8 * _TIME_BYTES
_LAST_TIME = 2**_TIME_BITS - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LAST_DATE = milliseconds_of(datetime.max.replace(tzinfo=UTC))


# Not frozen: several are made of every report of a document, and that would take twice as long.
@dataclass(slots=True)
class Register:
    """Fields of a document, by their stored names, and the stamp of the report that set them; None: no value.

    Attributes:
        elements: the fields that have a value, in BSON.
    """

    stamp: bytes
    fields: Mapping[str, Any]
    elements: bytes

    @classmethod
    def of(cls, fields: Mapping[str, Any], *, rank: int, at: datetime, earliest: bool = False) -> "Register":
        """What a report says of `fields` at a time of the sender; with `earliest` the earlier of two is the greater.

        Raises:
            RefusedWrite: BSON cannot hold a value.
        """
        elements = elements_of({name: value for name, value in fields.items() if value is not None})
        # BSON differs wherever what is stored does, unlike equality: to Python, True equals 1.
        digest = hashlib.blake2b(elements, digest_size=_DIGEST_BYTES).digest()
        return cls(_rank_and_time(rank, milliseconds_of(at), earliest=earliest) + digest, fields, elements)

    @classmethod
    def of_time(cls, field: str, at: datetime, *, rank: int, earliest: bool = False) -> "Register":
        """What a report says of a single `field` that holds the time of the report itself.

        Its stamp has no digest, as its time tells it from others; unless that is one that stamps cannot hold.
        """
        milliseconds = milliseconds_of(at)
        if not 0 <= milliseconds <= _LAST_TIME:
            return cls.of({field: at}, rank=rank, at=at, earliest=earliest)
        stamp = _rank_and_time(rank, milliseconds, earliest=earliest)
        return cls(stamp, {field: at}, element_of_time(field, milliseconds))

    @classmethod
    def restored(cls, stamp: bytes, fields: Mapping[str, Any]) -> "Register":
        """The register that was kept somewhere as its stamp and its fields."""
        return cls(stamp, fields, elements_of({name: value for name, value in fields.items() if value is not None}))


def rank_of(stamp: bytes) -> int:
    """The rank of the report that `stamp` is of."""
    return int.from_bytes(stamp[:_RANK_BYTES], "big")


def time_of(stamp: bytes) -> datetime:
    """The time of the report that `stamp` is of, where not the earliest but the latest one wins."""
    milliseconds = int.from_bytes(stamp[_RANK_BYTES : _RANK_BYTES + _TIME_BYTES], "big")
    return _EPOCH + min(milliseconds, _LAST_DATE) * _MILLISECOND


def _rank_and_time(rank: int, milliseconds: int, *, earliest: bool) -> bytes:
    time = min(max(milliseconds, 0), _LAST_TIME)
    return (rank << _TIME_BITS | (_LAST_TIME - time if earliest else time)).to_bytes(_RANK_BYTES + _TIME_BYTES, "big")

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


@dataclass(frozen=True, slots=True)
class Constants:
    """Fields that many reports have in common, which are encoded once; None: no value."""

    fields: Mapping[str, Any]
    elements: bytes
    digest: bytes

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Constants":
        """Encode `fields`; raises `RefusedWrite` where BSON cannot hold a value."""
        elements = _elements_of(fields)
        return cls(fields, elements, _digest_of(elements))


NO_CONSTANTS = Constants({}, b"", b"")


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
        elements = _elements_of(fields)
        time = min(max(milliseconds_of(at), 0), _LAST_TIME)
        return cls(_rank_and_time(rank, time, earliest=earliest) + _digest_of(elements), fields, elements)

    @classmethod
    def of_time(
        cls, field: str, at: datetime, *, rank: int, earliest: bool = False, constants: Constants = NO_CONSTANTS
    ) -> "Register":
        """What a report says of a `field` that holds the time of the report itself, beside fields that are `constants`.

        The digest is of these alone, since the stamp has the time; unless that is one that stamps cannot hold.
        """
        milliseconds = milliseconds_of(at)
        fields = {**constants.fields, field: at}
        if not 0 <= milliseconds <= _LAST_TIME:
            return cls.of(fields, rank=rank, at=at, earliest=earliest)
        stamp = _rank_and_time(rank, milliseconds, earliest=earliest) + constants.digest
        return cls(stamp, fields, constants.elements + element_of_time(field, milliseconds))

    @classmethod
    def restored(cls, stamp: bytes, fields: Mapping[str, Any]) -> "Register":
        """The register that was kept somewhere as its stamp and its fields."""
        return cls(stamp, fields, _elements_of(fields))


def rank_of(stamp: bytes) -> int:
    """The rank of the report that `stamp` is of."""
    return int.from_bytes(stamp[:_RANK_BYTES], "big")


def time_of(stamp: bytes) -> datetime:
    """The time of the report that `stamp` is of, where not the earliest but the latest one wins."""
    milliseconds = int.from_bytes(stamp[_RANK_BYTES : _RANK_BYTES + _TIME_BYTES], "big")
    return _EPOCH + min(milliseconds, _LAST_DATE) * _MILLISECOND


def _elements_of(fields: Mapping[str, Any]) -> bytes:
    return elements_of({name: value for name, value in fields.items() if value is not None})


def _digest_of(elements: bytes) -> bytes:
    # BSON differs wherever what is stored does, unlike equality: to Python, True equals 1.
    return hashlib.blake2b(elements, digest_size=_DIGEST_BYTES).digest()


def _rank_and_time(rank: int, time: int, *, earliest: bool) -> bytes:
    return (rank << _TIME_BITS | (_LAST_TIME - time if earliest else time)).to_bytes(_RANK_BYTES + _TIME_BYTES, "big")

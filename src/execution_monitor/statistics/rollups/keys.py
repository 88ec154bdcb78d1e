"""Keys: the `_id` of rows, made so that what is read together lies together, and no other index is needed.

    tenant, generation, family, owner where rows lie by owner, span, first quarter, all values

The tenant, the owner and the values are digests of equal length, numbers are big-endian: bytes order as rows are read.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from bson.binary import Binary

from execution_monitor.statistics.rollups.families import Cells, Family, Span

# Two tenants of one digest could not have rows both; values of one digest would be added up as the same.
_TENANT_BYTES, _VALUES_BYTES = 12, 16
_OF_TENANT = 0
_OFFSET = 2**63
_NUMBERS = struct.Struct(">BQ")
_LAST = b"\xff"

# What stands in rows for a value that is neither text nor missing: no filter finds it, and it is not null.
OTHER = True

Values = tuple[str | bool | None, ...]


@lru_cache(maxsize=10_000)
def tenant_prefix(tenant: str, generation: int | None = None) -> bytes:
    """What all keys of a tenant, or all of one generation, begin with."""
    digest = _digest((tenant,), _TENANT_BYTES)
    return digest if generation is None else digest + generation.to_bytes(4)


def tenant_key(tenant: str) -> Binary:
    """The `_id` of the document that says how far a tenant's rows have come."""
    return Binary(tenant_prefix(tenant) + bytes((_OF_TENANT,)))


def row_key(prefix: bytes, family: Family, span: Span, first: int, values: Values) -> Binary:
    """The `_id` of a row; `prefix` is that of a tenant and generation, `values` are those of the family's fields."""
    return Binary(_place(prefix, family, values[:1]) + _numbers(span, first) + _digest(values, _VALUES_BYTES))


def key_ranges(
    prefix: bytes, family: Family, cells: Sequence[Cells], owner: str | None = None
) -> list[tuple[Binary, Binary]]:
    """Of each of `cells` the least key that a row may have and the greatest."""
    place = _place(prefix, family, (owner,))
    found = list[tuple[Binary, Binary]]()
    for each in cells:
        end = _OFFSET - 1 if each.end is None else each.end - 1
        least = place + _numbers(each.span, each.first) + bytes(_VALUES_BYTES)
        found.append((Binary(least), Binary(place + _numbers(each.span, end) + _LAST * _VALUES_BYTES)))
    return found


def older_ranges(tenant: str, generation: int) -> list[tuple[Binary, Binary]]:
    """The ranges of the keys of rows of generations before `generation`, for each length of keys."""
    least, greatest = tenant_prefix(tenant, 0), tenant_prefix(tenant, generation)
    rest = 1 + _NUMBERS.size + _VALUES_BYTES
    return [
        (Binary(least + bytes(length)), Binary(greatest + bytes(length))) for length in (rest, rest + _VALUES_BYTES)
    ]


def _place(prefix: bytes, family: Family, owner: Values) -> bytes:
    place = prefix + bytes((family.number,))
    return place + _digest(owner, _VALUES_BYTES) if family.by_owner else place


def _numbers(span: Span, first: int) -> bytes:
    return _NUMBERS.pack(span.value, first + _OFFSET)


@lru_cache(maxsize=50_000)
def _digest(values: Values, size: int) -> bytes:
    """A digest of texts, of which any may be missing or `OTHER`."""
    digest = blake2b(digest_size=size)
    for each in values:
        # No text is valid without its length, so that parts cannot be mistaken for one another.
        if isinstance(each, str):
            encoded = each.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(encoded) + encoded)
        else:
            digest.update(b"-" if each is None else b"*")
    return digest.digest()

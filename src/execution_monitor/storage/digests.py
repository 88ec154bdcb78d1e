"""The digest that ids, cursors and topics are tied to their values by."""

import hashlib

DIGEST_BYTES = 8


def digest_of(*values: object, size: int = DIGEST_BYTES) -> bytes:
    """A BLAKE2b digest of `size` bytes over the `repr` of `values`, the same in every process.

    The `repr` differs wherever the values do, unlike equality: to Python, True equals 1.
    """
    return hashlib.blake2b(repr(values).encode("utf-8", "surrogatepass"), digest_size=size).digest()

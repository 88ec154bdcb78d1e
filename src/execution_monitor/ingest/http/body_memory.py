"""The memory for bodies of ingest requests that are being read or stored, of all clients together."""

import contextlib
from collections.abc import Callable, Generator

from execution_monitor.errors import ServerBusy


class BodyMemory:
    """Counts the bytes of bodies in memory, of which all together may have `limit`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.used = 0

    @contextlib.contextmanager
    def share(self) -> Generator[Callable[[int], None]]:
        """The share of one request, given back at the end of the block.

        Yields a function that reserves a number of bytes; it raises `ServerBusy` when there is no room for them.
        """
        reserved = 0

        def reserve(size: int) -> None:
            nonlocal reserved
            if self.used + size > self._limit:
                raise ServerBusy("The server holds as many reports as it can; send this one again in some seconds.")
            self.used += size
            reserved += size

        try:
            yield reserve
        finally:
            self.used -= reserved

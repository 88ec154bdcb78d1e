"""Graceful shutdown: streams and probes learn that the process is about to stop."""

from collections.abc import Callable

# The key of the lifespan's state (ASGI) under which an application passes its `Draining` to the server.
STATE_KEY = "draining"


class Draining:
    """Whether the process is about to stop, and what to call when it is."""

    def __init__(self) -> None:
        self.has_begun = False
        self._calls: set[Callable[[], object]] = set()

    def begin(self) -> None:
        """Call all callbacks, once."""
        self.has_begun = True
        calls, self._calls = self._calls, set()
        for call in calls:
            call()

    def on_begin(self, call: Callable[[], object]) -> None:
        """Register `call` for the begin of the shutdown, or call it now if that has begun."""
        if self.has_begun:
            call()
        else:
            self._calls.add(call)

    def forget(self, call: Callable[[], object]) -> None:
        """Remove the callback `call`."""
        self._calls.discard(call)

"""Defer Ctrl-C and SIGTERM during work that must not be interrupted."""

import contextlib
import signal
import threading
from collections.abc import Generator

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def interrupts_deferred() -> Generator[None]:
    """Let the block finish before a Ctrl-C or SIGTERM that arrives meanwhile takes effect."""
    if threading.current_thread() is not threading.main_thread():
        # Python runs signal handlers in its main thread only.
        yield
        return
    arrived: list[int] = []
    with contextlib.ExitStack() as stack:
        # Run last, with the handlers back in place.
        stack.callback(_raise_again, arrived)
        for number in _SIGNALS:
            before = signal.getsignal(number)
            # None is a handler that was not set from Python and cannot be put back; an ignored signal stays ignored.
            if before is not None and before != signal.SIG_IGN:
                stack.callback(signal.signal, number, before)
                signal.signal(number, lambda number, _frame: arrived.append(number))
        yield


def _raise_again(arrived: list[int]) -> None:
    for number in dict.fromkeys(arrived):
        signal.raise_signal(number)

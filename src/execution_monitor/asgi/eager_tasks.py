"""Coroutines that begin at once, as `asyncio.eager_task_factory` has them from Python 3.12 on."""

from collections.abc import Awaitable, Coroutine, Generator
from types import coroutine as awaitable
from typing import Any


def start_eagerly(coroutine: Coroutine[Any, Any, object]) -> Awaitable[None] | None:
    """Run `coroutine` up to where it first has to wait; the rest of it, or None when it never had to.

    Raises what it raises on the way. The rest must be awaited, in whichever task.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return _go_on(coroutine, awaited)


@awaitable
def _go_on(coroutine: Coroutine[Any, Any, object], awaited: Any) -> Generator[Any, Any, None]:
    # What `yield from` would do, but that it refuses a coroutine which waits already.
    try:
        while True:
            try:
                sent = yield awaited
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - it is the coroutine's to take
                awaited = coroutine.throw(error)
            else:
                awaited = coroutine.send(sent)
    except StopIteration:
        return
    finally:
        coroutine.close()

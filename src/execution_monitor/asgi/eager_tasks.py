"""Start coroutines eagerly, as `asyncio.eager_task_factory` does from Python 3.12 on."""

from collections.abc import Awaitable, Coroutine, Generator
from types import coroutine as awaitable
from typing import Any


def start_eagerly(coroutine: Coroutine[Any, Any, object]) -> Awaitable[None] | None:
    """Run `coroutine` until it first has to wait; returns the rest of it, or None if it has ended.

    Raises what `coroutine` raises until then. The rest must be awaited, in any task.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return _continue(coroutine, awaited)


@awaitable
def _continue(coroutine: Coroutine[Any, Any, object], awaited: Any) -> Generator[Any, Any, None]:
    # As `yield from` does, which refuses a coroutine that already waits.
    try:
        while True:
            try:
                sent = yield awaited
            except GeneratorExit:
                raise
            except BaseException as error:  # noqa: BLE001 - the coroutine handles it
                awaited = coroutine.throw(error)
            else:
                awaited = coroutine.send(sent)
    except StopIteration:
        return
    finally:
        coroutine.close()

"""End tasks: cancelled, and awaited until they have really ended."""

import asyncio
from typing import Any

# Long enough for a clean-up that waits once or twice: cancelling again breaks its next wait.
_AGAIN_SECONDS = 0.5


async def end_tasks(*tasks: asyncio.Task[Any]) -> None:
    """Cancel `tasks` and wait until each has ended, whatever with; those that go on are cancelled again.

    One time is not enough: PyMongo sends with `asyncio.wait_for`, which before Python 3.12 loses a cancellation that
    comes as the sending ends. The task would go on for ever, and whoever awaits it with it.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN_SECONDS)
    # Looked at, or asyncio logs an exception that was never retrieved.
    await asyncio.gather(*tasks, return_exceptions=True)

"""The schedule of retries: when a delivery that failed is tried again, and when it is given up."""

import random
from collections.abc import Callable

# After the first attempt, in seconds: about a day and a quarter in all.
DELAYS = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 36_000.0)
MAX_ATTEMPTS = 1 + len(DELAYS)
# What failed together is not tried again together.
_SPREAD = 0.2
# A receiver may want to be left alone for a day.
MAX_RETRY_AFTER = 86_400.0


def seconds_until_retry(
    attempts: int,
    retry_after: float | None = None,
    spread: Callable[[float, float], float] = random.uniform,
) -> float | None:
    """How long to wait after so many `attempts`, each of which failed; None when there is no other.

    Args:
        attempts: How many there were.
        retry_after: How long the receiver wants to be left alone, if it said so.
        spread: A random number between two.
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    planned = DELAYS[attempts - 1] * spread(1 - _SPREAD, 1 + _SPREAD)
    return planned if retry_after is None else max(planned, min(retry_after, MAX_RETRY_AFTER))

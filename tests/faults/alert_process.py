"""A process that feeds and evaluates rules of alerts, and kills itself at a point that a test names."""

import asyncio
import os
import random
import signal
import time
from typing import Any

from execution_monitor.alerts.evaluation import claims, evaluator
from execution_monitor.alerts.evaluation.claims import Claims
from execution_monitor.alerts.evaluation.evaluator import Evaluator
from execution_monitor.alerts.evaluation.measuring import Measuring
from execution_monitor.alerts.evaluation.settling import Settling
from execution_monitor.alerts.events import Events
from execution_monitor.alerts.links import Links
from execution_monitor.alerts.notifications import Notifications
from execution_monitor.alerts.transitions import Transitions
from execution_monitor.feeder.feeder import Feeder
from execution_monitor.statistics.service import Statistics
from execution_monitor.storage.database import open_database
from execution_monitor.storage.leases import Lease
from execution_monitor.storage.reader import Reader

# What is patched at each point, and whether the process ends before it or behind it.
POINTS: dict[str, tuple[type[Any], str, bool]] = {
    "before a claim": (Claims, "take", True),
    "claimed": (Claims, "take", False),
    "before a transaction": (Settling, "_commit", True),
    "within a transaction": (Transitions, "apply", False),
    "behind a transaction": (Settling, "_commit", False),
    "before the transaction of changes": (Events, "take", True),
    "within the transaction of changes": (Events, "_write", False),
    "behind the transaction of changes": (Events, "take", False),
}
# A killed process keeps its lease and its claims so long: in a deployment 30 s and 60 s.
LEASE_SECONDS = 1.0
CLAIM_SECONDS = 1
_EVERY_MS = 100


def run(uri: str, database: str, point: str | None, freezes: bool) -> None:  # noqa: FBT001 - as an argument of a process
    """Feed and evaluate until killed; with a `point` this process kills itself there, or `freezes` for two claims."""
    claims.CLAIM_SECONDS = CLAIM_SECONDS
    setattr(claims, "_NEXT", {"$add": ["$$NOW", _EVERY_MS]})  # noqa: B010 - it is private
    setattr(evaluator, "_IDLE_SECONDS", 0.02)  # noqa: B010
    if point is not None:
        _end_at(point, freezes=freezes)
    asyncio.run(_run(uri, database))


def _end_at(point: str, *, freezes: bool) -> None:
    owner, name, is_before = POINTS[point]
    original: Any = owner.__dict__[name]
    # A condition that changes once is written once.
    left = 1 if owner in (Settling, Transitions) else random.randrange(1, 3)  # noqa: S311 - no secret

    def end() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            if not freezes:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(2 * CLAIM_SECONDS)
            left = 2

    async def ending(*arguments: Any, **options: Any) -> Any:
        if is_before:
            end()
        found = await original(*arguments, **options)
        # A claim that found nothing is none.
        if not is_before and not (name == "take" and owner is Claims and found is None):
            end()
        return found

    setattr(owner, name, ending)


async def _run(uri: str, name: str) -> None:
    async with open_database(uri, name) as database:
        await database.connect()
        transitions = Transitions(Notifications(database, Links()))
        evaluating = Evaluator(database, Measuring(Statistics(Reader(database, 5_000))), transitions, _wake_nobody)
        events = Events(database, transitions, _wake_nobody)
        feeder = Feeder(database, [events], Lease(database, "feeder", seconds=LEASE_SECONDS))
        await asyncio.gather(feeder.run(), evaluating.run())


def _wake_nobody() -> None:
    """Nothing is sent."""

"""Everything that makes alerts in one process, wired together: what the feeder hands changes to, and what evaluates."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

from execution_monitor.alerts.evaluation.evaluator import Evaluator
from execution_monitor.alerts.evaluation.measuring import Measuring
from execution_monitor.alerts.events import Events
from execution_monitor.alerts.links import Links
from execution_monitor.alerts.notifications import Notifications
from execution_monitor.alerts.transitions import Transitions
from execution_monitor.statistics.service import Statistics
from execution_monitor.tasks import end_tasks

# A question of several queries must be answered while its claim lasts.
MAX_QUERY_MS = 8_000


class EvaluationService:
    """Makes the alerts of one process; an async context manager that evaluates while it is open.

    Args:
        statistics: what rules are measured by.
        links: for the messages.
        wakes: called when there are messages to send.

    Attributes:
        events: the consumer of the feeder.
        evaluator: evaluates the other rules.
    """

    def __init__(self, statistics: Statistics, links: Links, wakes: Sequence[Callable[[], None]]) -> None:
        database = statistics.reader.database
        transitions = Transitions(Notifications(database, links))

        def wake() -> None:
            for each in wakes:
                each()

        self.events = Events(database, transitions, wake)
        self.evaluator = Evaluator(database, Measuring(statistics), transitions, wake)
        self._evaluating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._evaluating = asyncio.create_task(self.evaluator.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._evaluating is not None:
            await end_tasks(self._evaluating)

"""Live statistics of several people: every answer is kept, to be compared with what the model says they may count."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from execution_monitor.statistics.live.service import LiveStatistics
from execution_monitor.statistics.live.subscription import StatisticsDelivery, StatisticsSubscription
from execution_monitor.statistics.requests import GroupField, GroupsRequest, StatisticsRequest
from execution_monitor.storage.filters import Range
from tests.authorization_model.reference import Person, Row

BY_USER = GroupsRequest(GroupField.USER_ID, first=100)
REQUEST = StatisticsRequest(Range("created", gte=datetime(2000, 1, 1, tzinfo=UTC)), groups=(BY_USER,))
Counted = Counter[str]


@dataclass
class Following:
    """One person's answers so far, as numbers of executions by their owner."""

    who: Person
    subscription: StatisticsSubscription
    answers: list[Counted] = field(default_factory=list[Counted])
    has_received: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> None:
        async for delivery in self.subscription:
            assert isinstance(delivery, StatisticsDelivery)
            groups = delivery.answer.groups[BY_USER]
            self.answers.append(Counter({str(each.key): each.breakdown.count for each in groups}))
            self.has_received.set()

    async def wait_for_last(self, history: Sequence[Counted]) -> None:
        """Return once the last answer is the last of `history`, or some answer is none of it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                while self.answers[-1:] != [history[-1]] and all(each in history for each in self.answers):
                    await self.has_received.wait()
                    self.has_received.clear()


@contextlib.asynccontextmanager
async def following_statistics(statistics: LiveStatistics, people: Sequence[Person]) -> AsyncGenerator[list[Following]]:
    """Follow what everyone of `people` may count."""
    followed = [Following(who, await statistics.subscribe(who.caller, REQUEST)) for who in people]
    receiving = [asyncio.create_task(each.receive()) for each in followed]
    try:
        yield followed
    finally:
        for each in followed:
            each.subscription.close()
        await asyncio.gather(*receiving)


def counted_by(who: Person, rows: Sequence[Row], changes: Sequence[tuple[Row | None, Row | None]]) -> list[Counted]:
    """What `who` may count of `rows`, and after each of the `changes` that followed."""
    counted = Counter(row["user_id"] for row in rows if who.sees(row))
    history = [counted.copy()]
    for before, after in changes:
        for row, times in ((before, -1), (after, 1)):
            if row is not None and who.sees(row):
                counted[row["user_id"]] += times
        history.append(+counted)
    return history

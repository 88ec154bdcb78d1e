"""Catching up from MongoDB's history, with a MongoDB that is cut off again and again."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, cast

import pytest
from pymongo.errors import AutoReconnect

from execution_monitor.live import catch_up_from_history
from execution_monitor.live.catch_up_from_history import CatchUpLimits, HistoryCatchUp
from execution_monitor.live.catch_up_group import CatchUpSteps, JudgementCache
from execution_monitor.live.changes import Change, GapReason
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.subscriber import BacklogLimits, Subscriber, SubscriberTotals
from execution_monitor.live.topics import ActivityTopic, Topic, Visibility
from tests.live.factories import ADA, CURSORS, change, execution, position_at, topic
from tests.live.subscriber import eventually

SOON = 10.0
LAST = 12


class Stream:
    """A change stream that is cut off after so many events."""

    def __init__(self, history: "History", position: StreamPosition) -> None:
        self.position = position
        self.is_open = True
        self._history = history
        self._left = history.events_until_a_cut

    async def next_batch(self, _: int) -> Sequence[Change]:
        """The next event, alone."""
        await self._history.goes_on.wait()
        if not self._left:
            raise AutoReconnect("cut off")
        self._left -= 1
        found = next(each for each in self._history.changes if each.position > self.position)
        self.position = found.position
        return [found]


class History:
    """What MongoDB remembers: a change at each position up to `LAST`, read by streams that are cut off."""

    def __init__(self, events_until_a_cut: int) -> None:
        self.events_until_a_cut = events_until_a_cut
        self.changes = [change(number, None, execution(f"e{number}")) for number in range(1, LAST + 1)]
        self.followed: list[frozenset[str]] = []  # of each stream that was opened
        self.given_up: list[GapReason] = []
        self.left = asyncio.Event()
        self.goes_on = asyncio.Event()
        steps = CatchUpSteps(
            JudgementCache(),
            is_in_buffer=lambda _, position: position >= position_at(LAST),
            assign=lambda _, __: self.left.set(),
            give_up=self._give_up,
        )
        self.catch_up = HistoryCatchUp(lambda: cast("Any", None), steps, CatchUpLimits())

    @contextlib.asynccontextmanager
    async def open(
        self, _: object, position: StreamPosition, followed: frozenset[str], __: object
    ) -> AsyncGenerator[Stream]:
        self.followed.append(followed)
        yield Stream(self, position)

    def subscriber(self, of: Topic) -> Subscriber:
        """A subscriber that has nothing yet, and catches up."""
        found = Subscriber(of, BacklogLimits(), SubscriberTotals(), position_at(0))
        self.catch_up.add(found, position_at(0))
        return found

    def _give_up(self, _: Subscriber, reason: GapReason) -> None:
        self.given_up.append(reason)
        self.left.set()


@pytest.fixture
async def history_of(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Callable[[int], History]]:
    """`history_of(events)`: a history whose streams are cut off after so many events."""
    made: list[History] = []

    def make(events_until_a_cut: int) -> History:
        made.append(history := History(events_until_a_cut))
        monkeypatch.setattr(catch_up_from_history, "open_change_stream", history.open)
        monkeypatch.setattr(catch_up_from_history, "_PAUSE_SECONDS", 0.0)
        # A stream that a test holds up is not opened again, as a silent one is.
        monkeypatch.setattr(catch_up_from_history, "_SILENCE_SECONDS", 600.0)
        return history

    yield make
    for each in made:
        await each.catch_up.close()


async def test_streams_that_are_cut_off_for_ever_are_enough_while_each_gets_further(
    history_of: Callable[[int], History],
):
    history = history_of(1)
    subscriber = history.subscriber(topic(ADA))
    history.goes_on.set()

    async with asyncio.timeout(SOON):
        await history.left.wait()

    received = [subscriber.take() for _ in range(len(subscriber))]
    assert [each.execution_id for each in received if each] == [f"e{number}" for number in range(1, LAST + 1)]
    assert history.given_up == []
    assert len(history.followed) == LAST


async def test_streams_that_get_no_further_are_given_up(history_of: Callable[[int], History]):
    history = history_of(0)
    history.subscriber(topic(ADA))
    history.goes_on.set()

    async with asyncio.timeout(SOON):
        await history.left.wait()

    assert history.given_up == [GapReason.UNAVAILABLE]
    assert 2 <= len(history.followed) <= 10


async def test_who_follows_an_execution_joins_no_stream_that_leaves_its_steps_out(
    history_of: Callable[[int], History],
):
    history = history_of(1)
    history.subscriber(topic(ADA))
    await eventually(lambda: len(history.followed) == 1)
    # The stream has read nothing yet, so that others of the tenant may join it.
    history.subscriber(topic(ADA))
    history.subscriber(ActivityTopic(CURSORS, Visibility.of(ADA), "e1"))
    await eventually(lambda: len(history.followed) == 2)

    assert history.followed == [frozenset(), frozenset({"e1"})]

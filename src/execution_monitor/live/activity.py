"""Everything that happens to one execution: its present state first, then its changes, until it has come to an end."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Self

from execution_monitor.errors import NotFound
from execution_monitor.live.cursors import ResumeMode
from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.live.resume_tokens import StreamPosition, position_after
from execution_monitor.live.snapshot import PresentState, read_present_state
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.live.topics import ActivityTopic
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import TERMINAL_STATUSES
from execution_monitor.storage.filters import all_of

_TERMINAL = frozenset(status.value for status in TERMINAL_STATUSES)

Follow = Callable[[ActivityTopic, StreamPosition], Subscriber]


class Activity:
    """The events of one execution, as an async iterator of one reader; close it in the end.

    It ends with LEFT or DELETED, and by itself once the execution has been in a terminal state for `linger` seconds.
    After a gap it begins anew with the present state. `leave` is called once, when it is closed.
    """

    def __init__(
        self, topic: ActivityTopic, database: Database, follow: Follow, linger: float, leave: Callable[[], None]
    ) -> None:
        self._leave = leave
        self._topic = topic
        self._database = database
        self._follow = follow
        self._linger = linger
        self._state: deque[Delivery] = deque()
        self._subscriber: Subscriber | None = None
        self._ends_at: float | None = None
        self.is_closed = False

    @property
    def execution_id(self) -> str:
        """The execution that is followed."""
        return self._topic.execution_id

    async def begin(self) -> None:
        """Read the present state; raises `NotFound` when the caller may see no such execution."""
        state = await self._read()
        if state is None:
            raise NotFound("There is no such execution, or you may not see it.")
        self._begin_with(state)

    async def resume(self, position: StreamPosition) -> None:
        """Go on behind `position`, at which the caller could see the execution."""
        state = await self._read()
        if state is not None:
            self._watch_for_the_end(state.execution.get("status"))
        # When it is gone by now, the events that follow tell how.
        self._subscriber = self._follow(self._topic, position)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delivery:
        """Wait for the next event; it may be cancelled without losing one."""
        if self._state:
            return self._state.popleft()
        if not self.is_closed and self._subscriber is None:
            state = await self._read()
            if state is None:
                self.close()
            else:
                self._begin_with(state)
                return self._state.popleft()
        if self.is_closed or self._subscriber is None:
            raise StopAsyncIteration
        try:
            async with asyncio.timeout_at(self._ends_at):
                delivery = await anext(self._subscriber)
        except TimeoutError:
            self.close()
            raise StopAsyncIteration from None
        self._observe(delivery)
        return delivery

    def close(self) -> None:
        """End the iteration."""
        if not self.is_closed:
            self._leave()
        self.is_closed = True
        self._state.clear()
        if self._subscriber is not None:
            self._subscriber.close()

    def _observe(self, delivery: Delivery) -> None:
        if delivery.kind is EventKind.GAP:
            if self._subscriber is not None:
                self._subscriber.close()
            self._subscriber = None
        elif delivery.kind in (EventKind.LEFT, EventKind.DELETED):
            # Steps and log lines that follow are no longer for this caller.
            self.close()
        elif delivery.kind in (EventKind.ENTERED, EventKind.UPDATED) and delivery.row is not None:
            self._watch_for_the_end(delivery.row.get("status"))

    async def _read(self) -> PresentState | None:
        topic = self._topic
        return await read_present_state(self._database, all_of(topic.rights.visible, topic.is_it), topic.are_parts)

    def _begin_with(self, state: PresentState) -> None:
        position = position_after(state.read_at)
        occurred_at = state.read_at.as_datetime()
        rows = [
            (EventKind.ENTERED, state.execution),
            *((EventKind.STEP, step) for step in state.steps),
            *((EventKind.LOG, line) for line in state.logs),
        ]
        for kind, row in rows:
            # Whoever breaks off in the middle begins again; behind the last nothing is missing.
            self._state.append(
                Delivery(
                    topic=self._topic,
                    kind=kind,
                    position=position,
                    occurred_at=occurred_at,
                    execution_id=self._topic.execution_id,
                    row=row,
                    changed=None,
                    mark=ResumeMode.RESTART,
                )
            )
        self._state[-1].mark = ResumeMode.CONTINUE
        self._watch_for_the_end(state.execution.get("status"))
        self._subscriber = self._follow(self._topic, position)

    def _watch_for_the_end(self, status: object) -> None:
        is_over = isinstance(status, str) and status in _TERMINAL
        self._ends_at = asyncio.get_running_loop().time() + self._linger if is_over else None

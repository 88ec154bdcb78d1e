"""Group commit: while one write is under way, what arrives for the same owner is joined and goes with the next.

A write waits three times for a majority of MongoDB, whether it holds one report or a hundred.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from execution_monitor.errors import DatabaseUnavailable, ServerBusy
from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.ingest.writer.ownership import Owner
from execution_monitor.ingest.writer.writer import Outcome
from execution_monitor.tasks import end_tasks

Write = Callable[[Owner, Facts], Awaitable[Outcome]]

_MAX_MEMBERS = 500
_MAX_DOCUMENTS = 5_000
# Of all owners together: some ten groups, which take seconds. Senders that are refused send again.
MAX_WAITING = 2_000
MAX_WAITING_DOCUMENTS = 200_000
# Servers stop within seconds.
_CLOSING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Member:
    """One request that waits for its write."""

    facts: Facts
    outcome: asyncio.Future[Outcome]


@dataclass(slots=True)
class _Queue:
    """The requests of one owner, and the task that writes them."""

    members: deque[_Member] = field(default_factory=deque[_Member])
    task: asyncio.Task[None] | None = None


class GroupCommit:
    """Writes with `write`, one group at a time for each owner."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._queues: dict[Owner, _Queue] = {}
        self._waiting = 0
        self._waiting_documents = 0
        self._is_closed = False

    async def submit(self, owner: Owner, facts: Facts) -> Outcome:
        """Write `facts`, with others'; returns once that is done.

        Raises:
            ServerBusy: too many requests wait, or the server stops.
            Exception: what the write of these facts raised.
        """
        size = _size(facts)
        is_full = self._waiting >= MAX_WAITING or (
            self._waiting and self._waiting_documents + size > MAX_WAITING_DOCUMENTS
        )
        if self._is_closed or is_full:
            raise ServerBusy("Too many reports wait to be stored; send this one again in a moment.")
        queue = self._queues.setdefault(owner, _Queue())
        member = _Member(facts, asyncio.get_running_loop().create_future())
        queue.members.append(member)
        self._waiting += 1
        self._waiting_documents += size
        if queue.task is None:
            queue.task = asyncio.create_task(self._run(owner, queue))
        try:
            # A sender that goes away cancels its own outcome, and not the write of others.
            return await member.outcome
        finally:
            self._waiting -= 1
            self._waiting_documents -= size

    async def close(self) -> None:
        """Write what waits, and take no more."""
        self._is_closed = True
        tasks = [queue.task for queue in self._queues.values() if queue.task is not None]
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=_CLOSING_SECONDS)
            await end_tasks(*left)

    async def _run(self, owner: Owner, queue: _Queue) -> None:
        try:
            while queue.members:
                await self._write_group(owner, _take(queue.members))
        finally:
            del self._queues[owner]
            for member in queue.members:
                member.outcome.cancel()

    async def _write_group(self, owner: Owner, members: list[_Member]) -> None:
        if len(members) > 1:
            joined = Facts(members[0].facts.clean)
            for member in members:
                joined.join(member.facts)
            try:
                outcome = await self._write(owner, joined)
            except Exception as error:  # noqa: BLE001 - each sender gets its own
                if isinstance(error, DatabaseUnavailable):
                    for member in members:
                        _fail(member, error)
                    return
                # Whose facts cannot be written shows when each is written alone.
            else:
                for member in members:
                    _resolve(member, outcome)
                return
        for member in members:
            try:
                _resolve(member, await self._write(owner, member.facts))
            except Exception as error:  # noqa: BLE001 - it is the sender's
                _fail(member, error)


def _take(members: deque[_Member]) -> list[_Member]:
    """The next members, at least one, as far as their documents fit into one group."""
    taken = [members.popleft()]
    size = _size(taken[0].facts)
    while members and len(taken) < _MAX_MEMBERS:
        size += _size(members[0].facts)
        if size > _MAX_DOCUMENTS:
            break
        taken.append(members.popleft())
    return taken


def _size(facts: Facts) -> int:
    return len(facts.executions) + len(facts.steps) + len(facts.log_lines)


def _resolve(member: _Member, outcome: Outcome) -> None:
    if not member.outcome.done():
        member.outcome.set_result(outcome)


def _fail(member: _Member, error: Exception) -> None:
    if not member.outcome.done():
        member.outcome.set_exception(error)

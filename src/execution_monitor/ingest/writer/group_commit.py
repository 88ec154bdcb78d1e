"""Group commit: what an owner reports while a write of theirs is under way is joined, and goes with the next.

Three writes that wait for a majority take as long for one event as for five hundred. Where many requests wait, a second
write begins beside the first: one is prepared while MongoDB writes the other.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from execution_monitor.errors import ServerBusy
from execution_monitor.ingest.writer.bson_encoding import RefusedWrite
from execution_monitor.ingest.writer.facts import Facts
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.writer import Writer, Written
from execution_monitor.tasks import end_tasks


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """How much goes with one write, and how much may wait for writes in all.

    Attributes:
        requests: in one write.
        documents: in one write; a request with more is a write of its own.
        waiting_requests: of all owners, those being written among them.
        waiting_documents: the same in documents; some kilobytes of memory each.
        writes: under way at once.
        writes_of_owner: of these, how many of one owner.
        worth_a_write: how many requests must wait for another write of one owner to begin beside those under way.
    """

    requests: int = 500
    documents: int = 5_000
    waiting_requests: int = 5_000
    waiting_documents: int = 100_000
    writes: int = 16
    writes_of_owner: int = 2
    worth_a_write: int = 16


@dataclass(slots=True)
class _Member:
    facts: Facts
    documents: int
    written: asyncio.Future[Written]

    def succeed(self, written: Written) -> None:
        if not self.written.done():
            self.written.set_result(written)

    def fail(self, error: BaseException) -> None:
        if not self.written.done():
            self.written.set_exception(error)


@dataclass(slots=True)
class _Queue:
    """Requests of one owner that wait; `writers` take groups of them, and `idle` of these have not taken one yet."""

    waiting: deque[_Member] = field(default_factory=deque[_Member])
    writers: int = 0
    idle: int = 0


class GroupCommit:
    """Writes what requests report; `close` ends what is under way."""

    def __init__(self, writer: Writer, limits: GroupLimits | None = None) -> None:
        self._writer = writer
        self._limits = limits or GroupLimits()
        self._queues: dict[Owner, _Queue] = {}
        self._writers: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(self._limits.writes)
        self._requests = 0
        self._documents = 0

    async def write(self, owner: Owner, facts: Facts) -> Written:
        """Write `facts`, and return once they are durable; raises as `Writer.write` does, and `ServerBusy`."""
        documents = len(facts.executions) + len(facts.steps) + len(facts.log_lines) + len(facts.runs)
        limits = self._limits
        if self._requests >= limits.waiting_requests or (
            self._documents and self._documents + documents > limits.waiting_documents
        ):
            raise ServerBusy("The server has as many reports to store as it can hold; send this again in some seconds.")
        member = _Member(facts, documents, asyncio.get_running_loop().create_future())
        self._requests += 1
        self._documents += documents
        queue = self._queues.setdefault(owner, _Queue())
        queue.waiting.append(member)
        if self._needs_writer(queue):
            self._start_writer(owner, queue)
        try:
            return await member.written
        finally:
            self._requests -= 1
            self._documents -= documents

    async def close(self) -> None:
        """End the writes that are under way; those who wait for them get `ServerBusy`."""
        await end_tasks(*self._writers)
        for queue in self._queues.values():
            for member in queue.waiting:
                member.fail(_stopping())

    def _needs_writer(self, queue: _Queue) -> bool:
        limits = self._limits
        return queue.writers == 0 or (
            queue.writers < limits.writes_of_owner and len(queue.waiting) >= limits.worth_a_write * (queue.idle + 1)
        )

    def _start_writer(self, owner: Owner, queue: _Queue) -> None:
        queue.writers += 1
        queue.idle += 1
        writer = asyncio.create_task(self._write_all(owner, queue))
        self._writers.add(writer)
        writer.add_done_callback(self._writers.discard)

    async def _write_all(self, owner: Owner, queue: _Queue) -> None:
        while queue.waiting:
            async with self._slots:
                group = self._take_group(queue)
                queue.idle -= 1
                if group:
                    await self._write_group(owner, group)
                queue.idle += 1
        queue.writers -= 1
        queue.idle -= 1
        if queue.writers == 0:
            # Nothing was awaited since: whoever comes now makes a new queue.
            del self._queues[owner]

    def _take_group(self, queue: _Queue) -> list[_Member]:
        """A fair share of what waits, beside other writers who are about to take theirs; none where these took all."""
        share = min(self._limits.requests, -(-len(queue.waiting) // queue.idle))
        group: list[_Member] = []
        documents = 0
        while len(group) < share:
            documents += queue.waiting[0].documents
            if group and documents > self._limits.documents:
                break
            group.append(queue.waiting.popleft())
        return group

    async def _write_group(self, owner: Owner, group: list[_Member]) -> None:
        try:
            written = await self._writer.write(owner, _joined(group))
        except RefusedWrite as error:
            if len(group) == 1:
                group[0].fail(error)
            else:
                # One that cannot be stored must not keep the others from being stored.
                for member in group:
                    await self._write_group(owner, [member])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where it is waited for
            for member in group:
                member.fail(error)
        except BaseException:
            for member in group:
                member.fail(_stopping())
            raise
        else:
            for member in group:
                member.succeed(written)


def _joined(group: list[_Member]) -> Facts:
    if len(group) == 1:
        return group[0].facts
    joined = Facts(group[0].facts.clean)
    for member in group:
        joined.join(member.facts)
    return joined


def _stopping() -> ServerBusy:
    return ServerBusy("The server is stopping; send this again to another one, or in some seconds.")

"""Group commit: one write under way for each owner; what arrives meanwhile is joined, and goes with the next.

Three writes that wait for a majority take as long for one event as for five hundred.
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
        writes: under way at once, each of another owner.
    """

    requests: int = 500
    documents: int = 5_000
    waiting_requests: int = 5_000
    waiting_documents: int = 100_000
    writes: int = 16


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
    waiting: deque[_Member] = field(default_factory=deque[_Member])
    task: asyncio.Task[None] | None = None


class GroupCommit:
    """Writes what requests report; `close` ends what is under way."""

    def __init__(self, writer: Writer, limits: GroupLimits | None = None) -> None:
        self._writer = writer
        self._limits = limits or GroupLimits()
        self._queues: dict[Owner, _Queue] = {}
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
        if queue.task is None:
            queue.task = asyncio.create_task(self._write_all(owner, queue))
        try:
            return await member.written
        finally:
            self._requests -= 1
            self._documents -= documents

    async def close(self) -> None:
        """End the writes that are under way; those who wait for them get `ServerBusy`."""
        queues = tuple(self._queues.values())
        await end_tasks(*(queue.task for queue in queues if queue.task is not None))
        for queue in queues:
            for member in queue.waiting:
                member.fail(_stopping())

    async def _write_all(self, owner: Owner, queue: _Queue) -> None:
        while queue.waiting:
            async with self._slots:
                await self._write_group(owner, self._take_group(queue))
        # Nothing was awaited since: whoever comes now makes a new queue.
        del self._queues[owner]

    def _take_group(self, queue: _Queue) -> list[_Member]:
        group = [queue.waiting.popleft()]
        documents = group[0].documents
        while queue.waiting and len(group) < self._limits.requests:
            documents += queue.waiting[0].documents
            if documents > self._limits.documents:
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

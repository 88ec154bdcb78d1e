"""Fills a database with generated executions: the next batch is made while the ones before are written."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pymongo.errors import PyMongoError

from execution_monitor.development.synthetic.seed_batches import (
    Batch,
    SeedOptions,
    id_prefix,
    make_batches,
)
from execution_monitor.development.synthetic.users import owners
from execution_monitor.errors import SetupError
from execution_monitor.storage.collections import collection_of
from execution_monitor.storage.documents import Execution, LogEntry, Step
from execution_monitor.storage.explaining import explain

# Two keep MongoDB busy; the third is for when one waits for the disk.
_BATCHES_IN_FLIGHT = 3


@dataclass(frozen=True, slots=True)
class SeedReport:
    """The number of documents written, and the seconds that took."""

    executions: int
    steps: int
    log_entries: int
    seconds: float
    random_seed: int

    @property
    def documents(self) -> int:
        """The number of all documents."""
        return self.executions + self.steps + self.log_entries

    @property
    def documents_per_second(self) -> float:
        """The rate of writing."""
        return self.documents / self.seconds


async def seed(options: SeedOptions, *, on_progress: Callable[[int], None]) -> SeedReport:
    """Add generated executions to the connected database; `on_progress` is called with the number of documents so far.

    Cancelled, it leaves whole executions, each with its steps, its log and its parent.

    Raises:
        SetupError: If the same `random_seed` was used on this database before, or MongoDB fails.
    """
    random_seed = secrets.randbits(48) if options.random_seed is None else options.random_seed
    options = replace(options, random_seed=random_seed)
    counts = [0, 0, 0]
    room = asyncio.Semaphore(_BATCHES_IN_FLIGHT)
    started = time.perf_counter()

    async def write(batch: Batch) -> None:
        await _insert(batch)
        for index, rows in enumerate((batch.executions, batch.steps, batch.log_entries)):
            counts[index] += len(rows)
        room.release()
        on_progress(sum(counts))

    try:
        await _refuse_a_second_time(options, random_seed)
        async with asyncio.TaskGroup() as writing:
            for batch in make_batches(options):
                await room.acquire()
                writing.create_task(write(batch))
                # Without this pause the write would not be sent before the next batch is made.
                await asyncio.sleep(0)
    except PyMongoError as error:
        raise _stopped(sum(counts), error) from error
    except ExceptionGroup as group:
        trouble = next((error for error in group.exceptions if isinstance(error, PyMongoError)), None)
        if trouble is None:
            raise
        raise _stopped(sum(counts), trouble) from group
    return SeedReport(*counts, seconds=time.perf_counter() - started, random_seed=random_seed)


async def _insert(batch: Batch) -> None:
    # Executions last: a list never shows one whose steps are still to come.
    await asyncio.gather(
        *(
            collection_of(document).insert_many(rows, ordered=False)
            for document, rows in ((Step, batch.steps), (LogEntry, batch.log_entries))
            if rows
        )
    )
    await collection_of(Execution).insert_many(batch.executions, ordered=False)


async def _refuse_a_second_time(options: SeedOptions, random_seed: int) -> None:
    prefix = id_prefix(random_seed)
    tenants = sorted({owner.tenant_id for owner in owners(options.tenants, 1)})
    # A range, so that the unique index answers; also when an earlier run was stopped before its first batch was in.
    found = await collection_of(Execution).find_one(
        {"tenant_id": {"$in": tenants}, "execution_id": {"$gte": prefix, "$lt": f"{prefix}~"}}, {"_id": True}
    )
    if found is not None:
        raise SetupError(
            f"The random seed {random_seed} has been used on this database before; choose another one or leave it out."
        )


def _stopped(written: int, error: PyMongoError) -> SetupError:
    return SetupError(f"Seeding stopped after {written:,} documents: {explain(error)}")

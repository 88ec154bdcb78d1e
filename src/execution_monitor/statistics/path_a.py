"""Path A: add up the executions of any question by reading each of them, as of one instant.

Plain documents are read from the index of facts, where it has all that is needed, and the odd ones beside them; the
rest by the index that is narrowest.
"""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from random import Random, SystemRandom
from time import monotonic

from bson import Timestamp
from pymongo.errors import ExecutionTimeout, OperationFailure

from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.reading import Reading
from execution_monitor.storage.distinct_values import resolve_texts
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import EVERYTHING, Filter, all_of
from execution_monitor.storage.reader import Reader, snapshot_time_of, translated_errors
from execution_monitor.storage.snapshots import Snapshot

# What MongoDB replies where a pass needs more than 100 MB, or one of its documents has more than 16 MB.
_TOO_LARGE = frozenset({146, 292, 10334, 17419, 4031700})


@dataclass(frozen=True, slots=True)
class Filled:
    """What was read.

    Attributes:
        read_at: the cluster time of all that was read.
        found: how many executions were read.
        relative_error: of a sample, the relative standard error of the number of executions.
    """

    read_at: Timestamp
    found: int
    relative_error: float | None = None


class TooMuchToRead(Exception):
    """There was no time for all executions of a question.

    Attributes:
        read_from: those created since then were read before the time was over; None where none were.
    """

    def __init__(self, read_from: datetime | None) -> None:
        super().__init__("There is too much to read.")
        self.read_from = read_from


@dataclass(frozen=True, slots=True)
class PathA:
    """Fills the tables of questions from the executions themselves."""

    reader: Reader

    async def fill(  # noqa: PLR0913 - each is a choice of its own
        self,
        question: Question,
        tables: StatisticsTables,
        *,
        at: Timestamp | None = None,
        also: Filter = EVERYTHING,
        every_group: bool = False,
        share: float = 1.0,
    ) -> Filled:
        """Add to `tables` the executions that `question` is about, exactly as `Question.add` would for each of them.

        Nothing is added where it fails. A caller that adds up several parts - as the head and the tail of a range of
        rollups - reads all at one cluster time with `every_group`, since what is first in one part need not be first
        in all.

        Args:
            question: What is to be added up.
            tables: Where it is added to, beside what is there.
            at: The cluster time to read at, of the last minutes; None for the present one, which is returned.
            also: A further condition on the executions, bound to an instant as `Question.where` is.
            every_group: Whether all groups are wanted, and not only the first ones of each request.
            share: How much of the time limit of a query it may take.

        Raises:
            TooMuchToRead: The time is over.
            DatabaseUnavailable: MongoDB does not reply.
        """
        async with self._reading(question, all_of(question.where, also), at, share) as reading:
            reading.every_group = every_group
            found, filled = await reading.read()
            tables.merge(filled)
            return Filled(reading.snapshot.read_at, found)

    async def sample(
        self, question: Question, tables: StatisticsTables, *, share: float, random: Random | None = None
    ) -> Filled:
        """As `fill`, from a sample drawn by `random`: counts and sums are estimates, with an error."""
        async with self._reading(question, question.where, None, share) as reading:
            filled = StatisticsTables()
            found, error = await reading.sample(filled, random or SystemRandom())
            tables.merge(filled)
            return Filled(reading.snapshot.read_at, found, error)

    async def probe(self, question: Question, *, share: float) -> datetime | None:
        """Since when the executions can be read in that share of the time limit; None where not even the newest can."""
        reading: Reading | None = None
        with contextlib.suppress(TooMuchToRead):
            async with self._reading(question, question.where, None, share) as reading:
                await reading.probe()
        return None if reading is None else reading.read_from

    @contextlib.asynccontextmanager
    async def _reading(
        self, question: Question, where: Filter, at: Timestamp | None, share: float
    ) -> AsyncGenerator[Reading]:
        with translated_errors(Execution, where):
            async with self._opened(where, at, share) as (snapshot, resolved):
                reading = Reading(snapshot, question, resolved)
                try:
                    yield reading
                except (ExecutionTimeout, OperationFailure) as error:
                    if isinstance(error, ExecutionTimeout) or error.code in _TOO_LARGE:
                        raise TooMuchToRead(reading.read_from) from error
                    raise

    @contextlib.asynccontextmanager
    async def _opened(
        self, where: Filter, at: Timestamp | None, share: float
    ) -> AsyncGenerator[tuple[Snapshot, Filter]]:
        """A snapshot, and `where` with its searches for texts resolved at the same instant."""
        database, began = self.reader.database, monotonic()
        timeout_ms = self.reader.timeout_ms * share
        resolved = where
        if at is None:
            async with database.client.start_session(snapshot=True) as session:
                resolved = await resolve_texts(
                    database, Execution, where, session=session, timeout_ms=max(1, int(timeout_ms))
                )
                at = snapshot_time_of(session)
        left = timeout_ms - (monotonic() - began) * 1_000
        async with Snapshot.opened(database.rows(Execution), left, at) as snapshot:
            yield snapshot, resolved

"""The service of statistics: answers a caller's request from the path that fits it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import QueryTimeout
from execution_monitor.statistics.path_a import Filled, PathA, TooMuchToRead
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import Basis, StatisticsAnswer, StatisticsRequest
from execution_monitor.statistics.rollups.path_b import PathB
from execution_monitor.storage.reader import Reader

# How much of the time limit it may take to find out how much there is time for.
_PROBE_SHARE = 0.15


class TooMuchForOneAnswer(QueryTimeout):
    """There is more to read than there is time for.

    Attributes:
        since: what was created from then on there would be time for; None where that is not known.
    """

    def __init__(self, message: str, since: datetime | None) -> None:
        super().__init__(message)
        self.since = since


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the executions of one database add up to: only those that a caller, or a question, may see.

    Attributes:
        reader: reads executions.
        rollups: answers from sums that are kept up to date; None where none are.
    """

    reader: Reader
    rollups: PathB | None = None

    async def answer(self, caller: Caller, request: StatisticsRequest) -> StatisticsAnswer:
        """Answer `request` as of one instant.

        Raises:
            Forbidden: The caller lacks the scope `executions:read`.
            BadUserInput: The request is wrong; the message says what to do.
            QueryTimeout: There is too much to read, and the request allows no sample.
        """
        question, tables = Question.of(caller, request, self.reader.clock()), StatisticsTables()
        summed = None if self.rollups is None or question.is_empty else await self.rollups.fill(question, tables)
        if summed is not None:
            return answer_of(question, tables, summed, Basis.ROLLUP)
        path = PathA(self.reader)
        try:
            return answer_of(question, tables, await path.fill(question, tables, share=_shares(request)[0]))
        except TooMuchToRead as error:
            if not request.allows_sampling:
                raise await self._advise(question, error.read_from) from error
        try:
            return answer_of(question, tables, await path.sample(question, tables, share=_shares(request)[1]))
        except TooMuchToRead as error:
            raise await self._advise(question, error.read_from) from error

    async def add_up(self, question: Question) -> StatisticsTables:
        """The tables of `question` with every group, exact.

        Raises:
            QueryTimeout: There is too much to read.
        """
        tables = StatisticsTables()
        if self.rollups is not None and await self.rollups.fill(question, tables) is not None:
            return tables
        try:
            await PathA(self.reader).fill(question, tables, every_group=True)
        except TooMuchToRead as error:
            raise await self._advise(question, error.read_from) from error
        return tables

    async def _advise(self, question: Question, read_from: datetime | None) -> TooMuchForOneAnswer:
        """What to do where there was no time for all, of which what was created since `read_from` was read."""
        last = question.time_range.last(question.now)
        if read_from is not None:
            # So that it does also when MongoDB has more to do.
            read_from += (last - read_from) / 2
        elif not question.request.allows_sampling:
            read_from = await PathA(self.reader).probe(question, share=_PROBE_SHARE)
        if read_from is None:
            since, advice = None, "a much shorter range in the filter on createdAt would make it fast"
        else:
            since = read_from.replace(microsecond=0) + timedelta(seconds=bool(read_from.microsecond))
            advice = f'with gte: "{since.isoformat()}" in the filter on createdAt there would be time'
        other = "" if question.request.allows_sampling else ", or allow sampling"
        return TooMuchForOneAnswer(f"There was no time to read all of these executions; {advice}{other}.", since)


def _shares(request: StatisticsRequest) -> tuple[float, float]:
    """How much of the time limit it may take to read all, and then to read a sample."""
    return (0.4, 0.5) if request.allows_sampling else (0.8, 0.0)


def answer_of(
    question: Question, tables: StatisticsTables, filled: Filled, basis: Basis = Basis.EXACT
) -> StatisticsAnswer:
    """The answer to `question` that `tables` hold, as they were `filled`."""
    return StatisticsAnswer(
        totals=tables.totals,
        series=question.series(tables),
        groups=question.groups(tables),
        matching=question.matching,
        read_at=filled.read_at,
        as_of=filled.read_at.as_datetime(),
        basis=basis if filled.relative_error is None else Basis.SAMPLED,
        relative_error=filled.relative_error,
        examined=filled.found,
    )

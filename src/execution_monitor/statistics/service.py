"""The service of statistics: answers a caller's request from the path that fits it."""

from dataclasses import dataclass

from bson import Timestamp

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import QueryTimeout
from execution_monitor.statistics.path_a import PathA, TooMuchToRead
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import Basis, StatisticsAnswer, StatisticsRequest
from execution_monitor.statistics.rollups.path_b import PathB
from execution_monitor.storage.reader import Reader


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the executions of one database add up to. Every method counts only what its caller may see.

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
        question = Question.of(caller, request, self.reader.clock())
        tables = StatisticsTables()
        if self.rollups is not None and (summed := await self.rollups.fill(question, tables)) is not None:
            return answer_of(question, tables, summed.read_at, examined=summed.found, basis=Basis.ROLLUP)
        try:
            filled = await PathA(self.reader).fill(question, tables)
        except TooMuchToRead as error:
            raise QueryTimeout("MongoDB stopped this query at its time limit.") from error
        return answer_of(question, tables, filled.read_at, examined=filled.found)


def answer_of(
    question: Question, tables: StatisticsTables, read_at: Timestamp, *, examined: int, basis: Basis = Basis.EXACT
) -> StatisticsAnswer:
    """The answer to `question` that `tables` hold."""
    return StatisticsAnswer(
        totals=tables.totals,
        series=question.series(tables),
        groups=question.groups(tables),
        matching=question.matching,
        read_at=read_at,
        as_of=read_at.as_datetime(),
        basis=basis,
        examined=examined,
    )

"""The service of statistics: answers a caller's request from the path that fits it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from bson import Timestamp

from execution_monitor.auth.caller import Caller
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import StatisticsAnswer, StatisticsRequest
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.reader import Reader


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the executions of one database add up to. Every method counts only what its caller may see."""

    reader: Reader

    async def answer(self, caller: Caller, request: StatisticsRequest) -> StatisticsAnswer:
        """Answer `request` as of one instant.

        Raises:
            Forbidden: The caller lacks the scope `executions:read`.
            BadUserInput: The request is wrong; the message says what to do.
            QueryTimeout: There is too much to read, and the request allows no sample.
        """
        question = Question.of(caller, request, self.reader.clock())
        tables = StatisticsTables()
        documents = await self.reader.aggregate(Execution, [], question.where)
        for document in documents:
            question.add(tables, document)
        now = datetime.now(UTC)
        return answer_of(question, tables, Timestamp(int(now.timestamp()), 1), examined=len(documents))


def answer_of(question: Question, tables: StatisticsTables, read_at: Timestamp, *, examined: int) -> StatisticsAnswer:
    """The answer to `question` that `tables` hold."""
    return StatisticsAnswer(
        totals=tables.totals,
        series=question.series(tables),
        groups=question.groups(tables),
        matching=question.matching,
        read_at=read_at,
        as_of=read_at.as_datetime(),
        examined=examined,
    )

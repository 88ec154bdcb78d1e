"""A recount: the answer to a question by plain Python over every document, as of a cluster time and an instant."""

from datetime import datetime
from typing import Any, cast

from bson import Timestamp

from execution_monitor.auth.caller import Caller
from execution_monitor.statistics.measures import Breakdown
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import StatisticsAnswer, StatisticsRequest
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution

Content = tuple[object, object, object]


async def recount(
    database: Database, caller: Caller, request: StatisticsRequest, at: Timestamp, now: datetime
) -> Content:
    """What `request` says of the documents as they were at the cluster time `at`, at the instant `now`."""
    question, tables = Question.of(caller, request, now), StatisticsTables()
    matches = question.where.predicate()
    async with database.client.start_session(snapshot=True) as session:
        cast("Any", session)._snapshot_time = at  # noqa: SLF001 - the driver has no public name for it
        async for document in database.collection(Execution).find({}, session=session):
            if matches(document):
                question.add(tables, document)
    return (
        _counted(tables.totals),
        [(each.bucket, _counted(each.breakdown)) for each in question.series(tables)],
        [[(each.key, _counted(each.breakdown)) for each in groups] for groups in question.groups(tables).values()],
    )


def content_of(answer: StatisticsAnswer) -> Content:
    """What `answer` says, to be compared with a recount."""
    return (
        _counted(answer.totals),
        [(each.bucket, _counted(each.breakdown)) for each in answer.series],
        [[(each.key, _counted(each.breakdown)) for each in groups] for groups in answer.groups.values()],
    )


def _counted(breakdown: Breakdown) -> object:
    return {status: each for status, each in breakdown.items() if each.count}

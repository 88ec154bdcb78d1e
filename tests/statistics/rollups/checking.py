"""Answers of rollups, with the sums that are kept from one to the next, compared with those of path A."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from execution_monitor.auth.caller import Caller, Grant, Scope
from execution_monitor.statistics.measures import EVERY_MEASURE
from execution_monitor.statistics.path_a import Filled, PathA
from execution_monitor.statistics.questions import Question, StatisticsTables
from execution_monitor.statistics.requests import GroupField, GroupOrder, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.rollups.path_b import PathB
from execution_monitor.statistics.time_buckets import Interval
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import OneOf, Range, all_of, equals
from execution_monitor.storage.reader import Reader
from tests.statistics.questions import ADA, OPERATOR, shown
from tests.statistics.rollups.recount import NOON

_GROUPS = tuple(
    GroupsRequest(by, GroupOrder.COUNT, 100, EVERY_MEASURE) for by in (GroupField.WORKFLOW_NAME, GroupField.ERROR_CODE)
)
FAILED = Caller(
    "ben",
    "acme",
    frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}),
    grants=(Grant(Scope.EXECUTIONS_READ_TENANT, OneOf("status", ("failed", "timed_out"))),),
)
GLOBEX = replace(OPERATOR, tenant="globex")
CALLERS = (OPERATOR, ADA, FAILED, GLOBEX)


def request_from(
    start: datetime, end: datetime | None = None, zone: str = "UTC", interval: Interval = Interval.DAY
) -> StatisticsRequest:
    return StatisticsRequest(
        Range("created", gte=start, lt=end), zone, interval, totals=EVERY_MEASURE, series=EVERY_MEASURE, groups=_GROUPS
    )


_OWNERS = GroupsRequest(GroupField.USER_ID, first=100, measures=EVERY_MEASURE)
WHOLE = request_from(NOON - timedelta(days=3))
REQUESTS = (
    WHOLE,
    request_from(NOON - timedelta(days=3), NOON + timedelta(days=2, hours=3, minutes=7), "Europe/Berlin"),
    request_from(NOON - timedelta(hours=5, minutes=1), NOON + timedelta(hours=20), interval=Interval.HOUR),
    replace(WHOLE, series=None, groups=(_OWNERS,)),
    replace(WHOLE, where=all_of(WHOLE.where, equals("workflow_name", "etl"))),
)


async def filled_by(path_b: PathB, question: Question, tables: StatisticsTables) -> Filled:
    """What rows answer, as soon as they are up to date: a feeder may be late on a busy machine."""
    async with asyncio.timeout(60):
        while (filled := await path_b.fill(question, tables)) is None:  # noqa: ASYNC110 - nothing sets an event for it
            await asyncio.sleep(0.05)
    return filled


class Checker:
    """Answers the same questions again and again with the sums that are kept, and compares them with path A."""

    def __init__(
        self,
        database: Database,
        callers: Sequence[Caller] = CALLERS,
        requests: Sequence[StatisticsRequest] = REQUESTS,
    ) -> None:
        self.reader = Reader(database, 10_000)
        self.path_b = PathB(self.reader, min_executions=0)
        self.callers, self.requests = callers, requests
        self.examined = 0
        self.counts = list[int]()

    async def check(self) -> None:
        """Compare all answers, each as soon as rows are up to date."""
        for question in self._questions():
            tables = StatisticsTables()
            await self._compare(question, tables, await filled_by(self.path_b, question, tables))

    async def check_some(self) -> None:
        """Compare those answers that rows give now."""
        for question in self._questions():
            tables = StatisticsTables()
            filled = await self.path_b.fill(question, tables)
            if filled is not None:
                await self._compare(question, tables, filled)

    def _questions(self) -> Iterator[Question]:
        for caller in self.callers:
            for request in self.requests:
                yield Question.of(caller, request, NOON + timedelta(days=3))

    async def _compare(self, question: Question, tables: StatisticsTables, filled: Filled) -> None:
        expected = StatisticsTables()
        await PathA(self.reader).fill(question, expected, at=filled.read_at, every_group=True)
        assert shown(question, tables) == shown(question, expected), question
        self.examined = filled.found
        self.counts.append(expected.totals.count)

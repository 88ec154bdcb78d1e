"""Statistics from rollups of several people, one after the other: what sums are kept of one must not reach another."""

from collections import Counter

from execution_monitor.statistics.requests import Basis, GroupField, GroupsRequest, StatisticsRequest
from execution_monitor.statistics.rollups.path_b import PathB
from execution_monitor.statistics.rollups.settled_sums import Use
from execution_monitor.statistics.service import Statistics
from execution_monitor.storage.database import Database
from execution_monitor.storage.reader import Reader
from tests.authorization_model.comparison import Comparison
from tests.authorization_model.live_statistics import REQUEST
from tests.statistics.rollups.feeding import caught_up

FIELDS = {GroupField.USER_ID: "user_id", GroupField.WORKFLOW_NAME: "workflow_name"}


async def compare_rollups(comparison: Comparison, database: Database) -> None:
    """Compare what people count in rollups, in both orders, and again after changes."""
    reader = Reader(database, 5_000)
    path_b = PathB(reader, min_executions=0)
    statistics, model = Statistics(reader, path_b), comparison.model
    readers = [who for who in comparison.people if who.reads]
    for _ in range(3):
        await caught_up(database)
        for who in (*readers, *reversed(readers)):
            seen = [row for row in model.rows.values() if who.sees(row)]
            for by, name in FIELDS.items():
                request = GroupsRequest(by, first=100)
                asked = StatisticsRequest(REQUEST.where, totals=REQUEST.totals, groups=(request,))
                answer = await statistics.answer(who.caller, asked)
                groups = {each.key: each.breakdown.count for each in answer.groups[request]}
                what = "rollups" if answer.basis is Basis.ROLLUP else "statistics without rollups"
                comparison.expect(what, who, groups, dict(Counter(row[name] for row in seen)), len(model.rows))
                comparison.expect(f"{what}, count", who, answer.totals.count, len(seen), len(model.rows))
        await model.change(5)
    assert path_b.settled.uses[Use.REUSED] > len(readers)

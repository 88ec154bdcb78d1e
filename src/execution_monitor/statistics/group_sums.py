"""Sums of groups: how many executions match any filter, and what they have cost, by group, from one pass of MongoDB.

For what is asked again and again of a short window, such as the executions that ended within it. Unlike a question of
statistics it is bound to no range of the time of creation, by which executions are read in slices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from execution_monitor.statistics.error_groups import ERROR_KEY
from execution_monitor.statistics.measures import LARGEST_OF, Measure
from execution_monitor.statistics.pipelines import key_expression, tag_of, tags_expression
from execution_monitor.statistics.requests import GroupField, GroupKey
from execution_monitor.statistics.sketches import MICRO, micros_expression, usable_expression
from execution_monitor.storage.documents import TERMINAL_STATUSES, Execution
from execution_monitor.storage.error_groups import ErrorGroup
from execution_monitor.storage.filters import Filter
from execution_monitor.storage.index_choice import narrowest_index
from execution_monitor.storage.reader import Reader

_Stages = Sequence[Mapping[str, Any]]

# Of more groups those with the most executions are returned.
MAX_GROUPS = 10_000
# A message has up to 7 kB.
_MAX_MESSAGES = 2_000
_ENDED: _Stages = ({"$match": {"status": {"$in": sorted(TERMINAL_STATUSES)}}},)
_MOST_TOKENS = LARGEST_OF[Measure.TOKENS]
# In MongoDB's order NaN comes before all numbers, and no value of another type lies between two numbers.
_HAS_TOKENS = {"$and": [{"$gte": ["$tokens_used", -_MOST_TOKENS]}, {"$lte": ["$tokens_used", _MOST_TOKENS]}]}
_SUMS: Mapping[str, Any] = {
    "count": {"$sum": 1},
    "cost": {"$sum": micros_expression(usable_expression("$total_cost"))},
    "tokens": {"$sum": {"$cond": [_HAS_TOKENS, {"$toLong": {"$round": ["$tokens_used", 0]}}, 0]}},
}


@dataclass(slots=True)
class GroupSum:
    """What the executions of a group add up to; the cost in millionths."""

    count: int = 0
    cost_micros: int = 0
    tokens: int = 0

    @property
    def cost(self) -> float:
        """The cost."""
        return self.cost_micros / MICRO

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row of the pass."""
        self.count += int(row["count"])
        self.cost_micros += int(row["cost"])
        self.tokens += int(row["tokens"])


@dataclass(frozen=True, slots=True)
class GroupSums:
    """Adds up executions by group. It raises `QueryTimeout` where there is too much to read."""

    reader: Reader

    async def of_ended(self, where: Filter) -> GroupSum:
        """All that have ended and match `where`, which must be bound to an instant and says what may be seen."""
        found = GroupSum()
        for row in await self._read(where, None, _ENDED):
            found.add(row)
        return found

    async def of_ended_by(self, where: Filter, by: GroupField) -> dict[GroupKey, GroupSum]:
        """The same by the values of a field; an execution with several tags is in each of their groups."""
        is_tag = by is GroupField.TAG
        unwound = [{"$set": {"tag": tags_expression()}}, {"$unwind": "$tag"}] if is_tag else list[Mapping[str, Any]]()
        found = dict[GroupKey, GroupSum]()
        for row in await self._read(where, "$tag" if is_tag else key_expression(by), [*_ENDED, *unwound]):
            key: Any = row["_id"]
            found.setdefault(tag_of(key) if is_tag and key is not None else key, GroupSum()).add(row)
        return found

    async def of_ended_by_error(self, where: Filter) -> dict[ErrorGroup | None, GroupSum]:
        """The same by the group of their error; None for those in no group."""
        return await self._by_error(where, _ENDED)

    async def by_error(self, where: Filter) -> dict[ErrorGroup | None, GroupSum]:
        """All that match, those that have not ended too, by the group of their error."""
        return await self._by_error(where, ())

    async def _by_error(self, where: Filter, stages: _Stages) -> dict[ErrorGroup | None, GroupSum]:
        found = dict[ErrorGroup | None, GroupSum]()
        for row in await self._read(where, ERROR_KEY, stages, _MAX_MESSAGES):
            key: Any = row["_id"]
            group = ErrorGroup.of_error(key.get("code"), key.get("type"), key.get("message"))
            found.setdefault(group, GroupSum()).add(row)
        return found

    async def _read(
        self, where: Filter, key: Any, stages: _Stages, most: int = MAX_GROUPS
    ) -> Sequence[Mapping[str, Any]]:
        pipeline = [
            *stages,
            {"$group": {"_id": key, **_SUMS}},
            {"$sort": {"count": -1}},
            {"$limit": most},
        ]
        hint = narrowest_index(Execution, where.to_mongo())
        return await self.reader.aggregate(Execution, pipeline, where, hint=hint)

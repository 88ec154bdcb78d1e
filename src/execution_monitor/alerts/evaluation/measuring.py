"""Measuring: which groups meet the condition of what is watched, at an instant."""

from datetime import datetime

from execution_monitor.alerts.conditions import Duration, Rate, Silence, Sum
from execution_monitor.alerts.evaluation.durations import Durations
from execution_monitor.alerts.evaluation.ended import EndedWithin
from execution_monitor.alerts.evaluation.silences import Silences
from execution_monitor.alerts.evaluation.watched import Watched
from execution_monitor.alerts.lifecycle import Finding
from execution_monitor.statistics.group_sums import GroupSums
from execution_monitor.statistics.service import Statistics
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.filters import Filter, all_of
from execution_monitor.storage.pagination import NEITHER, Listing, PageRequest, PageSelection
from execution_monitor.storage.sorting import Order, SortKey

_NEWEST_FIRST = Order((SortKey("created", descending=True),))
_ID = frozenset({"_id", "execution_id"})


class Measuring:
    """Measures by the statistics of one database. Every method raises `QueryTimeout` or `DatabaseUnavailable`."""

    def __init__(self, statistics: Statistics) -> None:
        self._reader = statistics.reader
        self._ended = EndedWithin(GroupSums(statistics.reader))
        self._silences = Silences(statistics)
        self._durations = Durations(statistics)

    async def find(self, watched: Watched, since: datetime | None, now: datetime) -> list[Finding]:
        """The groups that meet the condition at `now`, the most important first.

        Args:
            watched: What is watched.
            since: When it was last looked at; None for never.
            now: The instant.
        """
        match watched.condition:
            case Rate() as rate:
                return await self._ended.rate(watched, rate, now)
            case Sum() as added:
                return await self._ended.sum(watched, added, now)
            case Silence() as silence:
                return await self._silences.find(watched, silence, now)
            case Duration() as duration:
                return await self._durations.find(watched, duration, since, now)
            case _:
                # Of events the feeder makes alerts.
                return []

    async def find_newest(self, watched: Watched, where: Filter) -> str | None:
        """The id of the newest execution among those of `where` that the owner of the rule may see."""
        listing = Listing(all_of(watched.visible, where), _NEWEST_FIRST)
        page = await self._reader.read_page(Execution, listing, PageRequest(1), PageSelection(_ID, NEITHER))
        found = page.rows[0].get("execution_id") if page.rows else None
        return found if isinstance(found, str) else None

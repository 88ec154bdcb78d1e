"""Metrics of live updates."""

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from execution_monitor.live.changes import GapReason
from execution_monitor.live.stats import Figures
from execution_monitor.observability.metrics.families import PREFIX, counter, gauge


class LiveCollector(Collector):
    """Live updates of this process."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures

    @override
    def collect(self) -> Iterator[Metric]:
        """One family a figure."""
        now = self._figures()
        yield counter("live_events", "Changes that came from MongoDB.", now.events)
        yield counter("live_delivered", "Events that subscribers have taken.", now.delivered)
        yield counter(
            "live_conflated", "Events that became one with another, for subscribers that fell behind.", now.conflated
        )
        yield counter("live_caught_up", "Subscribers that were served from MongoDB's history.", now.caught_up)
        yield counter(
            "live_streams_opened", "Change streams that were opened; one, unless MongoDB went away.", now.streams_opened
        )
        yield counter(
            "live_changes_left_out",
            "Changes that no reader of the change stream got past; each was a gap.",
            now.left_out,
        )
        gaps = CounterMetricFamily(f"{PREFIX}_live_gaps", "Gaps that subscribers were told of.", labels=["reason"])
        for reason in GapReason:
            gaps.add_metric([reason.value], now.gaps.get(reason, 0))
        yield gaps
        yield gauge("live_subscribers", "Subscribers now.", now.subscribers)
        yield gauge("live_topics", "Different filters and rights among the subscribers.", now.topics)
        yield gauge("live_catching_up", "Subscribers that are being served from MongoDB's history.", now.catching_up)
        yield gauge("live_queued_events", "Events that wait for subscribers, of all queues.", now.queued)
        yield gauge(
            "live_queue_longest_events",
            "Events that wait for the subscriber that is furthest behind.",
            now.queue_longest,
        )
        yield gauge("live_lag_seconds", "From commit to arrival, of the last event.", now.lag_seconds)
        if now.behind_seconds is not None:
            yield gauge(
                "live_behind_seconds",
                "That live updates are behind the database, also while MongoDB cannot be reached.",
                now.behind_seconds,
            )
        yield gauge(
            "live_silence_seconds", "Since MongoDB last said anything, of events or of none.", now.silent_seconds
        )
        yield gauge("live_ring_events", "Events kept in memory for those who come back.", now.ring_events)
        yield gauge("live_ring_bytes", "BSON kept in memory for those who come back.", now.replay_buffer_bytes)
        yield gauge("live_ring_age_seconds", "Since the oldest event kept in memory arrived.", now.ring_seconds)

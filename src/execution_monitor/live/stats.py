"""Metrics of live updates: one table of names, help texts and what each value is read from.

A counter stands in the class that counts. To show it, add a line to `METRICS`:

    Metric("live_topics", "Different filters and visibilities among the subscribers.", lambda live: live.hub.topics),
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from execution_monitor.live.catch_up import CatchUp
from execution_monitor.live.change_stream import ChangeStream
from execution_monitor.live.changes import GapReason
from execution_monitor.live.dispatcher import Dispatcher
from execution_monitor.live.hub import Hub
from execution_monitor.live.lag import LagMeter
from execution_monitor.live.replay_buffer import ReplayBuffer
from execution_monitor.live.subscriber import Subscriber, SubscriberTotals


@dataclass(frozen=True, slots=True)
class LiveStats:
    """What the metrics of live updates are read from."""

    stream: ChangeStream
    dispatcher: Dispatcher
    buffer: ReplayBuffer
    hub: Hub
    catch_up: CatchUp
    lag: LagMeter
    subscribers: Collection[Subscriber]
    totals: SubscriberTotals


@dataclass(frozen=True, slots=True)
class Metric:
    """One value: how monitoring knows it, and how it is read; None is read while there is none."""

    name: str  # without the prefix of all metrics, and without `_total`
    help: str
    read: Callable[[LiveStats], float | Mapping[str, float] | None]
    is_total: bool = False  # since the process started; else a value of the moment
    label: str | None = None  # of the keys, where a mapping is read


METRICS = (
    Metric("live_events", "Changes that came from MongoDB.", lambda live: live.dispatcher.changes, is_total=True),
    Metric("live_delivered", "Events that subscribers have taken.", lambda live: live.totals.delivered, is_total=True),
    Metric(
        "live_conflated",
        "Events that were merged with another, for subscribers that fell behind.",
        lambda live: live.totals.conflated,
        is_total=True,
    ),
    Metric(
        "live_caught_up",
        "Subscribers that were served from MongoDB's history.",
        lambda live: live.catch_up.served_from_history,
        is_total=True,
    ),
    Metric(
        "live_streams_opened",
        "Change streams that were opened; one, unless MongoDB went away.",
        lambda live: live.stream.opened,
        is_total=True,
    ),
    Metric(
        "live_changes_left_out",
        "Changes that no reader of the change stream got past; each was a gap.",
        lambda live: live.stream.left_out,
        is_total=True,
    ),
    Metric(
        "live_gaps",
        "Gaps that were sent to subscribers.",
        lambda live: {reason.value: live.totals.gaps[reason] for reason in GapReason},
        is_total=True,
        label="reason",
    ),
    Metric("live_subscribers", "Subscribers now.", lambda live: len(live.subscribers)),
    Metric("live_topics", "Different filters and visibilities among the subscribers.", lambda live: live.hub.topics),
    Metric(
        "live_catching_up",
        "Subscribers that are being served from the replay buffer or from MongoDB's history.",
        lambda live: len(live.catch_up),
    ),
    Metric(
        "live_queued_events",
        "Events that wait for subscribers, in all backlogs.",
        lambda live: sum(map(len, live.subscribers)),
    ),
    Metric(
        "live_queue_longest_events",
        "Events that wait for the subscriber that is furthest behind.",
        lambda live: max(map(len, live.subscribers), default=0),
    ),
    Metric(
        "live_lag_seconds",
        "From commit to arrival, of the last event.",
        lambda live: live.dispatcher.commit_to_arrival,
    ),
    Metric(
        "live_behind_seconds",
        "That live updates are behind the database, also while MongoDB cannot be reached.",
        lambda live: live.lag.seconds,
    ),
    Metric(
        "live_silence_seconds",
        "Since MongoDB last sent a reply, with or without an event.",
        lambda live: live.dispatcher.silence,
    ),
    Metric("live_ring_events", "Events in the replay buffer.", lambda live: len(live.buffer)),
    Metric("live_ring_bytes", "BSON in the replay buffer.", lambda live: live.buffer.size),
    Metric(
        "live_ring_age_seconds", "Since the oldest event in the replay buffer arrived.", lambda live: live.buffer.age
    ),
)

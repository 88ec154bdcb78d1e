"""What has happened so far, for metrics."""

from collections import Counter
from dataclasses import dataclass, field

from execution_monitor.live.changes import GapReason


@dataclass
class Counters:
    """Totals since the process started."""

    events: int = 0  # that came from MongoDB
    delivered: int = 0  # that subscribers have taken
    conflated: int = 0  # that became one with another
    caught_up: int = 0  # subscribers that were served from MongoDB's history
    gaps: Counter[GapReason] = field(default_factory=Counter[GapReason])


@dataclass(frozen=True, slots=True)
class Figures:
    """How live updates are doing now."""

    events: int
    delivered: int
    conflated: int
    caught_up: int
    gaps: dict[GapReason, int]
    streams_opened: int
    left_out: int  # changes that no reader could read
    subscribers: int
    topics: int
    catching_up: int
    queued: int  # events that wait for subscribers, of all queues
    queue_longest: int  # of the queue that is furthest behind
    lag_seconds: float  # from commit to arrival, of the last event
    behind_seconds: float | None  # that live updates are behind the database; None while they do not run
    silent_seconds: float  # since MongoDB last said anything, of events or of none
    ring_events: int
    replay_buffer_bytes: int
    ring_seconds: float  # since the oldest event in the ring arrived

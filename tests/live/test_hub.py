"""The hub: who is told that changes were missed."""

import pytest

from execution_monitor.live.changes import GapReason, HistoryBroken
from execution_monitor.live.events import EventKind
from execution_monitor.live.hub import Hub
from execution_monitor.live.subscriber import BacklogLimits, Subscriber, SubscriberTotals
from tests.live.factories import position_at, topic


def joined(hub: Hub, floor: int) -> Subscriber:
    """A subscriber of `hub` that has everything up to the position `floor`."""
    subscriber = Subscriber(topic(), BacklogLimits(), SubscriberTotals(), position_at(floor))
    hub.join(subscriber)
    return subscriber


@pytest.mark.parametrize("reason", GapReason)
def test_a_subscriber_that_has_missed_changes_gets_a_gap(reason: GapReason):
    hub = Hub()
    behind = joined(hub, 4)

    hub.send_gap(HistoryBroken(position_at(5), reason))

    gap = behind.take()
    assert gap is not None
    assert (gap.kind, gap.reason, gap.position) == (EventKind.GAP, reason, position_at(5))


@pytest.mark.parametrize(
    ("reason", "concerns_all"),
    [
        # A new history begins, perhaps earlier: what a subscriber has is of another one.
        pytest.param(GapReason.HISTORY_LOST, [True], id="history lost"),
        pytest.param(GapReason.FAILED, [True], id="failed"),
        pytest.param(GapReason.COLLECTION_REPLACED, [False], id="collection replaced"),
        pytest.param(GapReason.IMAGES_MISSING, [False], id="images missing"),
        pytest.param(GapReason.UNREADABLE, [False], id="unreadable"),
    ],
)
@pytest.mark.parametrize("floor", [5, 9], ids=["at the break", "ahead of it"])
def test_a_subscriber_that_is_ahead_gets_a_gap_only_of_a_new_history(
    reason: GapReason, concerns_all: list[bool], floor: int
):
    hub = Hub()
    ahead = joined(hub, floor)

    hub.send_gap(HistoryBroken(position_at(5), reason))

    assert [ahead.take() is not None] == concerns_all


def test_a_subscriber_that_was_closed_gets_no_gap():
    hub = Hub()
    closed = joined(hub, 4)
    closed.close()

    hub.send_gap(HistoryBroken(position_at(5), GapReason.FAILED))

    assert closed.take() is None
    assert hub.subscribers == 0

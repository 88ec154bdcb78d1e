import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution_monitor.live.changes import GapReason
from execution_monitor.live.events import Block, Delivery, EventKind, can_merge, merge
from execution_monitor.live.subscriber import BacklogLimits, Subscriber, SubscriberTotals
from execution_monitor.live.topics import ActivityTopic, Visibility
from tests.live.factories import ADA, CURSORS, delivery, position_at, topic

SMALL = BacklogLimits(conflate_from=2, max_events=5, max_bytes=10_000)


def subscriber(limits: BacklogLimits = SMALL) -> Subscriber:
    return Subscriber(topic(), limits, SubscriberTotals(), position_at(0))


def taken(of: Subscriber) -> list[Delivery]:
    return [of_one for _ in range(len(of)) if (of_one := of.take()) is not None]


@dataclass
class Client:
    """What a client knows from its events: the versions of the executions in its list."""

    listed: dict[str, int] = field(default_factory=dict[str, int])

    def take(self, event: Delivery) -> None:
        assert event.execution_id is not None
        if event.row is None:
            self.listed.pop(event.execution_id, None)
        else:
            self.listed[event.execution_id] = event.row["version"]


# A history of executions: whether each is in the list after each change, and whether it was deleted.
_HISTORIES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.booleans(), st.booleans()), min_size=1, max_size=40
)


def events_of(history: list[tuple[str, bool, bool]]) -> list[Delivery]:
    inside: set[str] = set()
    events: list[Delivery] = []
    for number, (who, is_in, is_deleted) in enumerate(history, start=1):
        if is_in:
            kind = EventKind.UPDATED if who in inside else EventKind.ENTERED
            inside.add(who)
        elif who in inside:
            kind = EventKind.DELETED if is_deleted else EventKind.LEFT
            inside.discard(who)
        else:
            continue
        events.append(delivery(number, kind, who, changed=frozenset({f"field{number % 3}"})))
    return events


@given(_HISTORIES, st.data())
def test_a_slow_client_ends_up_with_what_a_fast_one_knows_wherever_it_resumes(
    history: list[tuple[str, bool, bool]], data: st.DataObject
):
    events = events_of(history)
    slow = subscriber(BacklogLimits(conflate_from=2, max_events=1000))
    fast, client = Client(), Client()
    received: list[Delivery] = []
    for each in events:
        fast.take(each)
        slow.offer(each)
        if data.draw(st.booleans()):
            next_one = slow.take()
            received.extend([] if next_one is None else [next_one])
    received.extend(taken(slow))

    for number, each in enumerate(received):
        client.take(each)
        resumed = Client(dict(client.listed))
        for later in events:
            if later.position > each.position:
                resumed.take(later)
        assert resumed.listed == fast.listed, number

    assert client.listed == fast.listed
    assert [each.position for each in received] == sorted(each.position for each in received)


@given(_HISTORIES)
def test_a_client_that_keeps_up_gets_every_event_as_it_is(history: list[tuple[str, bool, bool]]):
    events, fast = events_of(history), subscriber()

    received: list[Delivery] = []
    for each in events:
        fast.offer(each)
        received.extend(taken(fast))

    assert received == events


@pytest.mark.parametrize(
    ("first", "then", "together"),
    [
        (EventKind.ENTERED, EventKind.UPDATED, EventKind.ENTERED),
        (EventKind.ENTERED, EventKind.LEFT, None),
        (EventKind.ENTERED, EventKind.DELETED, None),
        (EventKind.UPDATED, EventKind.UPDATED, EventKind.UPDATED),
        (EventKind.UPDATED, EventKind.LEFT, EventKind.LEFT),
        (EventKind.UPDATED, EventKind.DELETED, EventKind.DELETED),
        (EventKind.LEFT, EventKind.ENTERED, EventKind.UPDATED),
        (EventKind.DELETED, EventKind.ENTERED, EventKind.UPDATED),
    ],
)
def test_two_events_of_one_execution_become_one(first: EventKind, then: EventKind, together: EventKind | None):
    merged = merge(delivery(1, first), delivery(2, then))

    assert (None if merged is None else merged.kind) is together


def test_merged_events_have_changed_whatever_either_changed():
    merged = merge(
        delivery(1, EventKind.UPDATED, changed=frozenset({"status"})),
        delivery(2, EventKind.UPDATED, changed=frozenset({"tags"})),
    )

    assert merged is not None
    assert merged.changed == {"status", "tags"}
    assert merged.row is not None
    assert merged.row["version"] == 2


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (delivery(1, EventKind.UPDATED, changed=None), delivery(2, EventKind.UPDATED)),
        (delivery(1, EventKind.LEFT), delivery(2, EventKind.ENTERED)),
    ],
)
def test_what_changed_is_unknown_once_a_part_of_it_is(first: Delivery, then: Delivery):
    merged = merge(first, then)

    assert merged is not None
    assert merged.changed is None


@pytest.mark.parametrize("kind", [EventKind.GAP, EventKind.STEP, EventKind.LOG])
def test_gaps_steps_and_lines_are_never_merged(kind: EventKind):
    assert not can_merge(delivery(1, kind), delivery(2, EventKind.UPDATED))
    assert not can_merge(delivery(1, EventKind.UPDATED), delivery(2, kind))


def test_a_full_backlog_is_replaced_by_a_gap_and_goes_on():
    slow = subscriber()
    for number in range(1, 7):
        slow.offer(delivery(number, EventKind.ENTERED, f"run-{number}"))

    slow.offer(delivery(7, EventKind.ENTERED, "run-7"))

    gap, following = taken(slow)
    assert (gap.kind, gap.reason, gap.position) == (EventKind.GAP, GapReason.TOO_SLOW, position_at(6))
    assert (following.kind, following.execution_id) == (EventKind.ENTERED, "run-7")


def test_a_backlog_of_large_events_is_bounded_by_bytes():
    slow = subscriber()
    slow.offer(delivery(1, EventKind.ENTERED, "a", size=9_000))

    slow.offer(delivery(2, EventKind.ENTERED, "b", size=9_000))

    assert [each.kind for each in taken(slow)] == [EventKind.GAP]


def test_one_event_larger_than_the_backlog_is_queued():
    fast = subscriber()

    fast.offer(delivery(1, EventKind.ENTERED, size=90_000))

    assert [each.kind for each in taken(fast)] == [EventKind.ENTERED]


def test_events_up_to_the_floor_are_not_repeated():
    resumed = Subscriber(topic(), SMALL, SubscriberTotals(), position_at(2))

    for number in (1, 2, 3, 3):
        resumed.offer(delivery(number, EventKind.UPDATED))

    assert [each.position for each in taken(resumed)] == [position_at(3)]


def test_an_activity_is_never_conflated():
    activity = Subscriber(ActivityTopic(CURSORS, Visibility.of(ADA), "run"), SMALL, SubscriberTotals(), position_at(0))

    for number in range(1, 5):
        activity.offer(delivery(number, EventKind.UPDATED))

    assert [each.position for each in taken(activity)] == [position_at(number) for number in range(1, 5)]


async def test_a_cancelled_wait_loses_nothing():
    waiting = subscriber()
    for number in range(1, 50):
        reader = asyncio.create_task(anext(waiting))
        await asyncio.sleep(0)
        # Both at once: the event is there, and the wait for it is cancelled.
        waiting.offer(delivery(number, EventKind.ENTERED, f"run-{number}"))
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)

        assert (await anext(waiting)).position == position_at(number)


async def test_a_reader_waits_again_after_two_events_that_came_to_nothing():
    waiting = subscriber(BacklogLimits(conflate_from=1))
    waiting.offer(delivery(1, EventKind.ENTERED))
    waiting.offer(delivery(2, EventKind.LEFT))

    reader = asyncio.create_task(anext(waiting))
    await asyncio.sleep(0)
    waiting.offer(delivery(3, EventKind.ENTERED))

    assert (await reader).position == position_at(3)


async def test_closing_ends_a_wait_and_drops_what_is_pending():
    closing = subscriber()
    reader = asyncio.create_task(anext(closing, None))
    await asyncio.sleep(0)

    closing.close()
    closing.offer(delivery(1, EventKind.ENTERED))

    assert await reader is None
    assert [each async for each in closing] == []


@dataclass
class Receiver:
    """Takes or refuses what it is offered, as the test says."""

    takes: list[bool]
    offered: list[Delivery] = field(default_factory=list[Delivery])

    def receive(self, delivery: Delivery) -> bool:
        self.offered.append(delivery)
        return self.takes[len(self.offered) - 1]

    def receive_block(self, block: Block) -> bool:
        raise AssertionError(f"{block} was not offered as a block")


def test_a_receiver_is_offered_each_event_that_none_waits_before():
    direct, receiver = subscriber(), Receiver(takes=[True, False, True])
    direct.push_to(receiver)
    deliveries = [delivery(number, EventKind.ENTERED, f"run-{number}") for number in range(1, 4)]

    for each in deliveries:
        direct.offer(each)

    # The second was not taken, and the third must not overtake it.
    assert receiver.offered == deliveries[:2]
    assert taken(direct) == deliveries[1:]


def test_an_event_that_a_receiver_took_is_not_offered_again():
    direct, receiver = subscriber(), Receiver(takes=[True, True])
    direct.push_to(receiver)

    direct.offer(delivery(1, EventKind.ENTERED))
    direct.offer(delivery(1, EventKind.ENTERED))

    assert len(receiver.offered) == 1
    assert taken(direct) == []

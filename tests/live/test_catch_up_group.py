"""Subscribers that catch up together: who is offered what, who leaves, and who gets a gap."""

import pytest

from execution_monitor.live.catch_up_group import CatchUpGroup, CatchUpSteps, JudgementCache
from execution_monitor.live.changes import Change, GapReason, HistoryBroken
from execution_monitor.live.events import EventKind
from execution_monitor.live.resume_tokens import StreamPosition
from execution_monitor.live.subscriber import BacklogLimits, Subscriber, SubscriberTotals
from tests.live.factories import ADA, BEN, caller, change, execution, position_at, topic


class Group:
    """A group, and where those that leave it go on."""

    def __init__(self) -> None:
        self.left: dict[Subscriber, StreamPosition] = {}
        self.group = CatchUpGroup(
            CatchUpSteps(
                JudgementCache(),
                is_in_buffer=lambda _, __: False,
                assign=self.left.__setitem__,
                give_up=lambda _, __: None,
            )
        )

    def joined(self, reached: int, who: str = "ada", limits: BacklogLimits | None = None) -> Subscriber:
        """A member that has been offered everything up to the position `reached`."""
        floor = position_at(reached)
        subscriber = Subscriber(topic(caller(who)), limits or BacklogLimits(), SubscriberTotals(), floor)
        self.group.add(subscriber, floor)
        return subscriber

    async def offer(self, *changes: Change, until: int) -> None:
        await self.group.offer(changes, position_at(until), lambda _, __: False)


def numbers_of(subscriber: Subscriber) -> list[str | None]:
    """The executions of what waits for `subscriber`."""
    return [found.execution_id for _ in range(len(subscriber)) if (found := subscriber.take()) is not None]


def inserted(number: int, owner: str = "ada") -> Change:
    return change(number, None, execution(f"e{number}", user_id=owner))


async def test_each_member_is_offered_what_it_has_not_reached_and_may_see():
    group = Group()
    early, late, ahead, other = group.joined(1), group.joined(3), group.joined(9), group.joined(1, "ben")

    await group.offer(*(inserted(number) for number in range(2, 6)), inserted(6, "ben"), until=6)

    assert [numbers_of(each) for each in (early, late, ahead, other)] == [
        ["e2", "e3", "e4", "e5"],
        ["e4", "e5"],
        [],
        ["e6"],
    ]
    assert dict(group.group.members) == {
        each: position_at(reached) for each, reached in ((early, 6), (late, 6), (ahead, 9), (other, 6))
    }


async def test_a_member_without_room_leaves_where_it_stopped_and_loses_nothing():
    group = Group()
    slow = group.joined(1, limits=BacklogLimits(conflate_from=2, max_events=4))

    await group.offer(*(inserted(number) for number in range(2, 6)), until=9)

    assert numbers_of(slow) == ["e2", "e3"]
    assert group.left == {slow: position_at(3)}
    assert len(group.group) == 0


async def test_a_member_that_has_arrived_leaves():
    group = Group()
    arrived = group.joined(1)

    await group.group.offer([inserted(2)], position_at(2), lambda _, position: position == position_at(2))

    assert group.left == {arrived: position_at(2)}


@pytest.mark.parametrize("reason", [GapReason.HISTORY_LOST, GapReason.IMAGES_MISSING])
def test_a_break_is_a_gap_for_those_before_it_alone(reason: GapReason):
    group = Group()
    before, at, after = group.joined(4), group.joined(5), group.joined(6)

    group.group.send_gap(HistoryBroken(position_at(5), reason))

    gap = before.take()
    assert gap is not None
    assert (gap.kind, gap.reason) == (EventKind.GAP, reason)
    assert (at.take(), after.take()) == (None, None)
    assert list(group.group.members.values()) == [position_at(each) for each in (5, 5, 6)]


def test_what_was_judged_for_one_is_the_same_object_for_the_next_and_not_for_others():
    judged = JudgementCache()
    of_ada, again, of_ben = topic(ADA), topic(ADA), topic(BEN)
    its_change = inserted(2)

    first = judged.judge(of_ada, its_change)

    assert first is not None
    assert judged.judge(again, its_change) is first
    assert judged.judge(of_ben, its_change) is None

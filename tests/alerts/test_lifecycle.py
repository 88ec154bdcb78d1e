"""The lifecycle of alerts does what a plain model of it does, whatever happens in whichever order."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from execution_monitor.alerts.groups import AlertGroup
from execution_monitor.alerts.lifecycle import (
    MAX_ACTIVE,
    MAX_PENDING,
    ActiveAlert,
    AlertEvent,
    Finding,
    Timing,
    decide,
    opened,
)
from execution_monitor.storage.alert_documents import AlertState

START = datetime(2026, 7, 1, tzinfo=UTC)
GROUPS = "abc"
Event = tuple[int, str, str]


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def finding(key: str) -> Finding:
    return Finding(AlertGroup(key, key), "too many")


@dataclass
class Kept:
    """What is stored of a rule, and what it has notified of: time, group and event."""

    timing: Timing
    active: dict[str, ActiveAlert] = field(default_factory=dict[str, ActiveAlert])
    pending: dict[str, datetime] = field(default_factory=dict[str, datetime])
    snoozes: dict[str, datetime] = field(default_factory=dict[str, datetime])
    told: list[Event] = field(default_factory=list[Event])

    def evaluate(self, seconds: int, met: set[str]) -> None:
        now = at(seconds)
        decision = decide(list(self.active), self.pending, [finding(key) for key in sorted(met)], self.timing.hold, now)
        for key in decision.continued:
            self.active[key], event = self.active[key].after(now, self.timing)
            self.told += [] if event is None else [(seconds, key, event.value)]
        for key in decision.resolved:
            alert = self.active.pop(key)
            if alert.snoozed_until is not None:
                self.snoozes[key] = alert.snoozed_until
            self.told += [] if alert.notified_at is None else [(seconds, key, AlertEvent.RESOLVED.value)]
        for each in decision.opened:
            key = each.group.key
            self.active[key] = opened(now, self.snoozes.get(key))
            if self.active[key].state is AlertState.FIRING:
                self.told.append((seconds, key, AlertEvent.FIRED.value))
        self.pending = dict(decision.pending)

    def act(self, key: str, until: int | None) -> None:
        """Acknowledge the alert of a group, or snooze it `until` a time."""
        if (alert := self.active.get(key)) is None:
            return
        state = AlertState.ACKNOWLEDGED if until is None else AlertState.SNOOZED
        snoozed = None if until is None else at(until)
        self.active[key] = ActiveAlert(state, alert.notified_at, alert.repeats, snoozed)


@dataclass
class Group:
    """The model of one group: in seconds, when things happened to it; None for never."""

    met_since: int | None = None
    fires: bool = False
    acknowledged: bool = False
    snoozed_until: int = 0
    told_at: int | None = None

    def evaluate(self, now: int, hold: int, repeat: int | None, *, met: bool) -> str | None:
        if not met:
            self.met_since = None
            if not self.fires:
                return None
            was_told, self.fires, self.acknowledged, self.told_at = self.told_at is not None, False, False, None
            return "resolved" if was_told else None
        self.met_since = now if self.met_since is None else self.met_since
        begins = not self.fires and now - self.met_since >= hold
        self.fires = self.fires or begins
        if not self.fires or self.acknowledged or now < self.snoozed_until:
            return None
        has_woken, self.snoozed_until = not begins and self.snoozed_until > 0, 0
        if self.told_at is None:
            self.told_at = now
            return "fired"
        if has_woken or (repeat is not None and now - self.told_at >= repeat):
            self.told_at = now
            return "repeated"
        return None

    def act(self, until: int | None) -> None:
        if self.fires:
            self.acknowledged, self.snoozed_until = until is None, until or 0


Step = tuple[Literal["look"], int, set[str]] | tuple[Literal["act"], str, int | None]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("look"), st.integers(1, 40), st.sets(st.sampled_from(GROUPS))),
        st.tuples(st.just("act"), st.sampled_from(GROUPS), st.none() | st.integers(1, 120)),
    ),
    max_size=60,
)


@settings(max_examples=300)
@given(steps=STEPS, hold=st.sampled_from([0, 30, 60]), repeat=st.sampled_from([None, 60, 100]))
def test_alerts_fire_repeat_sleep_and_end_as_in_a_model(steps: list[Step], hold: int, repeat: int | None):
    timing = Timing(timedelta(seconds=hold), None if repeat is None else timedelta(seconds=repeat))
    kept, model, now = Kept(timing), {key: Group() for key in GROUPS}, 0
    expected = list[Event]()
    for step in steps:
        if step[0] == "look":
            now += step[1]
            kept.evaluate(now, step[2])
            for key, group in model.items():
                event = group.evaluate(now, hold, repeat, met=key in step[2])
                expected += [] if event is None else [(now, key, event)]
        else:
            until = None if step[2] is None else now + step[2]
            kept.act(step[1], until)
            model[step[1]].act(until)

    assert sorted(kept.told) == sorted(expected)
    assert kept.active.keys() == {key for key, group in model.items() if group.fires}


def test_no_more_than_100_fire_and_those_that_wait_fire_as_soon_as_there_is_room():
    met = [finding(f"{number:04}") for number in range(700)]
    first = decide([], {}, met, timedelta(), START)
    keys = [each.group.key for each in first.opened]

    held = decide([], {}, met, timedelta(seconds=60), START)
    later = decide(keys, held.pending, met[50:], timedelta(seconds=60), at(60))

    assert (len(first.opened), first.left_out) == (MAX_ACTIVE, 600)
    assert (len(held.opened), len(held.pending)) == (0, MAX_PENDING)
    assert (len(later.resolved), [each.group.key for each in later.opened]) == (
        50,
        [f"{n:04}" for n in range(100, 150)],
    )


def test_a_group_that_does_not_meet_the_condition_for_a_moment_waits_anew():
    hold = timedelta(seconds=60)
    waiting = decide([], {}, [finding("a")], hold, START).pending
    interrupted = decide([], waiting, [], hold, at(30)).pending
    again = decide([], interrupted, [finding("a")], hold, at(60))

    assert again.opened == []
    assert again.pending == {"a": at(60)}

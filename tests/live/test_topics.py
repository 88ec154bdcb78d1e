"""What a change means to each topic, by the images of the change alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from typing_extensions import override

from execution_monitor.auth.caller import Caller, Grant, Scope
from execution_monitor.live.changes import WatchedCollection
from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.live.hub import Hub
from execution_monitor.live.subscriber import BacklogLimits, Subscriber, SubscriberTotals
from execution_monitor.live.topics import ActivityTopic, Visibility
from execution_monitor.storage.filters import EVERYTHING, AllOf, Filter, Not, OneOf, Query, StartsWith, equals
from execution_monitor.storage.predicates import Predicate, Stored
from execution_monitor.storage.relative_filters import Duration, Within
from tests.live.factories import (
    ADA,
    ALL_OF_ACME,
    ALL_OF_GLOBEX,
    BEN,
    CURSORS,
    NOW,
    caller,
    change,
    execution,
    log_line,
    position_at,
    step,
    topic,
)

RUNNING = equals("status", "running")


def judged(who: Caller, where: Filter, before: Stored | None, after: Stored | None) -> Delivery | None:
    return topic(who, where).judge(change(1, before, after))


def of_ada(**fields: Any) -> dict[str, Any]:
    return execution("run", **fields)


def of_ben(**fields: Any) -> dict[str, Any]:
    return execution("run", user_id="ben", **fields)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        pytest.param(None, of_ada(), EventKind.ENTERED, id="created and matching"),
        pytest.param(None, of_ada(status="failed"), None, id="created without matching"),
        pytest.param(of_ada(status="pending"), of_ada(), EventKind.ENTERED, id="matching from now on"),
        pytest.param(of_ada(), of_ada(version=2), EventKind.UPDATED, id="matching before and after"),
        pytest.param(of_ada(), of_ada(status="failed"), EventKind.LEFT, id="no longer matching"),
        pytest.param(of_ada(status="pending"), of_ada(status="failed"), None, id="never matching"),
        pytest.param(of_ada(), None, EventKind.DELETED, id="deleted"),
        pytest.param(of_ada(status="failed"), None, None, id="deleted without matching"),
        pytest.param(of_ada(), of_ben(), EventKind.LEFT, id="given away"),
        pytest.param(of_ben(), of_ada(), EventKind.ENTERED, id="received"),
        pytest.param(of_ben(), of_ben(version=2), None, id="another's"),
        pytest.param(of_ben(), None, None, id="another's, deleted"),
        pytest.param(of_ada(tenant_id="globex"), of_ada(), EventKind.ENTERED, id="received from another tenant"),
        pytest.param(of_ada(), of_ada(tenant_id="globex"), EventKind.LEFT, id="moved to another tenant"),
    ],
)
def test_a_change_means(before: Stored | None, after: Stored | None, kind: EventKind | None):
    found = judged(ADA, RUNNING, before, after)

    assert (None if found is None else found.kind) is kind


LONG = Duration(gte=600)
RECENT = Within("created", 60)
TEN_MINUTES, A_MINUTE, A_MILLISECOND = timedelta(minutes=10), timedelta(minutes=1), timedelta(milliseconds=1)


def started(ago: timedelta, **fields: Any) -> dict[str, Any]:
    return of_ada(started_at=NOW - ago, **fields)


@pytest.mark.parametrize(
    ("where", "before", "after", "kind"),
    [
        pytest.param(LONG, started(TEN_MINUTES), started(TEN_MINUTES), EventKind.UPDATED, id="it has run for long"),
        pytest.param(LONG, started(A_MINUTE), started(A_MINUTE), None, id="it will have run for long"),
        pytest.param(LONG, of_ada(), started(TEN_MINUTES), EventKind.ENTERED, id="its start is reported late"),
        pytest.param(
            LONG,
            started(TEN_MINUTES),
            started(TEN_MINUTES, status="completed", total_duration=60.0),
            EventKind.LEFT,
            id="it turns out to have ended long ago",
        ),
        pytest.param(
            Not(LONG),
            started(TEN_MINUTES),
            started(TEN_MINUTES, status="completed", total_duration=60.0),
            EventKind.ENTERED,
            id="not long",
        ),
        pytest.param(RECENT, None, of_ada(created=NOW - A_MINUTE), EventKind.ENTERED, id="just within a minute"),
        pytest.param(RECENT, None, of_ada(created=NOW - A_MINUTE - A_MILLISECOND), None, id="just not"),
        pytest.param(RECENT, of_ada(created=NOW - TEN_MINUTES), of_ada(), EventKind.ENTERED, id="its time is moved"),
        pytest.param(RECENT, of_ada(), of_ada(created=NOW - TEN_MINUTES), EventKind.LEFT, id="moved out"),
    ],
)
def test_a_condition_on_now_is_judged_at_the_time_of_the_change(
    where: Filter, before: Stored | None, after: Stored | None, kind: EventKind | None
):
    found = judged(ADA, where, before, after)

    assert (None if found is None else found.kind) is kind


def test_subscribers_with_the_same_condition_on_now_share_a_topic():
    assert topic(ADA, LONG).key == topic(ADA, Duration(gte=600)).key != topic(ADA, Duration(gte=601)).key


def test_of_an_execution_that_may_no_longer_be_seen_only_the_id_is_sent():
    found = judged(ADA, RUNNING, of_ada(), execution("another name", user_id="ben", status="failed"))

    assert found is not None
    assert (found.kind, found.execution_id, found.row, found.changed) == (EventKind.LEFT, "run", None, frozenset())


# The roles show one's own executions, and those of the tenant whose workflow is of machine learning.
OF_ML = replace(
    ADA,
    scopes=frozenset({Scope.EXECUTIONS_READ, Scope.EXECUTIONS_READ_TENANT}),
    grants=(
        Grant(Scope.EXECUTIONS_READ, EVERYTHING),
        Grant(Scope.EXECUTIONS_READ_TENANT, StartsWith("workflow_name", "ml-")),
    ),
)


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        pytest.param(of_ben(), of_ben(workflow_name="ml-train"), EventKind.ENTERED, id="renamed into the filter"),
        pytest.param(of_ben(workflow_name="ml-train"), of_ben(), EventKind.LEFT, id="renamed out of the filter"),
        pytest.param(of_ben(workflow_name="ml-a"), of_ben(workflow_name="ml-b"), EventKind.UPDATED, id="within it"),
        pytest.param(of_ada(), of_ben(), EventKind.LEFT, id="given away, outside of the filter"),
        pytest.param(of_ada(), of_ben(workflow_name="ml-a"), EventKind.UPDATED, id="given away, into the filter"),
        pytest.param(of_ben(), of_ben(version=2), None, id="another's, outside of the filter"),
        pytest.param(
            of_ben(workflow_name="ml-a"),
            of_ben(workflow_name="ml-a", tenant_id="globex"),
            EventKind.LEFT,
            id="moved to another tenant",
        ),
    ],
)
def test_a_change_that_moves_an_execution_over_the_filter_of_a_role_means(
    before: Stored, after: Stored, kind: EventKind | None
):
    found = judged(OF_ML, EVERYTHING, before, after)

    assert (None if found is None else found.kind) is kind
    assert found is None or (found.row is None) is (kind is EventKind.LEFT)


def test_an_execution_that_stops_matching_is_still_shown_to_those_who_may_see_it():
    after = of_ada(status="failed")

    found = judged(ADA, RUNNING, of_ada(), after)

    assert found is not None
    assert (found.kind, found.row, found.changed) == (EventKind.LEFT, after, {"version"})


def test_topics_are_equal_when_visibility_and_filter_are():
    other_operator = caller("oscar", all_of_tenant=True)

    assert topic(ALL_OF_ACME, RUNNING).key == topic(other_operator, equals("status", "running")).key
    assert topic(ADA, RUNNING).key != topic(BEN, RUNNING).key
    assert topic(ADA, RUNNING).key != topic(ALL_OF_ACME, RUNNING).key
    # Python holds these equal, MongoDB does not.
    assert topic(ADA, equals("attempt", 1)).key != topic(ADA, equals("attempt", True)).key  # noqa: FBT003 - a value


def subscribed(hub: Hub, who: Caller, where: Filter = EVERYTHING) -> Subscriber:
    subscriber = Subscriber(topic(who, where), BacklogLimits(), SubscriberTotals(), position_at(0))
    hub.join(subscriber)
    return subscriber


def test_a_move_reaches_both_sides_on_the_same_tick():
    hub = Hub()
    ada, ben, acme, globex = (subscribed(hub, who) for who in (ADA, BEN, ALL_OF_ACME, ALL_OF_GLOBEX))

    hub.publish([change(1, of_ada(), of_ben())])
    hub.publish([change(2, of_ben(), of_ben(tenant_id="globex"))])

    def kinds(subscriber: Subscriber) -> list[EventKind]:
        return [each.kind for _ in range(len(subscriber)) if (each := subscriber.take()) is not None]

    assert kinds(ada) == [EventKind.LEFT]
    assert kinds(ben) == [EventKind.ENTERED, EventKind.LEFT]
    assert kinds(acme) == [EventKind.UPDATED, EventKind.LEFT]
    assert kinds(globex) == [EventKind.ENTERED]


def test_subscribers_of_one_topic_share_one_delivery_and_its_rendering():
    hub, made = Hub(), list[str]()
    subscribers = [subscribed(hub, ADA, RUNNING) for _ in range(3)]

    hub.publish([change(1, None, of_ada())])

    deliveries = [subscriber.take() for subscriber in subscribers]
    assert deliveries[0] is not None
    assert all(each is deliveries[0] for each in deliveries)
    for each in deliveries:
        assert each is not None
        assert each.rendered.once("query", lambda: made.append("bytes") or b"...") == b"..."
    assert made == ["bytes"]


@dataclass(frozen=True, slots=True)
class CountingFilter(Filter):
    """Matches everything and counts how often it is evaluated."""

    calls: list[Stored] = field(default_factory=list[Stored], repr=False)

    @override
    def to_mongo(self) -> Query:
        return {}

    @override
    def predicate(self) -> Predicate:
        def count(document: Stored) -> bool:
            self.calls.append(document)
            return True

        return count

    @override
    def fields(self) -> Iterator[str]:
        yield from ()


def test_only_topics_that_a_change_may_concern_are_judged():
    hub, counting = Hub(), CountingFilter()
    for number in range(1_000):
        subscribed(hub, caller(f"user-{number}"), counting)
    mine = subscribed(hub, ADA, counting)

    hub.publish([change(1, None, of_ada())])
    hub.publish([change(2, None, execution(tenant_id="globex", user_id="user-7"))])

    assert len(counting.calls) == 1
    assert len(mine) == 1


def test_a_topic_of_one_execution_is_found_by_its_id():
    hub, counting = Hub(), CountingFilter()
    for number in range(1_000):
        subscribed(hub, ALL_OF_ACME, of_execution(f"run-{number}", counting))

    hub.publish([change(1, None, execution("run-7"))])

    assert len(counting.calls) == 1


@pytest.mark.parametrize(
    ("field", "values"),
    [
        pytest.param("workflow_name", ("etl",), id="of one workflow"),
        pytest.param("workflow_name", ("etl", "train"), id="of several workflows"),
        pytest.param("status", ("failed", "timed_out"), id="of some statuses"),
    ],
)
def test_topics_are_found_by_what_their_filter_says_that_a_field_is(field: str, values: tuple[str, ...]):
    hub, counting, others = Hub(), CountingFilter(), CountingFilter()
    for number in range(1_000):
        subscribed(hub, ALL_OF_ACME, AllOf((OneOf(field, (f"other-{number}", "another")), others)))
    mine = subscribed(hub, ALL_OF_ACME, AllOf((OneOf(field, values), counting)))

    numbers = count(1)
    for value in values:
        elsewhere, here = of_ada(**{field: "new"}), of_ada(**{field: value})
        for kind, images in ((EventKind.ENTERED, (elsewhere, here)), (EventKind.LEFT, (here, elsewhere))):
            hub.publish([change(next(numbers), *images)])

            event = mine.take()
            assert event is not None
            assert event.kind is kind
    assert (len(counting.calls), len(others.calls)) == (2 * len(values), 0)


def of_execution(execution_id: str, counting: CountingFilter) -> Filter:
    from_id = equals("execution_id", execution_id)
    return type(EVERYTHING)((from_id, counting))


def test_a_hub_forgets_subscribers_that_are_closed():
    hub = Hub()
    subscribers = [subscribed(hub, ADA, RUNNING), subscribed(hub, ADA, RUNNING), subscribed(hub, BEN)]

    for subscriber in subscribers:
        subscriber.close()

    assert (hub.subscribers, hub.topics) == (0, 0)
    assert hub.__dict__["_index"].__dict__["_by_route"] == {}


def test_a_closed_subscriber_does_not_join():
    hub = Hub()
    closed = Subscriber(topic(), BacklogLimits(), SubscriberTotals(), position_at(0))
    closed.close()

    hub.join(closed)

    assert hub.subscribers == 0


@pytest.mark.parametrize(
    ("collection", "before", "after", "kind"),
    [
        pytest.param(WatchedCollection.STEPS, None, step("run"), EventKind.STEP, id="a new step"),
        pytest.param(
            WatchedCollection.STEPS, step("run"), step("run", status="failed"), EventKind.STEP, id="a changed step"
        ),
        pytest.param(WatchedCollection.STEPS, step("run"), None, None, id="a step that was deleted"),
        pytest.param(WatchedCollection.STEPS, None, step("another"), None, id="another execution's step"),
        pytest.param(WatchedCollection.STEPS, None, step("run", tenant_id="globex"), None, id="another tenant's step"),
        pytest.param(WatchedCollection.LOGS, None, log_line("run", "hello"), EventKind.LOG, id="a new line"),
        pytest.param(
            WatchedCollection.LOGS, log_line("run", "hello"), log_line("run", "bye"), None, id="a line that was changed"
        ),
        pytest.param(
            WatchedCollection.LOGS, None, log_line("run", "hello", tenant_id="globex"), None, id="another tenant's line"
        ),
        pytest.param(WatchedCollection.EXECUTIONS, of_ada(), of_ada(version=2), EventKind.UPDATED, id="the execution"),
        pytest.param(WatchedCollection.EXECUTIONS, of_ada(), of_ben(), EventKind.LEFT, id="the execution, given away"),
        pytest.param(WatchedCollection.EXECUTIONS, None, execution("another"), None, id="another execution"),
    ],
)
def test_an_activity_gets_events_of_its_execution_alone(
    collection: WatchedCollection, before: Stored | None, after: Stored | None, kind: EventKind | None
):
    hub = Hub()
    follower = Subscriber(
        ActivityTopic(CURSORS, Visibility.of(ADA), "run"), BacklogLimits(), SubscriberTotals(), position_at(0)
    )
    hub.join(follower)
    happened = change(1, before, after, collection=collection)

    hub.publish([happened])

    found = follower.take()
    assert (None if found is None else found.kind) is kind
    # The index leaves out only topics to which the change means nothing.
    delivery = follower.topic.judge(happened)
    assert (None if delivery is None else delivery.kind) is kind


def test_a_topic_of_executions_ignores_steps_and_log_lines():
    assert topic(ADA).judge(change(1, None, step("run", user_id="ada"), collection=WatchedCollection.STEPS)) is None

"""Updates of alerts: who gets which change, and from where a subscription resumes."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest

from execution_monitor.alerts.updates import AlertUpdates
from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import Forbidden, InvalidCursor
from execution_monitor.live.events import Delivery, EventKind
from execution_monitor.live.service import Live, LiveLimits
from execution_monitor.live.subscriber import Subscriber
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.pagination import PageRequest, PageSelection
from tests.alerts.ruling import OWNER, READER, SCOPES, Ruling
from tests.live.factories import CURSORS
from tests.support.documents import execution


@pytest.fixture
def ruling(database: Database) -> Ruling:
    return Ruling.over(database)


@pytest.fixture
async def live(database: Database, mongodb_uri: str) -> AsyncGenerator[Live]:
    # So little is kept that resuming reads the history of MongoDB.
    async with Live(database, mongodb_uri, CURSORS, LiveLimits(lookback_seconds=0, replay_buffer_bytes=1)) as live:
        yield live


async def following(subscriber: Subscriber, count: int) -> list[Delivery]:
    async with asyncio.timeout(15):
        return [await anext(subscriber) for _ in range(count)]


def shown(deliveries: list[Delivery]) -> list[tuple[object, object]]:
    return [(each.row["_id"], each.row["state"]) for each in deliveries if each.row is not None]


async def test_changes_of_alerts_come_to_those_who_may_see_them_and_to_nobody_else(ruling: Ruling, live: Live):
    updates = AlertUpdates(live, CURSORS)
    rule = await ruling.rule()
    subscribers = {
        caller.subject + caller.tenant: await updates.subscribe(caller)
        for caller in (OWNER, READER, Caller("ben", "acme", SCOPES), Caller("ada", "globex", READER.scopes))
    }

    alert = await ruling.alert(rule)
    await ruling.database.collection(Execution).insert_one(execution(1))
    await ruling.alerts.acknowledge(READER, str(alert["_id"]), None)
    strangers = await ruling.alert(await ruling.rule(Caller("ben", "acme", SCOPES)))

    states = [(alert["_id"], "firing"), (alert["_id"], "acknowledged")]
    assert shown(await following(subscribers["ritaacme"], 3)) == [*states, (strangers["_id"], "firing")]
    assert shown(await following(subscribers["adaacme"], 2)) == states
    assert shown(await following(subscribers["benacme"], 1)) == [(strangers["_id"], "firing")]
    assert [len(subscribers[each]) for each in ("adaacme", "benacme", "adaglobex")] == [0, 0, 0]


async def test_a_subscription_resumes_behind_a_page_and_behind_an_event(ruling: Ruling, live: Live):
    updates = AlertUpdates(live, CURSORS)
    rule = await ruling.rule()
    await ruling.alert(rule)
    page = await ruling.alerts.list(OWNER, PageRequest(), replace(PageSelection(), snapshot=True))
    assert page.read_at is not None
    cursor = updates.cursor_at(OWNER, page.read_at)
    alert = await ruling.alert(rule, "b")
    await ruling.alerts.acknowledge(OWNER, str(alert["_id"]), None)
    await ruling.database.collection(Execution).insert_many([execution(number) for number in range(1, 50)])

    found = await following(await updates.subscribe(OWNER, cursor), 2)
    again = await following(await updates.subscribe(OWNER, found[0].cursor), 1)

    assert shown(found) == [(alert["_id"], "firing"), (alert["_id"], "acknowledged")]
    assert shown(again) == shown(found)[1:]
    assert {each.kind for each in found} == {EventKind.UPDATED}


async def test_a_cursor_of_executions_or_of_others_is_refused(ruling: Ruling, live: Live):
    updates = AlertUpdates(live, CURSORS)
    page = await ruling.alerts.list(OWNER, PageRequest(), replace(PageSelection(), snapshot=True))
    assert page.read_at is not None

    for cursor in (live.cursor_at(OWNER, page.read_at), updates.cursor_at(READER, page.read_at), "x"):
        with pytest.raises(InvalidCursor):
            await updates.subscribe(OWNER, cursor)
    with pytest.raises(Forbidden):
        await updates.subscribe(Caller("ada", "acme", frozenset({Scope.ALERTS_WRITE})))

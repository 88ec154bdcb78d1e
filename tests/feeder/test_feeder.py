"""The feeder hands every change over once, whatever happens to it, and says which are lost."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import pytest
from bson import Timestamp
from prometheus_client import CollectorRegistry, generate_latest
from pymongo.errors import DuplicateKeyError, OperationFailure

from execution_monitor.feeder import batches, feed
from execution_monitor.feeder.consumers import Gap, Superseded
from execution_monitor.feeder.feeder import Feeder
from execution_monitor.feeder.positions import begin_loss, begin_position, load_position, save_position
from execution_monitor.live.change_stream_cursor import current_position
from execution_monitor.live.changes import Change, GapReason
from execution_monitor.live.resume_tokens import StreamPosition, is_after_all, position_after, position_before
from execution_monitor.storage.database import Database, open_database
from execution_monitor.storage.documents import Execution, collection_of
from execution_monitor.storage.leases import Lease
from execution_monitor.storage.server_documents import FeedPosition, LeaseRecord
from execution_monitor.tasks import end_tasks
from tests.live.factories import execution


class Recorder:
    """Keeps what it is handed, each tenant's with its position, as a consumer must."""

    def __init__(self, name: str = "recorder", fields: frozenset[str] | None = None) -> None:
        self.name = name
        self.fields = fields
        self.taken: list[tuple[str, Change]] = []
        self.positions: dict[str, StreamPosition] = {}
        self.gaps: list[Gap] = []
        self.terms: set[int] = set()
        self.work_left = 0
        self.failures: list[Exception] = []
        self.batches = 0

    async def prepare(self) -> None:
        pass

    async def take(self, tenant: str, changes: Sequence[Change], until: StreamPosition, term: int) -> None:
        self.terms.add(term)
        self.batches += 1
        since = self.positions.get(tenant, "")
        self.taken.extend((tenant, each) for each in changes if each.position > since)
        self.positions[tenant] = until
        if self.failures:
            raise self.failures.pop()

    async def lose(self, gap: Gap, _: int) -> None:
        self.gaps.append(gap)

    async def work(self, _: StreamPosition, __: int) -> bool:
        self.work_left -= 1
        return self.work_left > 0

    def ids(self, tenant: str = "acme") -> list[str]:
        images = [each.after or each.before or {} for owner, each in self.taken if owner == tenant]
        return [image["execution_id"] for image in images]


class PromptRecorder(Recorder):
    """Takes changes as soon as they come."""

    is_prompt = True


@contextlib.asynccontextmanager
async def feeding(database: Database, *consumers: Recorder, seconds: float = 30.0) -> AsyncGenerator[Feeder]:
    feeder = Feeder(database, consumers, Lease(database, "feeder", seconds=seconds))
    running = asyncio.create_task(feeder.run())
    try:
        await until(lambda: running.done() or feeder.term > 0)
        yield feeder
    finally:
        await end_tasks(running)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


async def changed_from(first: object) -> Any:
    async with asyncio.timeout(30):
        while True:
            if (found := await collection_of(FeedPosition).find_one({})) != first:
                return found
            await asyncio.sleep(0.05)


async def until_stored(database: Database, recorder: Recorder) -> None:
    """Return when what the recorder has taken need not be handed over again."""
    async with asyncio.timeout(30):
        while (await load_position(database, recorder.name) or "") < recorder.positions["acme"]:  # noqa: ASYNC110 - in MongoDB
            await asyncio.sleep(0.05)


async def store(*ids: str, **fields: Any) -> None:
    await collection_of(Execution).insert_many([execution(each, **fields) for each in ids])


async def begin(database: Database, *names: str) -> None:
    """As if a feeder had fed everything until now."""
    for name in names or ("recorder",):
        await save_position(database, name, await current_position(database.handle), 0, None)


async def test_what_was_stored_before_the_first_feeder_is_a_gap_and_what_follows_is_handed_over(database: Database):
    await store("before")
    recorder = Recorder()

    async with feeding(database, recorder):
        await until(lambda: bool(recorder.gaps))
        await store("first", "second")
        await collection_of(Execution).update_one({"execution_id": "first"}, {"$set": {"status": "failed"}})
        await collection_of(Execution).delete_one({"execution_id": "before"})
        await until(lambda: len(recorder.taken) == 4)

    (gap,) = recorder.gaps
    assert (gap.since, gap.reason) == (None, GapReason.HISTORY_LOST)
    assert recorder.ids() == ["first", "second", "first", "before"]
    update, delete = recorder.taken[2][1], recorder.taken[3][1]
    assert update.before is not None
    assert update.after is not None
    assert (update.before["status"], update.after["status"]) == ("running", "failed")
    assert (delete.before is not None, delete.after) == (True, None)


async def test_the_next_feeder_goes_on_where_the_last_one_stopped_in_a_greater_term(database: Database):
    await begin(database)
    first, second = Recorder(), Recorder()

    async with feeding(database, first) as feeder:
        await store("a")
        await until(lambda: bool(first.taken))
        await until_stored(database, first)
        term = feeder.term
    await store("b")
    async with feeding(database, second) as feeder:
        await until(lambda: bool(second.taken))
        assert feeder.term > term

    assert (first.ids(), second.ids(), second.gaps) == (["a"], ["b"], [])


async def test_a_prompt_consumer_need_not_wait_for_the_whole_batch_and_gets_each_change_once(database: Database):
    await begin(database, "patient", "prompt")
    taken = list[str]()

    class Ordered(Recorder):
        async def take(self, tenant: str, changes: Sequence[Change], until: StreamPosition, term: int) -> None:
            taken.append(self.name)
            await super().take(tenant, changes, until, term)

    class Prompt(PromptRecorder, Ordered):
        pass

    patient, prompt = Ordered("patient"), Prompt("prompt")
    async with feeding(database, patient, prompt):
        await store("a")
        await until(lambda: bool(patient.taken))
        await until_stored(database, patient)
        await until_stored(database, prompt)
        await store("b", "c")
        await until(lambda: len(patient.taken) == 3)

    # Handed over whole, it would be the second.
    assert taken[:2] == ["prompt", "patient"]
    assert (patient.ids(), prompt.ids()) == (["a", "b", "c"], ["a", "b", "c"])


async def test_what_a_prompt_consumer_has_taken_before_a_kill_comes_again(database: Database):
    await begin(database, "patient", "prompt")
    patient, prompt = Recorder("patient"), PromptRecorder("prompt")
    patient.failures = [OperationFailure("not now", 11_600) for _ in range(1_000)]

    async with feeding(database, patient, prompt):
        await store("a")
        await until(lambda: len(patient.failures) < 999)
    assert (prompt.ids(), prompt.batches) == (["a"], 1)
    after = PromptRecorder("prompt")
    async with feeding(database, Recorder("patient"), after):
        await until(lambda: bool(after.taken))

    assert after.ids() == ["a"]


async def test_of_two_feeders_one_feeds_and_the_other_follows_at_once_when_it_ends(database: Database):
    await begin(database)
    first, second = Recorder(), Recorder()
    other = Feeder(database, [second], Lease(database, "feeder", seconds=1))

    async with feeding(database, first):
        running = asyncio.create_task(other.run())
        await store("a")
        await until(lambda: bool(first.taken))
        await until_stored(database, first)
        assert (second.taken, other.term, other.lag_seconds) == ([], 0, None)
    await store("b")
    await until(lambda: bool(second.taken))
    await end_tasks(running)

    assert (first.ids(), second.ids()) == (["a"], ["b"])


async def test_a_change_that_was_not_stored_as_handed_over_comes_again(database: Database):
    await begin(database)
    recorder = Recorder()
    recorder.failures = [OperationFailure("the disk is full", 14031)]

    async with feeding(database, recorder):
        await store("a")
        await until(lambda: recorder.batches == 2)
        await store("b")
        await until(lambda: len(recorder.taken) == 2)

    # It had taken the change before it failed, and skipped it the second time.
    assert (recorder.ids(), recorder.gaps) == (["a", "b"], [])


async def test_a_tenant_is_handed_what_moves_into_it_and_out_of_it(database: Database):
    await begin(database)
    recorder = Recorder()

    async with feeding(database, recorder):
        await store("a")
        await collection_of(Execution).update_one({"execution_id": "a"}, {"$set": {"tenant_id": "globex"}})
        await store("of nobody", tenant_id=5)
        await store("b")
        await until(lambda: len(recorder.taken) == 4)

    assert (recorder.ids(), recorder.ids("globex")) == (["a", "a", "b"], ["a"])


async def test_consumers_go_on_each_where_it_was_and_read_what_they_need(database: Database):
    await begin(database, "early")
    await store("a")
    await begin(database, "late")
    early, late = Recorder("early", frozenset({"execution_id"})), Recorder("late", frozenset({"status"}))

    async with feeding(database, early, late):
        await store("b")
        await until(lambda: len(early.taken) == 2 and len(late.taken) == 1)

    assert early.ids() == ["a", "b"]
    ((_, change),) = late.taken
    assert change.after == {"tenant_id": "acme", "execution_id": "b", "status": "running"}


async def test_a_consumer_of_whole_documents_receives_them_also_over_16_mb_with_both_images(database: Database):
    await begin(database)
    recorder = Recorder()
    long = "x" * 9_000_000

    async with feeding(database, recorder):
        await store("a", final_result=long)
        await collection_of(Execution).update_one({"execution_id": "a"}, {"$set": {"final_result": "y" + long}})
        await until(lambda: len(recorder.taken) == 2)

    change = recorder.taken[1][1]
    assert change.before is not None
    assert change.after is not None
    assert (len(change.before["final_result"]), len(change.after["final_result"])) == (9_000_000, 9_000_001)


async def test_a_history_that_mongodb_has_forgotten_is_a_gap_of_the_consumer_that_needed_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    open_stream = batches.open_change_stream

    def refuse_the_old(_: object, since: StreamPosition, *rest: Any) -> Any:
        if since <= position_after(Timestamp(1_000, 1)):
            raise OperationFailure("the history is gone", 286)
        return open_stream(database.handle, since, *rest)

    monkeypatch.setattr(batches, "open_change_stream", refuse_the_old)
    await save_position(database, "old", position_after(Timestamp(1_000, 1)), 0, None)
    await begin(database, "recent")
    await store("a")
    old, recent = Recorder("old"), Recorder("recent")

    async with feeding(database, old, recent) as feeder:
        await until(lambda: len(recent.taken) == 1)
        await store("b")
        await until(lambda: len(recent.taken) == 2 and len(old.taken) == 1)
        assert 'feeder_gaps_total{reason="history_lost"} 1.0' in metrics_of(feeder)

    (gap,) = old.gaps
    assert (gap.since, gap.reason) == (position_after(Timestamp(1_000, 1)), GapReason.HISTORY_LOST)
    assert (old.ids(), recent.ids(), recent.gaps) == (["b"], ["a", "b"], [])


async def test_a_feeder_that_ends_before_a_gap_is_over_leaves_the_same_gap_to_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    open_stream, old = batches.open_change_stream, position_after(Timestamp(1_000, 1))

    def refuse_the_old(_: object, since: StreamPosition, *rest: Any) -> Any:
        if since <= old:
            raise OperationFailure("the history is gone", 286)
        return open_stream(database.handle, since, *rest)

    async def end(*_: object) -> None:
        raise Superseded

    monkeypatch.setattr(batches, "open_change_stream", refuse_the_old)
    await save_position(database, "recorder", old, 0, None)
    first, second = Recorder(), Recorder()
    with monkeypatch.context() as patch:
        patch.setattr(feed, "save_position", end)
        # It may be cancelled before it has released the lease.
        async with feeding(database, first, seconds=1):
            await until(lambda: bool(first.gaps))
    await store("within the gap that the second would choose")

    async with feeding(database, second):
        await until(lambda: len(second.taken) == 1)

    # On a busy machine, the first begins again before it is cancelled, and finds the same gap.
    assert len(second.gaps) == 1
    assert all(gap == second.gaps[0] for gap in first.gaps)
    stored = await database.collection(FeedPosition).find_one({"_id": "recorder"})
    assert stored is not None
    assert "lost_until" not in stored


async def test_what_stores_a_position_while_a_feeder_begins_loses_nothing(database: Database):
    needed, present = position_after(Timestamp(9, 9)), position_after(Timestamp(10, 1))
    await save_position(database, "recorder", needed, 0, None)

    assert await begin_position(database, "recorder", present, 1) == (needed, False)


async def test_a_feeder_that_ends_while_it_begins_leaves_the_beginning_to_the_next(database: Database):
    present, later = position_after(Timestamp(9, 9)), position_after(Timestamp(10, 1))

    first = await begin_position(database, "recorder", present, 1)
    found = await load_position(database, "recorder")
    second = await begin_position(database, "recorder", later, 2)
    await save_position(database, "recorder", present, 2, None)

    assert (first, found, second) == ((present, True), None, (present, True))
    assert await load_position(database, "recorder") == present


async def test_a_feeder_whose_term_is_over_loses_nothing(database: Database):
    await save_position(database, "recorder", position_after(Timestamp(9, 9)), 7, None)

    with pytest.raises(Superseded):
        await begin_loss(database, "recorder", await current_position(database.handle), 6)


async def test_a_change_without_its_images_is_a_gap_between_the_others(database: Database):
    await store("a")
    images = {"collMod": Execution.Settings.name, "changeStreamPreAndPostImages": {"enabled": False}}
    await begin(database)
    await store("b")
    await database.handle.command(images)
    await collection_of(Execution).update_one({"execution_id": "a"}, {"$set": {"status": "failed"}})
    await database.handle.command({**images, "changeStreamPreAndPostImages": {"enabled": True}})
    await store("c")
    recorder = Recorder()

    async with feeding(database, recorder):
        await until(lambda: len(recorder.taken) == 2)

    (gap,) = recorder.gaps
    assert gap.reason is GapReason.IMAGES_MISSING
    b, c = (each.position for _, each in recorder.taken)
    assert gap.since is not None
    assert b <= gap.since < gap.until < c


async def test_a_position_never_lies_within_the_changes_of_a_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    await begin(database)
    monkeypatch.setattr(batches, "MAX_CHANGES", 5)
    monkeypatch.setattr(batches, "_AT_ONCE", 3)
    recorder, positions = Recorder(), list[StreamPosition]()
    take = recorder.take

    async def record(tenant: str, changes: Sequence[Change], until: StreamPosition, term: int) -> None:
        positions.append(until)
        assert all(each.position <= until for each in changes)
        await take(tenant, changes, until, term)

    monkeypatch.setattr(recorder, "take", record)
    for number in range(5):
        async with database.client.start_session() as session, await session.start_transaction():
            rows = [execution(f"{number}-{each}") for each in range(7)]
            await collection_of(Execution).insert_many(rows, session=session)

    async with feeding(database, recorder):
        await until(lambda: len(recorder.taken) == 35)

    assert len(recorder.ids()) == 35
    assert all(map(is_after_all, positions))
    for position, (_, change) in itertools.product(positions, recorder.taken):
        assert (change.position <= position) == (position_after(change.cluster_time) <= position)


async def test_a_transaction_of_very_many_executions_is_taken_in_parts(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    await begin(database)
    monkeypatch.setattr(batches, "MAX_CHANGES", 5)
    monkeypatch.setattr(batches, "_AT_ONCE", 3)
    async with database.client.start_session() as session, await session.start_transaction():
        await collection_of(Execution).insert_many([execution(str(each)) for each in range(50)], session=session)
    recorder = Recorder()

    async with feeding(database, recorder):
        await until(lambda: len(recorder.taken) == 50)
        await until(lambda: is_after_all(recorder.positions["acme"]))

    assert recorder.batches >= 2


async def test_consumers_work_while_nothing_waits_to_be_handed_over(database: Database):
    await begin(database)
    recorder = Recorder()
    recorder.work_left = 50

    async with feeding(database, recorder) as feeder:
        await until(lambda: recorder.work_left <= 0)
        assert feeder.lag_seconds == 0


async def test_a_feeder_whose_term_is_over_stores_no_position(database: Database):
    position = await current_position(database.handle)
    await save_position(database, "recorder", position, 7, None)

    with pytest.raises(Superseded):
        await save_position(database, "recorder", position_after(Timestamp(9, 9)), 6, None)

    assert await load_position(database, "recorder") == position


async def test_a_feeder_that_lost_its_lease_hands_nothing_over_until_it_has_it_again(database: Database):
    await begin(database)
    recorder = Recorder()
    later = Lease(database, "feeder")

    async with feeding(database, recorder, seconds=0.5) as feeder:
        await collection_of(LeaseRecord).update_one({}, [{"$set": {"expires_at": "$$NOW"}}])
        await later.acquire()
        term = later.term
        await until(lambda: feeder.term == 0)
        await store("a")
        await asyncio.sleep(0.5)
        assert recorder.taken == []
        await later.release()
        await until(lambda: bool(recorder.taken))

    assert recorder.terms == {term + 1}


async def test_it_says_in_which_term_it_feeds_and_how_far_it_is_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    await begin(database)
    recorder = Recorder()
    recorder.failures = [DuplicateKeyError("again") for _ in range(1_000)]
    monkeypatch.setattr("execution_monitor.feeder.feeder._NOISE_SECONDS", 0.05)
    monkeypatch.setattr(feed, "_MAX_BACKOFF_SECONDS", 0.1)

    async with feeding(database, recorder) as feeder:
        await store("a")
        await until(lambda: (feeder.lag_seconds or 0) > 0.5)
        recorder.failures = []
        await until(lambda: feeder.lag_seconds == 0)
        lines = metrics_of(feeder)
        assert "feeder_changes_total 1.0" in lines
        assert f"feeder_term {feeder.term}.0" in lines
        assert "feeder_lag_seconds 0.0" in lines

    assert (feeder.term, feeder.lag_seconds) == (0, None)
    assert not any("lag" in line for line in metrics_of(feeder))


def metrics_of(feeder: Feeder) -> list[str]:
    registry = CollectorRegistry()
    registry.register(feeder)
    return generate_latest(registry).decode().replace("execution_monitor_", "").splitlines()


async def test_positions_order_as_times_do():
    time, before = Timestamp(5, 3), Timestamp(5, 2)

    assert position_before(time) == position_after(before)
    assert position_before(Timestamp(5, 0)) < position_after(Timestamp(5, 0)) < position_after(before)
    assert position_before(Timestamp(5, 0)) > position_after(Timestamp(4, 900))


async def test_the_feeder_leaves_its_position_behind_while_nothing_happens(database: Database, mongodb_uri: str):
    await begin(database)
    first = await collection_of(FeedPosition).find_one({})
    async with open_database(mongodb_uri, database.handle.name) as other:
        await other.connect()
        async with feeding(other, Recorder()):
            found = await changed_from(first)

    assert first is not None
    assert found is not None
    assert found["as_of"] > first["as_of"]

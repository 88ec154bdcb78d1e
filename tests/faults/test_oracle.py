"""The oracle of the faults: it counts what is lost or repeated, and nothing else."""

from collections import Counter
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.faults.oracle import AcknowledgedWriteLost, Ledger, Truth, Writer, longest_pause


def update(version: int, execution_id: str = "a", kind: str = "UPDATED") -> dict[str, Any]:
    return {"kind": kind, "executionId": execution_id, "execution": {"tokensUsed": version}}


def ledger_after(*updates: dict[str, Any], page: dict[str, int] | None = None) -> Ledger:
    ledger = Ledger()
    ledger.begin(page or {})
    for each in updates:
        ledger.record(each)
    ledger.close(Truth(Counter(a=3)))
    return ledger


@pytest.mark.parametrize(
    ("updates", "page", "lost", "repeated"),
    [
        pytest.param([update(1, kind="ENTERED"), update(2), update(3)], {}, 0, 0, id="every version in order"),
        pytest.param([update(3)], {"a": 2}, 0, 0, id="those after the page"),
        pytest.param([], {"a": 3}, 0, 0, id="a page that shows the last"),
        pytest.param([update(1), update(3)], {}, 1, 0, id="one left out"),
        pytest.param([update(1)], {}, 2, 0, id="the last two never sent"),
        pytest.param([], {}, 3, 0, id="an execution never sent"),
        pytest.param([update(3)], {"a": 1}, 1, 0, id="one between the page and the stream"),
        pytest.param([update(1), update(2), update(2), update(3)], {}, 0, 1, id="one sent twice"),
        pytest.param([update(2), update(3)], {"a": 2}, 0, 1, id="one that the page showed"),
        pytest.param([update(1), update(3), update(2)], {}, 1, 1, id="two in the wrong order"),
    ],
)
def test_a_ledger_counts_what_is_lost_and_what_is_repeated(
    updates: list[dict[str, Any]], page: dict[str, int], lost: int, repeated: int
):
    ledger = ledger_after(*updates, page=page)

    assert (ledger.lost, ledger.repeated) == (lost, repeated)


def test_a_ledger_knows_a_gap_from_an_update():
    ledger = ledger_after(update(1), {"kind": "GAP", "executionId": None, "execution": None}, update(2), update(3))

    assert (ledger.gaps, ledger.received, ledger.lost, ledger.repeated) == (1, 3, 0, 0)


def test_an_event_beyond_the_truth_is_a_defect_of_the_oracle():
    with pytest.raises(AssertionError, match="beyond 3"):
        ledger_after(update(4), page={"a": 3})


async def test_a_writer_steps_a_version_by_one_and_shows_it_in_graphql(database: Database):
    collection = database.collection(Execution)
    truth = Truth()
    writer = Writer(collection, truth, tenant_id="acme", user_id="ada", workflow_name="ingest")

    stored: list[tuple[int, int]] = []
    for _ in range(3):
        await writer.write("a", status="running")
        row = await collection.find_one({"execution_id": "a"})
        assert row is not None
        stored.append((row["version"], row["tokens_used"]))

    assert stored == [(1, 1), (2, 2), (3, 3)]
    assert (truth.versions, len(truth.times), truth.unknown) == ({"a": 3}, 3, 0)


async def test_a_writer_repeats_a_write_without_a_reply_and_carries_it_out_once(database: Database):
    collection = database.collection(Execution)
    nowhere: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient("127.0.0.1", 9, serverSelectionTimeoutMS=20)
    reconnections: list[Any] = []

    async def reconnect(failed: Any) -> Any:
        reconnections.append(failed)
        # As if the first attempt had succeeded: the second finds its document.
        await collection.insert_one({"execution_id": "a", "tenant_id": "acme", "version": 1, "tokens_used": 1})
        return collection

    truth = Truth()
    async with nowhere:
        writer = Writer(nowhere["none"]["none"], truth, reconnect, tenant_id="acme", user_id="ada")
        await writer.write("a")
        await writer.write("a")

    rows = await collection.find({}).to_list()
    assert [(row["version"], row["tokens_used"]) for row in rows] == [(2, 2)]
    assert (truth.versions, truth.unknown, len(reconnections)) == ({"a": 2}, 1, 1)


async def test_a_writer_raises_when_mongodb_lost_an_acknowledged_write(database: Database):
    collection = database.collection(Execution)
    writer = Writer(collection, Truth(), tenant_id="acme", user_id="ada", workflow_name="ingest")
    await writer.write("a")
    await writer.write("a")
    await collection.update_one({"execution_id": "a"}, {"$set": {"version": 1}})

    with pytest.raises(AcknowledgedWriteLost):
        await writer.write("a")


def test_a_pause_counts_from_the_beginning_and_to_the_end():
    assert longest_pause([], 10, 14) == 4
    assert longest_pause([1, 13, 14, 99], 10, 15) == 3
    assert longest_pause([11, 12], 10, 15) == 3

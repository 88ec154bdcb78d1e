"""Facts: which documents are plain, and that these are read from the index alone, whatever odd ones there are."""

from typing import Any, cast

import pytest
from pymongo.errors import BulkWriteError

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.facts import FACTS_KEY, ODD, ODD_FACTS_KEY, PLAIN, is_plain
from execution_monitor.storage.filters import Query
from tests.storage.odd_values import ARRAYS, VALUES, document, embedded
from tests.storage.strategies import NEW_YEAR
from tests.support.sent_commands import explain

_FACTS = ("created", "status", "workflow_name", "user_id", "total_duration", "total_cost", "tokens_used")
_ALONE = [value for value in VALUES if value != [{"a": 1}, 5]]
_CODES = (embedded({"code": value}) for value in _ALONE)
_ERRORS = [*_CODES, *({"code": "E1", "0": value} for value in (None, 1)), *_ALONE]
# Of an array with an object in it, MongoDB's conditions cannot tell that it is one.
_MIXED = [{field: [{"a": 1}, value]} for field, value in zip(_FACTS, (NEW_YEAR, "a", "a", "a", 1, 1, 1), strict=True)]
_REQUIRED = {"tenant_id": "acme", "created": NEW_YEAR, "workflow_name": "etl", "user_id": "ada"}
_MINE: Query = {"tenant_id": "acme", "created": {"$gte": NEW_YEAR}}


@pytest.fixture
async def odd(database: Database) -> Database:
    """A database with each value of every type in each fact, and 20 plain executions."""
    collection = cast("Any", database.collection(Execution))
    await collection.drop()
    await database.prepare()
    plain = {**_REQUIRED, "status": "failed", "error_details": {"code": "E1"}}
    rows = [{**plain, field: value} for field in _FACTS for value in _ALONE]
    rows += [{**plain, "error_details": value} for value in _ERRORS]
    rows += [plain] * 20
    await collection.insert_many([document({"execution_id": str(place), **row}) for place, row in enumerate(rows)])
    return database


async def store_mixed(database: Database) -> None:
    rows = [*_MIXED, {"error_details": [{"code": "E1"}]}]
    await database.collection(Execution).insert_many(
        [{**_REQUIRED, **row, "execution_id": f"m{n}"} for n, row in enumerate(rows)]
    )


async def test_a_document_is_either_plain_or_odd_in_python_and_in_mongodb(odd: Database) -> None:
    collection = odd.collection(Execution)
    await store_mixed(odd)
    stored = await collection.find().to_list()
    found = {row["execution_id"] async for row in collection.find(dict(ODD))}

    assert 100 < len(found) < len(stored) - 100
    assert {row["execution_id"] for row in stored if not is_plain(row)} == found


async def test_every_document_is_in_one_of_the_two_indexes(odd: Database) -> None:
    collection = odd.collection(Execution)
    await store_mixed(odd)
    in_plain = await collection.find({**_MINE, **PLAIN}, hint=list(FACTS_KEY.items())).to_list()
    in_odd = await collection.find({"tenant_id": "acme", **ODD}, hint=list(ODD_FACTS_KEY.items())).to_list()
    in_range = await collection.find(_MINE).to_list()

    assert {row["execution_id"] for row in in_range} <= {row["execution_id"] for row in [*in_plain, *in_odd]}


async def test_plain_documents_are_read_from_the_index_alone(odd: Database) -> None:
    group = {"$group": {"_id": ["$status", "$error_details.code"], "n": {"$sum": 1}, "t": {"$sum": "$total_cost"}}}
    command: dict[str, Any] = {
        "aggregate": Execution.get_collection_name(),
        "pipeline": [{"$match": {**_MINE, **PLAIN}}, group],
        "cursor": dict[str, Any](),
        "hint": FACTS_KEY,
    }

    explained = await explain(odd, command)

    assert explained.keys >= 20
    assert explained.documents == 0


async def test_arrays_in_two_facts_are_stored(odd: Database) -> None:
    rows = [{"workflow_name": array, "total_cost": [3, array], "status": [None]} for array in ARRAYS]

    try:
        await cast("Any", odd.collection(Execution)).insert_many(
            [document({"execution_id": f"more-{place}", **row}) for place, row in enumerate(rows)], ordered=False
        )
    except BulkWriteError as error:
        pytest.fail(str(cast("Any", error.details)["writeErrors"][0]["errmsg"]))

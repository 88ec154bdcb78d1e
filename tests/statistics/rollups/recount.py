"""Random changes of executions, and what the rows of rollups must be after them: a recount of all executions."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Decimal128, Int64
from pymongo.asynchronous.collection import AsyncCollection

from execution_monitor.statistics.measures import Contribution, Measures
from execution_monitor.statistics.rollups.families import Family
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.facts import is_plain
from execution_monitor.storage.predicates import as_mapping
from execution_monitor.storage.server_documents import ExecutionRollup

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
TENANTS = ("acme", "globex", "initech")
_STATUSES = ("pending", "running", "completed", "completed", "failed", "timed_out", "unheard of", None)
_CODES = ("E1", "E2", "", None)
_ODD: Sequence[Mapping[str, Any]] = (
    {"status": ["failed", "completed"]},
    {"created": [NOON, NOON + timedelta(hours=1)]},
    {"created": "2026-11-01"},
    {"error_details": "broken"},
    {"error_details": {"code": 404}},
    {"error_details": {"code": {"of": "an engine"}}},
    {"status": {"name": "failed"}},
    {"status": 7},
    {"total_cost": "1"},
    {"total_duration": float("nan"), "total_cost": float("inf")},
    {"tokens_used": Decimal128("12.5"), "total_cost": Decimal128("0.25")},
    {"tokens_used": Int64(2**60), "total_duration": 1e308},
    {"created": None},
    {"user_id": 7},
    {"total_duration": -3.0},
)


def random_execution(random_: random.Random, number: int) -> dict[str, Any]:
    """An execution as engines write them, now and then with odd values."""
    found: dict[str, Any] = {
        "execution_id": f"e{number}-{random_.getrandbits(40)}",
        "tenant_id": random_.choice(TENANTS),
        **random_values(random_),
        "version": 1,
    }
    return {name: value for name, value in found.items() if value is not None or name == "created"}


def random_values(random_: random.Random) -> dict[str, Any]:
    """What a change may set: all of it may be late."""
    status = random_.choice(_STATUSES)
    code = random_.choice(_CODES)
    created = NOON + timedelta(minutes=random_.randrange(-3_000, 3_000), milliseconds=random_.randrange(900_000))
    found: dict[str, Any] = {
        "user_id": random_.choice(("ada", "ben", "cleo", None)),
        "workflow_name": random_.choice(("etl", "report", "größe", None)),
        "status": status,
        "created": created,
        "updated": created,
        "error_details": {"code": code, "message": "no"} if random_.random() < 0.5 else None,
        "total_duration": random_.expovariate(0.01) if random_.random() < 0.9 else None,
        "total_cost": random_.expovariate(10),
        "tokens_used": random_.randrange(100_000),
    }
    if random_.random() < 0.05:
        found |= random_.choice(_ODD)
    return found


async def change_at_random(
    executions: AsyncCollection[dict[str, Any]], random_: random.Random, count: int, *, moves: bool = True
) -> None:
    """Insert, update, replace, move and delete executions, `count` times; `moves` are those to other tenants."""
    ids = [each["_id"] async for each in executions.find({}, {"_id": 1})]
    for number in range(count):
        action = random_.random()
        if action < 0.4 or not ids:
            rows = [random_execution(random_, number) for _ in range(random_.choice((1, 1, 1, 20)))]
            await executions.insert_many(rows)
            ids += [each["_id"] for each in rows]
            continue
        place = random_.randrange(len(ids))
        one = {"_id": ids[place]}
        if action < 0.6:
            values = random_values(random_)
            names = random_.sample(sorted(values), 3)
            sets = {name: values[name] for name in names if values[name] is not None}
            await executions.update_one(one, {"$set": {"version": number, **sets}})
        elif action < 0.7:
            await executions.update_one(one, {"$set": {"user_id": random_.choice(("ada", "ben"))}})
        elif action < 0.8 and moves:
            await executions.update_one(one, {"$set": {"tenant_id": random_.choice(TENANTS)}})
        elif action < 0.85 and moves:
            await executions.replace_one(one, random_execution(random_, number))
        elif action < 0.9:
            await executions.update_many(
                {"status": "running"}, {"$set": {"status": "completed", "total_duration": 5.0}}
            )
        else:
            await executions.delete_one(one)
            ids[place] = ids[-1]
            ids.pop()


RowPlace = tuple[object, ...]
RowSums = tuple[object, ...]


async def recounted_rows(database: Database) -> dict[RowPlace, RowSums]:
    """The sums of all rows that there must be, from the executions, found without the code of rollups."""
    found = dict[RowPlace, Measures]()
    async for document in database.collection(Execution).find({"created": {"$type": "date"}}):
        tenant, created = document.get("tenant_id"), document["created"]
        if not (is_plain(document) and isinstance(tenant, str) and isinstance(created, datetime)):
            continue
        error = as_mapping(document.get("error_details")) or {}
        values: dict[str, Any] = {**document, "error_details.code": error.get("code")}
        for name in ("status", "error_details.code"):
            # Of what is neither text nor missing, rows tell that it is there.
            if not isinstance(values.get(name), str | None):
                values[name] = True
        quarter = int((created - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(minutes=15) // 1)
        for family in Family:
            own = tuple((field, values.get(field)) for field in family.fields)
            for span in family.spans:
                first = quarter // span.value * span.value
                place = (tenant, family.name, span.value, first, own)
                found.setdefault(place, Measures()).add(Contribution.of(document))
    return {place: sums_of(measures) for place, measures in found.items()}


def sums_of(measures: Measures) -> RowSums:
    durations, costs = measures.durations, measures.costs
    return (
        measures.count,
        measures.tokens,
        durations.micros,
        costs.micros,
        tuple(sorted(durations.bins.items())),
        tuple(sorted(costs.bins.items())),
    )


async def stored_rows(database: Database) -> dict[RowPlace, RowSums]:
    """The sums of all rows that are stored and count; those of which nothing is left are none."""
    rows = database.collection(ExecutionRollup)
    generations = {each["tenant_id"]: each["generation"] async for each in rows.find({"position": {"$exists": True}})}
    found = dict[RowPlace, RowSums]()
    async for row in rows.find({"start": {"$exists": True}}):
        tenant = row["tenant_id"]
        if int.from_bytes(row["_id"][12:16]) != generations[tenant]:
            continue
        family = next(each for each in Family if each.number == row["_id"][16])
        values = {**row, "error_details.code": row.get("error_details", {}).get("code")}
        first = int((row["start"] - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(minutes=15))
        place = (tenant, family.name, row["quarters"], first, tuple((each, values.get(each)) for each in family.fields))
        sums = (
            row.get("n", 0),
            row.get("tokens", 0),
            *(int(row.get(name, Decimal128("0")).to_decimal()) for name in ("duration", "cost")),
            *(
                tuple(sorted((int(number), count) for number, count in row.get(name, {}).items() if count))
                for name in ("durations", "costs")
            ),
        )
        if any(sums):
            assert place not in found
            found[place] = sums
    return found


async def differences(database: Database) -> list[object]:
    """The rows that are not what a recount gives."""
    expected, found = await recounted_rows(database), await stored_rows(database)
    return [
        (place, expected.get(place), found.get(place))
        for place in sorted(expected.keys() | found.keys(), key=repr)
        if expected.get(place) != found.get(place)
    ]

"""Missing times: what is shown as null is what a filter calls null, the year 1 among it."""

from datetime import UTC, datetime, timedelta

import pytest

from execution_monitor.storage.coercion import to_time
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from execution_monitor.storage.times import has_time, within
from tests.storage.strategies import NEW_YEAR, SCALARS

ZERO, FIRST = datetime(1, 1, 1, tzinfo=UTC), datetime(2, 1, 1, tzinfo=UTC)


def _is_meant(name: str, time: datetime | None) -> bool:
    if time is None or name == "in the year 1":
        return name == "null"
    return {
        "null": False,
        "not null": True,
        "before": time < NEW_YEAR,
        "until": time <= NEW_YEAR,
        "after": time > NEW_YEAR,
        "after the zero time": True,
        "between": time == FIRST,
    }[name]


WHERE = {
    "null": has_time("started_at", wanted=False),
    "not null": has_time("started_at", wanted=True),
    "before": within("started_at", lt=NEW_YEAR),
    "until": within("started_at", lte=NEW_YEAR),
    "after": within("started_at", gt=NEW_YEAR),
    "after the zero time": within("started_at", gte=ZERO, gt=ZERO),
    "between": within("started_at", gt=ZERO, lte=FIRST),
    "in the year 1": within("started_at", gte=ZERO, lt=FIRST),
}


@pytest.mark.parametrize("name", WHERE)
async def test_a_filter_sees_the_time_that_is_shown(database: Database, name: str) -> None:
    where, executions = WHERE[name], database.collection(Execution)
    values = [*SCALARS, ZERO, FIRST - timedelta(milliseconds=1), FIRST]
    await executions.insert_many(
        [{"execution_id": str(place), "started_at": value} for place, value in enumerate(values)]
        + [{"execution_id": "none"}]
    )

    rows = await executions.find().to_list()
    expected = {row["execution_id"] for row in rows if _is_meant(name, to_time(row.get("started_at")))}

    assert {row["execution_id"] async for row in executions.find(where.to_mongo())} == expected
    assert {row["execution_id"] for row in rows if where.matches(row)} == expected

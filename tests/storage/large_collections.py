"""Executions of a busy month: three tenants, most executions completed and without cost, ties in every field."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import MongoClient

from execution_monitor.storage.documents import TERMINAL_STATUSES, Execution, LogEntry, Step

EXECUTIONS = 50_000
STEPS_AND_LINES = 3_000
START = datetime(2026, 1, 1, tzinfo=UTC)
LONG_EXECUTION = "long"

_STATUSES = {"completed": 80, "failed": 8, "cancelled": 4, "running": 3, "pending": 2, "timed_out": 2, "paused": 1}
_WORKFLOWS = {"nightly-report": 50, "ingest": 30, "train-model": 10, "backfill": 7, "invoice": 3}
_TRIGGERS = ("schedule", "api", "manual")
_TENANTS = {"acme": 6, "globex": 3, "initech": 1}
_USERS = {"ada": 8, "ben": 5, "cleo": 4, "dan": 2, "eve": 1}
_BATCH = 5_000


def load(uri: str, name: str) -> None:
    """Fill the database `name` at `uri`, with every declared index."""
    with MongoClient[dict[str, Any]](uri) as client:
        client.drop_database(name)
        database = client.get_database(name)
        for document, rows in (
            (Execution, list(_executions())),
            (Step, list(_children("step_index", range(STEPS_AND_LINES)))),
            (
                LogEntry,
                list(_children("timestamp", [START + timedelta(seconds=n // 3) for n in range(STEPS_AND_LINES)])),
            ),
        ):
            collection = database.get_collection(document.Settings.name)
            for start in range(0, len(rows), _BATCH):
                collection.insert_many(rows[start : start + _BATCH], ordered=False)
            # Built over existing documents: twice as fast as before inserting them.
            collection.create_indexes(document.Settings.indexes)


def drop(uri: str, name: str) -> None:
    """Delete the database."""
    with MongoClient[dict[str, Any]](uri) as client:
        client.drop_database(name)


def _executions() -> Iterator[dict[str, Any]]:
    generator = random.Random(7)  # noqa: S311 - the same in every run
    for number in range(EXECUTIONS):
        (status,), (workflow,) = _draw(generator, _STATUSES), _draw(generator, _WORKFLOWS)
        (tenant,), (user,) = _draw(generator, _TENANTS), _draw(generator, _USERS)
        created = START + timedelta(seconds=number // 10 * 500)  # ten at a time
        uses_models = generator.random() < 0.15
        row: dict[str, Any] = {
            "_id": ObjectId(),
            "execution_id": f"run-{number}",
            "tenant_id": tenant,
            "user_id": user,
            "workflow_name": workflow,
            "status": status,
            "created": created,
            "updated": created,
            "total_cost": round(generator.random(), 3) if uses_models else 0.0,
            "tokens_used": generator.randrange(5_000) if uses_models else 0,
            "error_details": {"message": f"The worker ran out of memory in task {number}."},
            "triggered_by": _TRIGGERS[number % 3],
            "tags": [{"key": "team", "value": f"team-{number % 50}"}, {"key": "stage", "value": f"team-{number % 2}"}],
        }
        if number % 10 == 1:
            row |= {"session_id": f"session-{number // 400}", "parent_execution_id": f"run-{number // 400}"}
        if status == "failed":
            row["error_details"]["code"] = f"E{number % 5}"
        if generator.random() < 0.9:
            row["workflow_template_id"] = f"template-{workflow}"
        if status != "pending":
            row["started_at"] = created + timedelta(seconds=generator.randrange(60))
        if status in TERMINAL_STATUSES:
            seconds = generator.randrange(1, 600)
            row |= {"completed_at": row["started_at"] + timedelta(seconds=seconds), "total_duration": float(seconds)}
        yield row
    yield {"execution_id": LONG_EXECUTION, "tenant_id": "acme", "user_id": "ada", "created": START}


def _draw(generator: random.Random, shares: dict[str, int]) -> list[str]:
    return generator.choices(list(shares), list(shares.values()))


def _children(field: str, values: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """All children of the long execution, and of another tenant's of the same id; thirty each of 200 others."""
    for tenant, execution_id, count in (
        ("acme", LONG_EXECUTION, STEPS_AND_LINES),
        ("globex", LONG_EXECUTION, STEPS_AND_LINES),
        *(("acme", f"run-{number}", 30) for number in range(200)),
    ):
        for number in range(count):
            value = values[number // 2]  # in pairs
            yield {"tenant_id": tenant, "execution_id": execution_id, field: value, "message": f"line {number}"}

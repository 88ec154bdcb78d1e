"""Executions and steps as an engine would have written them, the same in every run."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import MongoClient

from tests.benchmarks.list_query import TENANT, USER

BATCH = 5_000
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_STATUSES = ("completed", "completed", "completed", "failed", "running")
_USERS = (USER, "grace")
_STEPS = 8


def execution(number: int) -> dict[str, Any]:
    """Execution number `number`, created a second after the one before it."""
    created = _BEGAN + timedelta(seconds=number)
    status = _STATUSES[number % len(_STATUSES)]
    document: dict[str, Any] = {
        "execution_id": f"run-{number:08}",
        "execution_name": f"Nightly import {number}",
        "workflow_name": f"etl-{number % 40}",
        "workflow_template_id": f"template-{number % 40}",
        "status": status,
        "created": created,
        "updated": created + timedelta(seconds=90),
        "started_at": created + timedelta(seconds=2),
        "progress": {"current_step": 7, "total_steps": 8, "percentage": 87.5},
        "steps_completed": 7,
        "user_id": _USERS[number // len(_STATUSES) % len(_USERS)],
        "tenant_id": TENANT,
        "triggered_by": "schedule",
        "input_parameters": {"bucket": f"s3://acme/{number}", "rows": number, "mode": "full"},
        "tags": [{"key": "team", "value": "data"}],
        "total_cost": 0.0125,
        "attempt": 1,
        "version": 9,
    }
    if status != "running":
        document |= {"completed_at": created + timedelta(seconds=90), "total_duration": 88.5}
    return document


def steps_of(number: int) -> list[dict[str, Any]]:
    """The steps of execution number `number`."""
    created = _BEGAN + timedelta(seconds=number)
    return [
        {
            "execution_id": f"run-{number:08}",
            "tenant_id": TENANT,
            "step_id": f"step-{index}",
            "step_name": f"Load part {index}",
            "step_type": "task",
            "step_index": index,
            "status": "completed",
            "created": created,
            "started_at": created + timedelta(seconds=2 + 11 * index),
            "completed_at": created + timedelta(seconds=13 + 11 * index),
            "duration": 11.0,
            "attempt": 1,
            "input_data": {"part": index, "bucket": f"s3://acme/{number}"},
            "version": 3,
        }
        for index in range(_STEPS)
    ]


def store(uri: str, database: str, count: int, *, steps: bool = False) -> None:
    """Insert `count` executions into empty collections, with their steps if `steps`."""
    with MongoClient[dict[str, Any]](uri) as mongo:
        for start in range(0, count, BATCH):
            numbers = range(start, min(start + BATCH, count))
            mongo[database]["workflow_executions"].insert_many(map(execution, numbers), ordered=False)
            if steps:
                all_steps = itertools.chain.from_iterable(map(steps_of, numbers))
                mongo[database]["workflow_step_executions"].insert_many(all_steps, ordered=False)

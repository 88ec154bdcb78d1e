"""Executions for questions at size: three tenants of very different size, and everybody else's around them.

Of 5,000,000 executions 40 % belong to one tenant, 1 % to another and 300 to a third. In each, most values are common,
some rare, and some one of a kind, as runs of real workflows are.
"""

import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing import Process
from typing import Any

from pymongo import MongoClient

BIG, MEDIUM, TINY = "big", "medium", "tiny"
TINY_SIZE = 300
_BIG_SHARE, _MEDIUM_SHARE = 0.40, 0.01
_OTHERS = 40  # tenants that have the rest
_BATCH = 5_000
BEGAN, DAYS = datetime(2026, 8, 1, tzinfo=UTC), 110
# A person has some thousands of executions at most; a service has a tenth of the tenant's.
_PER_PERSON = 2_000
SERVICE, PERSON = "service-ci", "person-0001"
WORKFLOWS = 120
# One of so many: of a workflow, a code, a tag that few have.
_RARE = 20_000
RARE_WORKFLOW, RARE_CODE, RARE_TAG = "quarterly-audit", "DISK_QUOTA_EXCEEDED", "incident"
_FINISHED = ("completed",) * 84 + ("failed",) * 9 + ("timed_out",) * 2 + ("cancelled",) * 5
_CODES = ("NETWORK_TIMEOUT", "OUT_OF_MEMORY", "BAD_INPUT", "UPSTREAM_5XX", "ASSERTION_FAILED")
_TRIGGERS = ("schedule", "schedule", "schedule", "api", "webhook", "manual")


def sizes_of(count: int) -> dict[str, int]:
    """How many executions each of the three tenants has of `count`."""
    return {BIG: int(count * _BIG_SHARE), MEDIUM: int(count * _MEDIUM_SHARE), TINY: TINY_SIZE}


def execution(tenant: str, number: int, size: int, chance: random.Random) -> dict[str, Any]:
    """The execution `number` of a `tenant` that has `size`; the later the number, the newer."""
    created = BEGAN + timedelta(seconds=number / size * DAYS * 86_400)
    running = number >= size - max(3, size // 2_000)
    paused = chance.random() < 1 / 50_000
    status = "running" if running else "paused" if paused else chance.choice(_FINISHED)
    workflow = RARE_WORKFLOW if number % _RARE == 7 else f"pipeline-{chance.randrange(WORKFLOWS):03}"
    seconds = round(chance.lognormvariate(4, 1.5), 3)
    person = f"person-{chance.randrange(max(2, size // _PER_PERSON)):04}"
    document: dict[str, Any] = {
        "execution_id": f"{tenant}-{number:08}",
        "execution_name": f"{workflow} {number}",
        "workflow_name": workflow,
        "workflow_template_id": f"template-{workflow}",
        "status": status,
        "created": created,
        "updated": created + timedelta(seconds=seconds),
        "started_at": created + timedelta(seconds=chance.random() * 5),
        "progress": {"current_step": 7, "total_steps": 8, "percentage": 87.5},
        "steps_completed": 7,
        "user_id": SERVICE if chance.random() < 0.1 else person,
        "tenant_id": tenant,
        "triggered_by": chance.choice(_TRIGGERS) if chance.random() < 0.98 else person,
        "input_parameters": {"bucket": f"s3://acme/{number}", "rows": number, "mode": "full"},
        "tags": [{"key": "team", "value": f"team-{chance.randrange(50)}"}],
        "total_cost": round(chance.random() ** 3 * 4, 4) if chance.random() < 0.6 else 0.0,
        "tokens_used": chance.randrange(40_000) if chance.random() < 0.5 else 0,
        "attempt": 1,
        "version": 9,
    }
    if not running and not paused:
        document |= {"completed_at": document["updated"], "total_duration": seconds}
    if status in ("failed", "timed_out"):
        code = RARE_CODE if number % _RARE < 40 else chance.choice(_CODES)
        document["error_details"] = {"message": f"{code}: part {number} of {workflow} did not load", "code": code}
    if number % 10 < 3:
        document["session_id"] = f"session-{number // 40:07}"
    if number % 10 == 9:
        document["parent_execution_id"] = f"{tenant}-{number - 1 - chance.randrange(5):08}"
    if number % _RARE == 11:
        document["tags"].append({"key": RARE_TAG, "value": "sev1"})
    return document


def _batches(count: int, part: int, parts: int) -> Iterator[list[dict[str, Any]]]:
    sizes = sizes_of(count)
    rest = (count - sum(sizes.values())) // _OTHERS
    sizes |= {f"other-{number:02}": rest for number in range(_OTHERS)}
    for tenant, size in sizes.items():
        for start in range(part * _BATCH, size, parts * _BATCH):
            chance = random.Random(f"{tenant} {start}")  # noqa: S311 - the same in every run
            yield [execution(tenant, number, size, chance) for number in range(start, min(start + _BATCH, size))]


def _store_part(uri: str, database: str, count: int, part: int, parts: int) -> None:
    with MongoClient[dict[str, Any]](uri) as client:
        for batch in _batches(count, part, parts):
            client[database]["workflow_executions"].insert_many(batch, ordered=False)


def store_at_scale(uri: str, database: str, count: int) -> None:
    """Put `count` executions into an empty collection, with as many processes as there are processors."""
    parts = os.cpu_count() or 1
    running = [Process(target=_store_part, args=(uri, database, count, part, parts)) for part in range(parts)]
    for process in running:
        process.start()
    for process in running:
        process.join()
        if process.exitcode:
            raise RuntimeError(f"storing ended with {process.exitcode}")

"""Executions, steps and log lines in the connected database, as an engine would have written them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from execution_monitor.storage.documents import Execution, LogEntry, Step, collection_of

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def execution(number: int, **fields: Any) -> dict[str, Any]:
    """Execution `e<number>` of ada of acme, created `number` seconds after noon; `fields` replace or add fields."""
    return {
        "execution_id": f"e{number:03}",
        "tenant_id": "acme",
        "user_id": "ada",
        "workflow_name": "etl",
        "status": "completed",
        "created": NOON + timedelta(seconds=number),
        "updated": NOON + timedelta(seconds=number),
        **fields,
    }


async def store(*executions: dict[str, Any]) -> None:
    """Insert `executions`."""
    await collection_of(Execution).insert_many([dict(each) for each in executions])


async def store_steps_and_logs(execution_id: str, count: int, tenant: str = "acme") -> None:
    """Insert `count` steps and `count` log lines of one execution."""
    common = {"execution_id": execution_id, "tenant_id": tenant}
    await collection_of(Step).insert_many(
        [
            {**common, "step_id": f"s{index}", "step_name": f"Step {index}", "step_index": index, "created": NOON}
            | {"status": "completed", "input_data": {"secret": index}, "result": {"secret": index}}
            for index in range(count)
        ]
    )
    levels = ("debug", "info", "warning", "error")
    await collection_of(LogEntry).insert_many(
        [
            {**common, "timestamp": NOON + timedelta(seconds=index), "message": f"Line {index}"}
            | {"level": levels[index % len(levels)], "step_id": f"s{index}"}
            for index in range(count)
        ]
    )

"""Executions and steps as an engine would write them, for tests of REST."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Documents = Sequence[dict[str, Any]]

START = datetime(2026, 1, 1, tzinfo=UTC)


def an_execution(execution_id: str, **fields: Any) -> dict[str, Any]:
    """An execution of ada of acme with the fields that an engine must write, and `fields`."""
    return {
        "execution_id": execution_id,
        "tenant_id": "acme",
        "user_id": "ada",
        "workflow_name": "nightly",
        "created": START,
        "updated": START,
        **fields,
    }


def executions(count: int, **fields: Any) -> Documents:
    """Executions `e0`, `e1`, ..., created a minute apart."""
    return [an_execution(f"e{each}", created=START + timedelta(minutes=each), **fields) for each in range(count)]


def a_step(execution_id: str, index: int, **fields: Any) -> dict[str, Any]:
    """Step `s<index>` of an execution of acme."""
    return {
        "execution_id": execution_id,
        "tenant_id": "acme",
        "step_id": f"s{index}",
        "step_name": f"Step {index}",
        "step_index": index,
        "created": START,
        **fields,
    }


A_FAILED_EXECUTION = an_execution(
    "run-1",
    execution_name="Nightly run",
    workflow_template_id="nightly-v2",
    status="failed",
    status_detail="upstream_failed",
    updated=START + timedelta(seconds=95),
    started_at=START + timedelta(seconds=5),
    completed_at=START + timedelta(seconds=95),
    total_duration=90.0,
    progress={"current_step": 1, "total_steps": 2, "percentage": 50.0},
    steps_completed=1,
    steps_failed=1,
    triggered_by="schedule",
    session_id="session-1",
    input_parameters={"path": "in.csv", "account": 3_544_790_567_247_868_102},
    final_result={"rows": 3},
    error_details={"message": "Disk full.", "code": "ENOSPC", "step_id": "s1", "retryable": True, "host": "node-1"},
    tags=[{"key": "team", "value": "data"}],
    total_cost=0.5,
    tokens_used=14_162_275_774,
    performance_data={"cpu": 0.9},
    attempt=2,
    parent_execution_id="run-0",
    retry_of_execution_id="run-00",
    last_heartbeat_at=START + timedelta(seconds=90),
    version=4,
)
ITS_STEPS = (
    a_step(
        "run-1",
        0,
        step_type="task",
        status="completed",
        started_at=START + timedelta(seconds=5),
        completed_at=START + timedelta(seconds=15),
        duration=10.0,
        input_data={"n": 1},
        result={"rows": 9_007_199_254_740_993},
        cost=0.25,
        tokens_used=3_000_000_000,
        model="gpt-6",
        input_tokens=2_000_000_000,
        output_tokens=1_000_000_000,
        cached_tokens=0,
    ),
    a_step("run-1", 1, status="failed", depends_on=["s0"], error_details={"message": "Disk full.", "code": "ENOSPC"}),
)

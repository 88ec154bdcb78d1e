"""One execution with its steps, through a real server."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from execution_monitor.auth.caller import Scope
from execution_monitor.executions.children import MAX_STEPS
from tests.rest.client import Fetch, Store
from tests.rest.documents import A_FAILED_EXECUTION, ITS_STEPS, a_step, an_execution
from tests.support.client import EXECUTIONS_PATH


async def test_a_detail_has_all_fields(fetch: Fetch, store: Store, token_for: Callable[..., str]):
    await store(
        [A_FAILED_EXECUTION, an_execution("run-2", status="completed", retry_of_execution_id="run-1")], ITS_STEPS
    )
    item = (await fetch(EXECUTIONS_PATH)).json()["executions"][-1]

    response = await fetch(f"{EXECUTIONS_PATH}/run-1", token=token_for("ada", "acme", Scope.EXECUTIONS_PAYLOAD))

    error = {"message": "Disk full.", "code": "ENOSPC", "type": None, "stack_trace": None}
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        **item,
        "execution_name": "Nightly run",
        "status_detail": "upstream_failed",
        "updated": "2026-01-01T00:01:35.000Z",
        "tenant_id": "acme",
        "session_id": "session-1",
        "attempt": 2,
        "parent_execution_id": "run-0",
        "retry_of_execution_id": "run-00",
        "recovered_by": "run-2",
        "last_heartbeat_at": "2026-01-01T00:01:30.000Z",
        "tags": [{"key": "team", "value": "data"}],
        "performance_data": {"cpu": 0.9},
        "error_details": {**error, "step_id": "s1", "retryable": True},
        "input_parameters": {"path": "in.csv", "account": 3_544_790_567_247_868_102},
        "final_result": {"rows": 3},
        "step_results": {"s0": {"rows": 9_007_199_254_740_993}},
        "steps_truncated": False,
        "warnings": [],
        "steps": [
            {
                "step_id": "s0",
                "step_name": "Step 0",
                "step_type": "task",
                "step_index": 0,
                "status": "completed",
                "started_at": "2026-01-01T00:00:05.000Z",
                "completed_at": "2026-01-01T00:00:15.000Z",
                "duration": 10.0,
                "attempt": 1,
                "depends_on": [],
                "cost": 0.25,
                "tokens_used": 3_000_000_000,
                "model": "gpt-6",
                "input_tokens": 2_000_000_000,
                "output_tokens": 1_000_000_000,
                "cached_tokens": 0,
                "input_data": {"n": 1},
                "result": {"rows": 9_007_199_254_740_993},
                "error": None,
                "error_details": None,
            },
            {
                "step_id": "s1",
                "step_name": "Step 1",
                "step_type": None,
                "step_index": 1,
                "status": "failed",
                "started_at": None,
                "completed_at": None,
                "duration": None,
                "attempt": 1,
                "depends_on": ["s0"],
                "cost": 0.0,
                "tokens_used": 0,
                "model": None,
                "input_tokens": None,
                "output_tokens": None,
                "cached_tokens": None,
                "input_data": None,
                "result": None,
                "error": "Disk full.",
                "error_details": {**error, "step_id": None, "retryable": None},
            },
        ],
    }


async def test_without_the_scope_payload_is_null_and_a_warning_says_why(
    fetch: Fetch, store: Store, token_for: Callable[..., str]
):
    await store([A_FAILED_EXECUTION], ITS_STEPS)
    allowed = (await fetch(f"{EXECUTIONS_PATH}/run-1", token=token_for("ada", "acme", Scope.EXECUTIONS_PAYLOAD))).json()

    response = await fetch(f"{EXECUTIONS_PATH}/run-1")

    shown = response.json()
    (warning,) = shown.pop("warnings")
    assert response.status_code == 200
    assert warning["code"] == "FORBIDDEN"
    assert "executions:payload" in warning["detail"]
    assert warning["fields"] == [
        *("input_parameters", "final_result", "step_results", "steps.input_data", "steps.result")
    ]
    without_payload = {"input_parameters": None, "final_result": None, "step_results": None}
    steps = [{**step, "input_data": None, "result": None} for step in allowed["steps"]]
    assert {**shown, "warnings": []} == {**allowed, **without_payload, "steps": steps}


async def test_steps_are_cut_at_their_limit_and_the_response_says_so(fetch: Fetch, store: Store):
    await store([an_execution("long")], [a_step("long", index) for index in range(MAX_STEPS)])
    whole = (await fetch(f"{EXECUTIONS_PATH}/long")).json()
    await store([], [a_step("long", MAX_STEPS)])

    cut = (await fetch(f"{EXECUTIONS_PATH}/long")).json()

    assert [step["step_index"] for step in whole["steps"]] == list(range(MAX_STEPS))
    assert whole["steps_truncated"] is False
    assert cut["steps"] == whole["steps"]
    assert cut["steps_truncated"] is True


@pytest.mark.parametrize("execution_id", ["a b", "ns/run/1", "100%", "scheduled__2026-01-01T00:00:00+00:00", "ü?#"])
async def test_any_id_of_a_list_has_a_detail(fetch: Fetch, store: Store, execution_id: str):
    await store([an_execution(execution_id)])

    detail = (await fetch(f"{EXECUTIONS_PATH}/{quote(execution_id, safe='')}")).json()

    assert detail["execution_id"] == execution_id


async def test_the_response_to_head_is_that_to_get_without_the_body(fetch: Fetch, store: Store):
    await store([A_FAILED_EXECUTION])

    found, missing = (
        await fetch(f"{EXECUTIONS_PATH}/run-1", method="HEAD"),
        await fetch(f"{EXECUTIONS_PATH}/run-2", method="HEAD"),
    )

    assert (found.status_code, found.content) == (200, b"")
    assert (missing.status_code, missing.content) == (404, b"")

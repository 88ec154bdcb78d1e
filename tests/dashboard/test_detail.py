import re
from collections.abc import Callable
from datetime import timedelta

from playwright.async_api import expect

from execution_monitor.storage.collections import collection_of
from execution_monitor.storage.documents import Execution, LogEntry, Step
from tests.dashboard.conftest import OpenPage
from tests.graphql.asking import NOON, execution, store

OF_E001 = {"execution_id": "e001", "tenant_id": "acme"}
SOON = NOON + timedelta(seconds=5)
STEP = {**OF_E001, "step_id": "load", "step_name": "Load rows", "step_index": 0, "created": NOON}


async def test_an_execution_is_followed_step_by_step_and_line_by_line(
    open_page: OpenPage, token_for: Callable[..., str]
):
    await store(execution(1, workflow_name="nightly", status="running", started_at=NOON, input_parameters={"day": 7}))
    await collection_of(Step).insert_one({**STEP, "status": "running", "started_at": NOON, "input_data": {"rows": 42}})
    page = await open_page("/executions/e001", token_for("ada", "acme", "executions:payload"))
    await expect(page.get_by_role("heading", name="nightly")).to_be_visible()
    await expect(page.get_by_text("day: 7")).to_be_visible()

    await page.get_by_role("button", name="Load rows").click()
    await expect(page.get_by_role("complementary", name="Step Load rows")).to_contain_text("rows: 42")
    await collection_of(LogEntry).insert_one(
        {**OF_E001, "timestamp": NOON, "level": "error", "message": "the disk is full", "step_id": "load"}
    )
    await expect(page.get_by_role("log")).to_contain_text("the disk is full")

    failed = {"status": "failed", "completed_at": SOON, "duration": 5.0}
    await collection_of(Step).update_one(OF_E001, {"$set": failed, "$inc": {"version": 1}})
    error = {"message": "disk full", "code": "ENOSPC", "step_id": "load"}
    await collection_of(Execution).update_one(
        OF_E001, {"$set": {"status": "failed", "error_details": error, "updated": SOON}, "$inc": {"version": 1}}
    )
    await expect(page.get_by_role("region", name="Error")).to_contain_text("disk full")
    await expect(page.get_by_role("button", name=re.compile("^Failed Load rows"))).to_be_visible()


async def test_without_the_scope_no_payload_is_asked_for(open_page: OpenPage, token_for: Callable[..., str]):
    await store(execution(1, input_parameters={"secret": "tiger"}))
    page = await open_page("/executions/e001", token_for("ada", "acme"))

    await expect(page.get_by_text("Your token does not allow you to see them")).to_be_visible()
    await expect(page.get_by_text("tiger")).to_be_hidden()


async def test_what_one_may_not_see_looks_like_what_is_not_there(open_page: OpenPage, token_for: Callable[..., str]):
    await store(execution(1, user_id="grace"))
    page = await open_page("/executions/e001", token_for("ada", "acme"))

    await expect(page.get_by_role("alert")).to_contain_text("There is no such execution, or you may not see it.")

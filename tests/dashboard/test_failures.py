"""The page of the failures: error groups with their trend, and what people write about them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import expect

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.dashboard.conftest import OpenPage
from tests.support.documents import execution, store

Token = Callable[..., str]
NOW = datetime.now(UTC)


def failure(number: int, message: str, hours: float, **fields: Any) -> dict[str, Any]:
    error = {"message": message, "code": "EXIT_1", "type": "TestFailure"}
    return execution(number, status="failed", created=NOW - timedelta(hours=hours), error_details=error, **fields)


async def store_failures() -> None:
    """Three that are alike and new, and one of which there was another before."""
    await store(
        *(failure(number, f"exit code {number}", 2 + number, workflow_name="ci-pipeline") for number in range(1, 4)),
        failure(10, "disk full", 1),
        failure(11, "disk full", 60),
    )


async def test_failures_are_grouped_with_their_trend_and_lead_to_their_runs(open_page: OpenPage, token_for: Token):
    await store_failures()
    token = token_for("ada", "acme", "executions:read:tenant", "alerts:write")
    page = await open_page("/executions", token)
    await page.get_by_role("link", name="Failures").click()

    await expect(page.get_by_text("2 error groups in 4 executions")).to_be_visible()
    await expect(page).to_have_title(re.compile("^✗ Failures, 1 new"))
    await expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("failed"))
    groups = page.get_by_role("list", name="Failures").locator("> li")
    await expect(groups.nth(0)).to_contain_text("exit code …")
    await expect(groups.nth(0)).to_contain_text("New")
    await expect(groups.nth(0).get_by_role("img", name="3 in this time, at most 1 in one bar")).to_be_visible()
    await expect(groups.nth(1)).to_contain_text("Known")
    await groups.nth(0).get_by_text("Details").click()
    await expect(groups.nth(0).get_by_text("exit code 1", exact=True)).to_be_visible()
    runs = groups.nth(0).get_by_role("group", name="Latest runs")
    await expect(runs.get_by_role("link", name="ci-pipeline")).to_have_count(3)
    await expect(runs.get_by_role("link", name="First run")).to_have_attribute("href", "/executions/e003")
    await expect(runs.get_by_role("link", name="Compare it")).to_have_attribute("href", "/executions/e003?tab=compare")
    trend = groups.nth(0).get_by_role("slider", name="Runs over time")
    await trend.press("Home")
    await expect(trend).to_have_attribute("aria-valuetext", re.compile("Runs 0$"))
    await expect(trend.locator("path").last).not_to_have_css("stroke", "none")
    await groups.nth(0).get_by_text("Runs over time as a table").click()
    await expect(groups.nth(0).get_by_role("cell", name="1", exact=True)).to_have_count(3)

    await groups.nth(0).get_by_role("link", name="3 runs with: exit code …").click()
    await expect(page.get_by_text("3 executions")).to_be_visible()
    assert "errorGroup:eq(" in page.url


async def test_groups_are_assigned_noted_and_muted_by_keyboard(open_page: OpenPage, token_for: Token):
    await store_failures()
    page = await open_page("/failures", token_for("ada", "acme", "executions:read:tenant", "alerts:write"))
    groups = page.get_by_role("list", name="Failures").locator("> li")

    # By keyboard alone: the menu, and the dialog that it opens.
    await groups.nth(0).get_by_role("button", name="Actions: exit code …").press("Enter")
    await expect(page.get_by_role("menuitem", name="Assign to me")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(groups.nth(0)).to_contain_text("Assigned toada")
    await groups.nth(0).get_by_role("button", name="Actions: exit code …").press("Enter")
    await expect(page.get_by_role("menuitem", name="Unassign")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog").get_by_label("Assigned to")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.type("flaky test, see #12")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).not_to_be_attached()
    await expect(groups.nth(0)).to_contain_text("flaky test, see #12 by ada")

    await page.get_by_label("Show").select_option("Assigned to me")
    await expect(groups).to_have_count(1)
    await expect(page).to_have_url(re.compile("show=mine"))
    await page.get_by_label("Show").select_option("All")
    await groups.nth(1).get_by_role("button", name="Actions: disk full").press("Enter")
    await expect(page.get_by_role("menuitem", name="Assign to me")).to_be_focused()
    for key in ("m", "ArrowDown"):
        await page.keyboard.press(key)
    await expect(page.get_by_role("menuitem", name="Mute for a day")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(groups).to_have_count(1)
    await page.reload()
    await expect(groups).to_have_count(1)
    await expect(groups.nth(0)).to_contain_text("flaky test")
    await page.get_by_text("1 muted group").click()
    muted = page.get_by_role("list", name="1 muted group").locator("> li")
    await expect(muted).to_contain_text("disk full")
    await muted.get_by_role("button", name="Actions: disk full").click()
    await page.get_by_role("menuitem", name="Unmute").click()
    await expect(groups).to_have_count(2)

    viewer = await open_page("/failures?filter=workflowName:eq(ci-pipeline)", token_for("ada", "acme"))
    await expect(viewer.get_by_text("1 error group in 3 executions")).to_be_visible()
    await expect(viewer.get_by_text("flaky test, see #12")).to_be_visible()
    await expect(viewer.get_by_role("button", name="Actions")).not_to_be_attached()


async def test_failures_appear_as_they_happen_and_a_range_is_chosen_in_their_histogram(
    database: Database, open_page: OpenPage, token_for: Token
):
    await store(failure(1, "disk full", 2), failure(2, "disk full", 20))
    page = await open_page("/failures?zone=UTC", token_for("ada", "acme"))
    groups = page.get_by_role("list", name="Failures").locator("> li")
    await expect(groups).to_have_count(1)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    now = datetime.now(UTC)
    error = {"message": "card refused", "code": "E7", "type": "PaymentError"}
    running = {"status": "running", "created": now, "updated": now, "workflow_name": "billing"}
    await database.collection(Execution).insert_one(execution(3, **running))
    await database.collection(Execution).update_one(
        {"execution_id": "e003"}, {"$set": {"status": "failed", "error_details": error, "updated": datetime.now(UTC)}}
    )
    # Not before a pause, which is longer on busy machines.
    await expect(groups).to_have_count(2, timeout=20_000)
    await expect(groups.nth(1)).to_contain_text("card refused")
    await expect(page.get_by_text("2 error groups in 3 executions")).to_be_visible()

    plot = page.get_by_role("slider", name="Failures over time")
    await plot.focus()
    for key in ("End", *["Shift+ArrowLeft"] * 20, "Enter"):
        await page.keyboard.press(key)
    await expect(page).to_have_url(re.compile("since=.*&until="))
    await expect(page.get_by_text("2 error groups in 2 executions")).to_be_visible()

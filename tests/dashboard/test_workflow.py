"""The page of a workflow: its history, of which two runs are compared, and what its runs add up to."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Page, expect

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.dashboard.conftest import OpenPage
from tests.support.documents import execution, store, store_steps_and_logs

Token = Callable[..., str]
NOW = datetime.now(UTC)
NAME = "etl/nightly 100%"


def run(number: int, **fields: Any) -> dict[str, Any]:
    created = NOW - timedelta(hours=10 - number)
    usual = {"created": created, "total_duration": 60.0 * number, "total_cost": 0.5, "triggered_by": "schedule"}
    return execution(number, **{**usual, "workflow_name": NAME, **fields})


async def open_workflow(open_page: OpenPage, token_for: Token) -> Page:
    """Open the page of a workflow with four runs, of which the third failed."""
    error = {"message": "disk full", "code": "ENOSPC", "type": "IOError"}
    await store(
        run(1),
        run(2),
        run(3, status="failed", error_details=error, triggered_by="ada"),
        run(4),
        execution(9, workflow_name="other", created=NOW),
    )
    await store_steps_and_logs("e004", 2)
    return await open_page("/workflows/etl/nightly%20100%25?since=-24h&zone=UTC", token_for("ada", "acme"))


async def test_a_workflow_shows_what_its_runs_add_up_to(open_page: OpenPage, token_for: Token):
    page = await open_workflow(open_page, token_for)
    await expect(page.get_by_role("heading", level=1, name=NAME)).to_be_visible()
    await expect(page).to_have_title(re.compile(f"^✓ {NAME}"))
    await expect(page.get_by_role("definition").nth(0)).to_have_text("4")
    await expect(page.get_by_text("75.0 %")).to_be_visible()
    await expect(page.get_by_role("region", name="Error groups").get_by_role("row", name="disk full")).to_be_visible()
    steps = page.get_by_role("region", name="Slowest steps").get_by_role("row")
    await expect(steps).to_have_count(3)
    starters = page.get_by_role("region", name="Who starts it")
    await expect(starters.get_by_role("row", name="schedule")).to_contain_text("3")

    charts = page.get_by_role("region", name="Over time", exact=True)
    await expect(charts.get_by_role("slider")).to_have_count(3)
    durations = charts.get_by_role("slider", name="Duration")
    await durations.focus()
    values: set[str] = set()
    for _ in range(100):
        values.add((await durations.get_attribute("aria-valuetext") or "").partition(": ")[2])
        await page.keyboard.press("ArrowLeft")
    typical = {value.partition(",")[0] for value in values if "p50" in value}
    assert len(typical) == 4, values
    await charts.get_by_text("Cost as a table").click()
    await expect(charts.get_by_role("cell", name="$0.50")).to_have_count(4)

    await starters.get_by_role("row", name="ada").get_by_role("link").first.click()
    await expect(page.get_by_text("1 execution", exact=True)).to_be_visible()
    assert "triggeredBy:eq(ada)" in page.url
    await page.goto("/workflows/never-run")
    await expect(page.get_by_role("heading", name="No runs of never-run")).to_be_visible()


async def test_two_of_the_latest_runs_are_compared_by_keyboard(open_page: OpenPage, token_for: Token):
    page = await open_workflow(open_page, token_for)
    # The newest run is reached first; then arrows, Home and End.
    strip = page.get_by_role("toolbar", name="The latest 4 runs").get_by_role("button")
    await expect(strip).to_have_count(4)
    await strip.nth(3).focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Choose another run")).to_be_visible()
    await page.keyboard.press("ArrowLeft")
    await expect(strip.nth(2)).to_be_focused()
    await expect(strip.nth(2)).to_have_accessible_name(re.compile("^Failed, .*, 3 m 00 s$"))
    await page.keyboard.press("Home")
    await expect(strip.nth(0)).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("End")
    await expect(strip.nth(3)).to_be_focused()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("Space")
    compare = page.get_by_role("link", name="Compare the two runs")
    await expect(compare).to_have_attribute("href", "/compare?a=e004&b=e003")

    # The table beside it has the same choice.
    await page.get_by_role("region", name="History").get_by_text("As a table").click()
    table = page.get_by_role("region", name="The latest 4 runs")
    await expect(table.get_by_role("checkbox", checked=True)).to_have_count(2)
    await table.get_by_role("checkbox").nth(3).check()
    await expect(compare).to_have_attribute("href", "/compare?a=e003&b=e001")


async def test_runs_appear_on_the_page_of_their_workflow_and_what_was_chosen_stays(
    database: Database, open_page: OpenPage, token_for: Token
):
    await store(run(1), run(2))
    page = await open_page("/workflows/etl/nightly%20100%25?since=-24h&zone=UTC", token_for("ada", "acme"))
    strip = page.get_by_role("toolbar").get_by_role("button")
    await expect(strip).to_have_count(2)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await strip.nth(0).press("Enter")

    error = {"message": "disk full", "code": "ENOSPC", "type": "IOError"}
    await database.collection(Execution).insert_one(
        run(3, created=datetime.now(UTC), status="failed", error_details=error, triggered_by="ada")
    )
    await expect(page.get_by_role("definition").nth(0)).to_have_text("3")
    # Not before a pause, which is longer on busy machines.
    await expect(strip).to_have_count(3, timeout=20_000)
    await expect(page.get_by_role("region", name="Error groups").get_by_role("row", name="disk full")).to_be_visible()
    await expect(page.get_by_role("region", name="Who starts it").get_by_role("row", name="ada").first).to_be_visible()
    await expect(page).to_have_title(re.compile(f"^✗ {NAME}"))
    await expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("failed"))

    await expect(strip.nth(0)).to_be_focused()
    await expect(strip.nth(0)).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Compare the two runs").click()
    await expect(page).to_have_url(re.compile("/compare\\?a=e001&b=e003"))
    await expect(page.get_by_role("heading", name="Compare executions")).to_be_visible()

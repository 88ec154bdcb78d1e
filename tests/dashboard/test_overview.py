"""The overview: numbers that lead to their executions, a histogram that sets the range, live, empty, and too large."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.async_api import Locator, Page, Route, expect

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.dashboard.conftest import OpenPage
from tests.support.documents import execution, store

Token = Callable[..., str]
CARDS = ("Fails most", "New errors", "Slower than usual", "Stuck or silent", "Cost by workflow")


def past(number: int, hours: float, **fields: Any) -> dict[str, Any]:
    """An execution that was created some hours ago and took a minute."""
    created = datetime.now(UTC) - timedelta(hours=hours)
    usual = {"started_at": created, "completed_at": created + timedelta(minutes=1), "total_duration": 60}
    return execution(number, created=created, **{**usual, **fields})


def failed(number: int, hours: float, message: str, **fields: Any) -> dict[str, Any]:
    return past(number, hours, status="failed", error_details={"message": message, "code": "E1"}, **fields)


def incident() -> list[dict[str, Any]]:
    """A day on which `billing` fails for a new reason, `etl` takes longer than usual, and one of its runs hangs."""
    return [
        *(past(number, 48 + number, workflow_name="etl") for number in range(20)),
        *(past(20 + number, 2, workflow_name="etl", total_duration=300, total_cost=2) for number in range(6)),
        *(failed(30 + number, 40, "connection lost", workflow_name="billing") for number in range(2)),
        *(failed(40 + number, 3, f"card {number} refused", workflow_name="billing") for number in range(4)),
        failed(50, 3, "connection lost", workflow_name="billing"),
        past(60, 30, workflow_name="etl", status="running", total_duration=None, completed_at=None),
    ]


def tile(page: Page, name: str) -> Locator:
    return page.get_by_role("main").get_by_role("link", name=name).first


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


async def test_the_overview_says_what_is_wrong_against_before_and_leads_to_it(open_page: OpenPage, token_for: Token):
    await store(*incident())
    page = await open_page("/", token_for("ada", "acme"))

    await expect(tile(page, "Failed")).to_have_text(re.compile("Failed5.*150 % more"))
    await expect(tile(page, "Success rate")).to_contain_text("55 %")
    await expect(tile(page, "Cost")).to_contain_text("$12.00")
    await expect(page).to_have_title(re.compile("^✗ 5 failed"))
    await expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("failed"))
    await expect(card(page, "Fails most").get_by_role("link")).to_have_text(["billing55 of 5 failed (100 %)"])
    await expect(card(page, "New errors").get_by_role("link")).to_have_count(1)
    await expect(card(page, "New errors").get_by_role("link")).to_contain_text(re.compile("card .* refused4"))
    await expect(card(page, "Slower than usual").get_by_role("link")).to_contain_text("usually 1 m 00 s")
    await expect(card(page, "Stuck or silent").get_by_role("link")).to_contain_text("running for 1 d 06 h")
    await expect(card(page, "Cost by workflow").get_by_role("link")).to_contain_text("$12.00")

    # A tile and a bar lead to what they count; the range stays.
    await card(page, "New errors").get_by_role("link").click()
    await expect(page.get_by_text("4 executions", exact=True)).to_be_visible()
    await page.go_back()
    await tile(page, "Failed").click()
    await expect(page).to_have_url(re.compile(r"/executions\?filter=status:in\(FAILED,TIMED_OUT\)&since=-24h$"))
    await expect(page.get_by_text("5 executions", exact=True)).to_be_visible()
    # And so does the filter on the way to the overview.
    await page.get_by_role("link", name="Overview").click()
    await expect(page).to_have_url(re.compile(r"/overview\?filter=status:in\(FAILED,TIMED_OUT\)&since=-24h$"))
    await expect(tile(page, "Success rate")).to_contain_text("0 %")


async def test_a_range_is_chosen_in_the_histogram_by_keyboard_and_by_pointer_and_read_as_a_table(
    open_page: OpenPage, token_for: Token
):
    day = datetime(2026, 11, 1, tzinfo=UTC)
    await store(*(execution(hour, created=day + timedelta(hours=hour)) for hour in range(24)))
    page = await open_page("/overview?since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z", token_for("ada", "acme"))
    plot = page.get_by_role("slider", name="Executions by status")
    await plot.focus()
    await expect(plot).to_have_attribute("aria-valuetext", re.compile("^1 Nov 23:45 .* none$"))
    await page.keyboard.press("Home")
    await expect(plot).to_have_attribute("aria-valuetext", re.compile("^1 Nov 00:00 .* 1 completed$"))

    await page.get_by_text("Executions by status as a table").click()
    await expect(page.get_by_role("table").get_by_role("row")).to_have_count(97)
    await plot.focus()
    for key in ("Home", "Shift+ArrowRight", "Escape", "ArrowLeft", *["Shift+ArrowRight"] * 7, "Enter"):
        await page.keyboard.press(key)
    await expect(page).to_have_url(re.compile("since=2026-11-01T00:00:00Z&until=2026-11-01T02:00:00Z$"))
    await expect(page.get_by_text("2 executions", exact=True)).to_be_visible()

    await page.go_back()
    await expect(page.get_by_text("24 executions", exact=True)).to_be_visible()
    box = await plot.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2 + 2, box["y"] + 50)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 50)
    await page.mouse.up()
    await expect(page).to_have_url(re.compile("since=2026-11-01T12:00:00Z&until=2026-11-02T00:00:00Z$"))
    await expect(page.get_by_text("12 executions", exact=True)).to_be_visible()


async def test_an_overview_without_executions_helps_to_connect_an_engine_and_fills_by_itself(
    database: Database, open_page: OpenPage, token_for: Token
):
    page = await open_page("/", token_for("ada", "acme"))
    await expect(page.get_by_role("heading", name="No executions yet")).to_be_visible()
    await expect(page.get_by_role("link", name="Connect")).to_have_attribute("href", "/connect")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    await database.collection(Execution).insert_one(past(1, 0, status="running"))
    await expect(tile(page, "Running")).to_contain_text("1")
    await database.collection(Execution).insert_one(past(2, 0))
    await expect(page.get_by_text("2 executions", exact=True)).to_be_visible()
    await expect(tile(page, "Success rate")).to_contain_text("100 %")


async def test_where_there_is_too_much_to_count_a_shorter_range_or_a_sample_is_offered(
    open_page: OpenPage, token_for: Token
):
    await store(past(1, 1), past(2, 30))
    page = await open_page("/executions", token_for("ada", "acme"))
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)

    async def time_out(route: Route) -> None:
        body = json.loads(route.request.post_data or "{}")
        variables = body.get("variables", {})
        is_long = "withinSeconds" in str(variables.get("filter"))
        if "OverviewPresent" not in body["query"] or variables["allowSampling"] or not is_long:
            await route.continue_()
            return
        extensions = {"code": "QUERY_TIMEOUT", "since": start.isoformat()}
        error = {"message": "There was no time.", "extensions": extensions}
        await route.fulfill(json={"data": None, "errors": [error]})

    await page.route("**/graphql", time_out)
    await page.get_by_role("link", name="Overview").click()
    await expect(page.get_by_role("heading", name="There is too much to count at once")).to_be_visible()
    # The page still answers keys.
    await page.keyboard.press("/")
    await expect(page.get_by_role("combobox", name="Search workflows")).to_be_focused()

    await page.get_by_role("button", name="Estimate from a sample").click()
    await expect(page.get_by_text("1 execution", exact=True)).to_be_visible()
    await page.reload()
    await page.get_by_role("button", name=re.compile("^From .* on$")).click()
    await expect(page).to_have_url(re.compile(f"since={start:%Y-%m-%dT%H:%M:%SZ}$"))
    await expect(page.get_by_text("1 execution", exact=True)).to_be_visible()

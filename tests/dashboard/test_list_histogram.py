"""The histogram above the list: it counts what the list shows, live, and its brush sets the range of time."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.async_api import Locator, Page, expect

from tests.dashboard.accessibility import find_violations
from tests.dashboard.conftest import OpenPage
from tests.support.documents import execution, store

Token = Callable[..., str]
DAY = datetime(2026, 11, 1, tzinfo=UTC)
RANGE = "since=2026-11-01T00:00:00Z&until=2026-11-02T00:00:00Z"


def plot_of(page: Page) -> Locator:
    return page.get_by_role("slider", name="Executions by status")


async def open_day(open_page: OpenPage, token: str, query: str = RANGE, **size: int) -> Page:
    """Open the list of a day with an execution in each hour, every fourth of which failed."""
    await store(
        *(
            execution(hour, created=DAY + timedelta(hours=hour), status="completed" if hour % 4 else "failed")
            for hour in range(24)
        )
    )
    page = await open_page(f"/executions?{query}", token, **size)
    await expect(page.get_by_role("row").nth(1)).to_be_visible()
    return page


async def test_a_range_is_brushed_by_keyboard_and_by_pointer_and_a_status_is_chosen_in_the_legend(
    open_page: OpenPage, token_for: Token
):
    page = await open_day(open_page, token_for("ada", "acme"))
    plot, histogram = plot_of(page), page.get_by_role("region", name="Histogram")

    # Every key of the slider.
    await plot.focus()
    await expect(plot).to_have_attribute("aria-valuetext", re.compile("^1 Nov 23:45 .* none$"))
    for key, begins in (("Home", "00:00"), ("ArrowRight", "00:15"), ("ArrowUp", "00:30"), ("ArrowLeft", "00:15")):
        await page.keyboard.press(key)
        await expect(plot).to_have_attribute("aria-valuetext", re.compile(f"^1 Nov {begins}"))
    for key, begins in (("ArrowDown", "00:00"), ("End", "23:45"), ("Home", "00:00")):
        await page.keyboard.press(key)
        await expect(plot).to_have_attribute("aria-valuetext", re.compile(f"^1 Nov {begins}"))
    await expect(plot).to_have_attribute("aria-valuetext", re.compile("1 failed$"))
    for key in ("Shift+ArrowRight", "Escape", "Home", *["Shift+ArrowRight"] * 7, "Enter"):
        await page.keyboard.press(key)
    await expect(page).to_have_url(re.compile("since=2026-11-01T00:00:00Z&until=2026-11-01T02:00:00Z$"))
    await expect(page.get_by_text("2 executions", exact=True)).to_be_visible()
    await expect(plot).to_have_attribute("aria-valuetext", re.compile("^1 Nov 01:5"))

    await page.go_back()
    await expect(page.get_by_text("24 executions", exact=True)).to_be_visible()
    await expect(histogram.get_by_role("link", name="Failed 6")).to_be_visible()
    box = await plot.bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2 + 2, box["y"] + 20)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 20)
    await page.mouse.up()
    await expect(page).to_have_url(re.compile("since=2026-11-01T12:00:00Z&until=2026-11-02T00:00:00Z$"))
    await expect(page.get_by_text("12 executions", exact=True)).to_be_visible()

    await histogram.get_by_role("link", name="Failed 3").click()
    await expect(page.get_by_text("3 executions", exact=True)).to_be_visible()
    assert "filter=status:in(FAILED)" in page.url
    # What the chart shows, it says as a table, too.
    await expect(histogram.get_by_role("link")).to_have_count(1)
    await histogram.get_by_text("Executions by status as a table").click()
    cells = histogram.get_by_role("table").get_by_role("row").filter(has_text="1 Nov 12:00").get_by_role("cell")
    await expect(cells).to_have_text(["1", "1"])


async def test_it_counts_live_over_the_time_that_has_executions_and_stays_hidden_when_hidden(
    open_page: OpenPage, token_for: Token
):
    now = datetime.now(UTC)
    await store(execution(1, created=now - timedelta(hours=40)))
    page = await open_page("/executions", token_for("ada", "acme"))
    legend = page.get_by_role("region", name="Histogram").get_by_role("listitem")

    await expect(legend).to_have_text(["Completed 1"])
    # Of 30 days, those since the first that has executions: 40 to 64 hours, whatever the time of day is.
    await plot_of(page).focus()
    assert int(await plot_of(page).get_attribute("aria-valuemax") or 0) >= 39
    await store(execution(2, created=now, status="failed"))
    await expect(legend).to_have_text(["Completed 1", "Failed 1"])

    toggle = page.get_by_role("button", name="Histogram")
    await expect(toggle).to_have_attribute("aria-expanded", "true")
    await toggle.click()
    await expect(legend).to_have_count(0)
    await page.reload()
    await expect(page.get_by_role("row").nth(1)).to_be_visible()
    await expect(toggle).to_have_attribute("aria-expanded", "false")
    await expect(plot_of(page)).to_have_count(0)
    await toggle.click()
    await expect(legend).to_have_count(2)


async def test_rows_do_not_move_while_histogram_and_facets_load(open_page: OpenPage, token_for: Token):
    await store(execution(1, created=datetime.now(UTC)))
    page = await open_page("/config.json", token_for("ada", "acme"), width=1440)
    await page.add_init_script(
        """
        window.shifts = []
        new PerformanceObserver((list) => {
          const nodes = list.getEntries().flatMap(({ sources }) => sources.map(({ node }) => node))
          window.shifts.push(...nodes.map((node) => node?.closest?.('main [role=region], main section')?.ariaLabel))
        }).observe({ type: 'layout-shift', buffered: true })
        """
    )
    await page.goto("/executions")
    await expect(plot_of(page)).to_be_visible()
    await expect(page.get_by_role("row").nth(1)).to_be_visible()
    await expect(page.get_by_role("region", name="Facets").get_by_text("Alt-click")).to_be_visible()

    assert set(await page.evaluate("window.shifts")) <= {None}


async def test_on_a_phone_it_is_opened_when_wanted_and_leaves_room_for_rows(open_page: OpenPage, token_for: Token):
    page = await open_day(open_page, token_for("ada", "acme"), width=390, height=844)
    await expect(plot_of(page)).to_have_count(0)

    await page.get_by_role("button", name="Histogram").click()
    await expect(plot_of(page)).to_be_visible()
    await expect(page.get_by_role("row").nth(4)).to_be_in_viewport()
    assert await find_violations(page) == []

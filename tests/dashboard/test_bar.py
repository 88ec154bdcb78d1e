"""The bar over the pages: filter, time range and time zone in the address; and the language of the page."""

import re
from collections.abc import Callable

import pytest
from playwright.async_api import expect

from tests.dashboard.conftest import OpenPage
from tests.support.documents import NOON, execution, store

ADDRESSES = (
    "filter=any(status:in(FAILED,TIMED_OUT)+errorCode:isNull(false))&density=compact&sort=-DURATION",
    "since=-24h",
    "columns=workflow,status,tokens",
)


async def test_an_address_of_the_list_at_the_start_page_leads_to_the_list_for_good(
    open_page: OpenPage, token_for: Callable[..., str]
):
    page = await open_page("/keys", token_for("ada", "acme"))
    for query in ADDRESSES:
        await page.goto(f"/?{query}")
        await expect(page).to_have_url(re.compile(re.escape(f"/executions?{query}") + "$"))
        # The address from before it moved is not in the history.
        await page.go_back()
        await expect(page).to_have_url(re.compile("/keys$"))


async def test_times_are_shown_and_entered_in_the_chosen_zone_which_the_address_holds(
    open_page: OpenPage, token_for: Callable[..., str]
):
    await store(execution(1, created=NOON, started_at=NOON))
    page = await open_page("/executions", token_for("ada", "acme"))
    started = page.locator("[role=row] [data-column=created]").nth(1)
    await expect(started).to_contain_text(NOON.strftime("%H:%M"))

    await page.get_by_role("button", name="Created: Any time").click()
    await page.get_by_label("Time zone").select_option("Asia/Tokyo")
    await expect(started).to_contain_text("21:00")
    await page.get_by_label("From", exact=True).fill(NOON.strftime("%Y-%m-%dT20:00"))
    await page.get_by_role("button", name="Apply").click()

    await expect(page).to_have_url(re.compile(f"since={NOON:%Y-%m-%d}T11:00:00Z&zone=Asia/Tokyo$"))
    await expect(page.get_by_role("button", name=f"Created: {NOON:%Y-%m-%d} 20:00 GMT+9")).to_be_visible()
    await expect(page.get_by_text("1 execution", exact=True)).to_be_visible()

    # A page without the bar keeps to the zone.
    await page.get_by_role("row").nth(1).get_by_role("link").click()
    await expect(page.locator("header time").first).to_contain_text("21:00")
    colleague = await open_page("/executions?zone=Asia/Kolkata", token_for("ada", "acme"))
    await expect(colleague.locator("[role=row] [data-column=created]").nth(1)).to_contain_text("17:30")


@pytest.mark.usefixtures("server")
async def test_the_page_speaks_the_language_that_was_chosen(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/executions", token_for("ada", "acme"))
    await page.get_by_role("button", name="Account of ada acme").click()
    await page.get_by_role("radio", name="Tiếng Việt").click()

    await expect(page.get_by_role("button", name="Thời điểm tạo")).to_be_visible()
    await expect(page.locator("html")).to_have_attribute("lang", "vi")


async def test_pages_of_keys_and_signing_in_speak_the_language_too(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/keys", token_for("ada", "acme", "keys:write", "executions:write"))
    await page.evaluate("localStorage.setItem('execution-monitor.language', 'vi')")
    await page.reload()
    await page.get_by_role("button", name="Khóa mới").click()
    await expect(page.get_by_role("checkbox", name="Báo cáo lượt chạy")).to_be_checked()
    await expect(page).to_have_title(re.compile("^Khóa truy cập"))

    await page.get_by_role("button", name="Đăng xuất").click()
    await page.get_by_text("Dùng token").click()
    await expect(page.get_by_role("button", name="Đăng nhập")).to_be_visible()
    await expect(page).to_have_title(re.compile("^Đăng nhập"))

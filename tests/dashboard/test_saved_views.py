"""Saved views: moved from the browser, saved, shared with a colleague, opened and deleted."""

import re
from collections.abc import Callable

from playwright.async_api import expect

from tests.dashboard.accessibility import AXE
from tests.dashboard.conftest import OpenPage

Token = Callable[..., str]
TENANT = "executions:read:tenant"
STORED = (
    "localStorage.setItem('execution-monitor.views',"
    """ JSON.stringify([{ name: "Slow ones", query: "sort=-DURATION" }, { name: "Failures", query: "since=-7d" }]))"""
)


async def test_views_are_moved_saved_shared_and_deleted(open_page: OpenPage, token_for: Token):
    page = await open_page("/executions?filter=status:in(FAILED)&since=-24h", token_for("ada", "acme", TENANT))
    await page.evaluate(STORED)
    await page.get_by_role("button", name="Views").click()

    await page.get_by_label("Name of the view").fill("Failures")
    await page.get_by_label("Share with everyone of the tenant").check()
    await page.get_by_role("button", name="Save").click()
    views = page.get_by_role("list", name="Views").get_by_role("listitem")
    await expect(views).to_have_text([re.compile("Failures.*shared")])
    await expect(page.get_by_text("2 views are saved in this browser alone.")).to_be_visible()
    await page.get_by_role("button", name="Move to the server").click()
    await expect(page.get_by_text("saved in this browser")).not_to_be_attached()
    # One of that name is kept.
    await expect(views).to_have_text([re.compile("Failures.*shared"), re.compile(r"Failures \(2\)"), "Slow ones"])

    await page.evaluate(AXE.read_text())
    assert await page.evaluate("axe.run().then(({violations}) => violations.map((v) => v.id))") == []
    await views.get_by_text("Slow ones").click()
    await expect(page).to_have_url(re.compile(r"/executions\?sort=-DURATION$"))
    await page.get_by_role("button", name="Views").click()
    await page.get_by_role("button", name="Delete view Slow ones").click()
    await expect(views).to_have_count(2)

    colleague = await open_page("/executions", token_for("ben", "acme"), width=390)
    await colleague.get_by_role("button", name="Views").click()
    seen = colleague.get_by_role("list", name="Views").get_by_role("listitem")
    await expect(seen).to_have_text([re.compile("Failures.*shared by ada")])
    await expect(colleague.get_by_role("button", name="Delete view Failures")).not_to_be_attached()
    await expect(colleague.get_by_label("Share with everyone of the tenant")).not_to_be_attached()
    assert await colleague.evaluate("document.documentElement.scrollWidth") == 390
    await seen.get_by_text("Failures").click()
    await expect(colleague).to_have_url(re.compile(re.escape("/executions?filter=status:in(FAILED)&since=-24h")))
    await expect(colleague.get_by_role("button", name="Edit Status is Failed")).to_be_visible()

"""The audit trail, in the browser."""

import re
from collections.abc import Callable

from playwright.async_api import expect

from tests.dashboard.conftest import OpenPage
from tests.support.client import execute

Token = Callable[..., str]


async def test_events_are_found_by_user_and_outcome_and_the_address_holds_what_is_chosen(
    server: str, open_page: OpenPage, token_for: Token
):
    await execute(server, token_for("grace", "acme"), "query Peek { webhooks { nodes { id } } }")
    page = await open_page("/", token_for("ada", "acme", "audit:read"))
    await page.get_by_role("button", name="Account of ada acme").click()
    await page.get_by_role("link", name="Audit trail").click()
    await expect(page).to_have_title(re.compile("^Audit trail"))
    await page.get_by_label("User").fill("grace")
    await page.get_by_label("User").press("Enter")
    await page.get_by_label("Outcome").select_option("Denied")

    row = page.get_by_role("row").filter(has_text="Peek")
    await expect(row).to_contain_text("grace")
    await expect(row).to_contain_text("FORBIDDEN")
    await expect(page).to_have_url(f"{server}/audit?user=grace&outcome=DENIED")
    await page.reload()
    await expect(row).to_be_visible()
    await page.get_by_label("User").fill("nobody")
    await page.get_by_label("User").press("Enter")
    await expect(page.get_by_role("heading", name="No events match")).to_be_visible()


async def test_callers_without_the_scope_find_no_link_and_are_told_which_one_they_lack(
    open_page: OpenPage, token_for: Token
):
    page = await open_page("/audit", token_for("ada", "acme"))

    await expect(page.get_by_text("This needs the scope audit:read")).to_be_visible()
    await page.get_by_role("button", name="Account of ada acme").click()
    await expect(page.get_by_role("link", name="REST API")).to_be_visible()
    await expect(page.get_by_role("link", name="Audit trail")).not_to_be_attached()

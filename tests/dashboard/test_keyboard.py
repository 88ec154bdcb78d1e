"""Every page is reached from the sign-in page with the keyboard alone."""

import re
from collections.abc import Callable

import pytest
from playwright.async_api import Locator, Page, expect

from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from tests.dashboard.conftest import OpenPage
from tests.dashboard.pages import SCOPES, fill, with_webhooks

# No control of a page is farther away, in one of the two directions.
MOST_TABS = 150


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_webhooks(settings)


async def go_to(page: Page, target: Locator, *, backwards: bool = False) -> None:
    """Press Tab until `target` has the focus, and see that it is marked."""
    await expect(target).to_be_visible()
    for _ in range(MOST_TABS):
        if await target.evaluate("(element) => element === document.activeElement"):
            break
        await page.keyboard.press("Shift+Tab" if backwards else "Tab")
    await expect(target).to_be_focused()
    assert await target.evaluate("(element) => element.matches(':focus-visible')")


async def follow(page: Page, target: Locator, heading: str, *, backwards: bool = False) -> None:
    """Go to a link and press Enter, which leads to the page with this heading."""
    await go_to(page, target, backwards=backwards)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name=heading).first).to_be_attached()


async def test_each_page_is_reached_from_the_sign_in_page_by_keyboard_alone(
    database: Database, server: str, open_page: OpenPage, token_for: Callable[..., str]
):
    token = token_for("ada", "acme", *SCOPES)
    await fill(database, server, token)
    page = await open_page("/")
    await go_to(page, page.get_by_role("button", name="olivia"))
    await go_to(page, page.get_by_text("Use a token instead"))
    await page.keyboard.press("Enter")
    await go_to(page, page.get_by_label("Token"))
    await page.keyboard.insert_text(token)
    await go_to(page, page.get_by_role("button", name="Sign in"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("region", name="Fails most").get_by_role("link").first).to_be_visible()
    navigation = page.get_by_role("navigation")

    # The link to the content is the first of every page.
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    await go_to(page, skip)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    new = page.get_by_role("region", name="New errors").get_by_role("link").first
    await go_to(page, new)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("row").nth(1)).to_be_visible()
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="ci-pipeline")).to_be_visible()
    for tab in ("Timeline", "Graph", "Logs", "Input and result", "Compare"):
        await go_to(page, page.get_by_role("tab", selected=True))
        await expect(page.get_by_role("tab", selected=True)).to_have_text(tab)
        await page.keyboard.press("ArrowRight")
    await page.keyboard.press("End")
    await go_to(page, page.get_by_label("Compare with"))
    await page.keyboard.type("none")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Compare executions")).to_be_visible()

    await follow(page, navigation.get_by_role("link", name="Executions"), "Executions")
    await go_to(page, page.get_by_role("row").nth(1).get_by_role("link").first)
    await follow(page, navigation.get_by_role("link", name="Failures"), "Failures", backwards=True)
    workflow = page.get_by_role("list", name="Failures").get_by_role("link", name="ci-pipeline", exact=True).first
    await follow(page, workflow, "ci-pipeline")
    await follow(page, navigation.get_by_role("link", name="Overview"), "Overview")
    await follow(page, page.get_by_role("link", name="firing alerts"), "Alerts")
    await follow(page, page.get_by_role("main").get_by_role("link", name="Alert rules"), "Alert rules")
    for name in ("Connect your engine", "REST API", "Audit trail", "Access keys", "Alert rules", "Webhooks"):
        await go_to(page, page.get_by_role("button", name="Account of ada acme"))
        await page.keyboard.press("Enter")
        await follow(page, page.get_by_role("link", name=name, exact=True).last, name)
    await follow(page, navigation.get_by_role("link", name="GraphiQL"), "GraphiQL")
    await expect(page).to_have_url(re.compile("/graphiql$"))

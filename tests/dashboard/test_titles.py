"""The title and the icon of the page tell its state, in tabs that nobody looks at."""

import re
from collections.abc import Callable
from datetime import timedelta

from playwright.async_api import expect

from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution
from tests.dashboard.conftest import OpenPage
from tests.support.documents import NOON, execution, store

Token = Callable[..., str]


def title(name: str) -> re.Pattern[str]:
    return re.compile(f"^{re.escape(name)} . Execution Monitor$")


async def test_an_execution_that_ends_changes_the_title_and_the_icon_of_its_page(
    database: Database, open_page: OpenPage, token_for: Token
):
    await store(execution(1, workflow_name="billing", status="running", started_at=NOON))
    page = await open_page("/executions/e001", token_for("ada", "acme"))
    icon = page.locator("link[rel=icon]")
    await expect(page).to_have_title(title("▶ billing running"))
    await expect(icon).to_have_attribute("href", re.compile(r"logo-(?!failed|completed)"))
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    ended = {"status": "completed", "completed_at": NOON + timedelta(seconds=9), "updated": NOON + timedelta(seconds=9)}
    await database.collection(Execution).update_one({"execution_id": "e001"}, {"$set": ended})

    await expect(page).to_have_title(title("✓ billing completed"))
    await expect(icon).to_have_attribute("href", re.compile("logo-completed"))
    await page.get_by_role("button", name="Sign out").click()
    await expect(page).to_have_title(title("Sign in"))
    await expect(icon).to_have_attribute("href", re.compile(r"logo-(?!failed|completed)"))


async def test_the_title_of_the_list_names_its_filter_and_counts_new_executions(
    database: Database, open_page: OpenPage, token_for: Token
):
    await store(execution(1, status="failed"))
    page = await open_page("/executions?filter=status:in(FAILED)", token_for("ada", "acme"))
    await expect(page).to_have_title(title("Status is Failed"))
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    await database.collection(Execution).insert_many([execution(2, status="failed"), execution(3, status="failed")])
    await expect(page).to_have_title(title("(2) Status is Failed"))
    await page.get_by_role("button", name="2 new").click()
    await expect(page).to_have_title(title("Status is Failed"))

    await page.goto("/executions/unknown")
    await expect(page).to_have_title(title("Execution not found"))
    await page.goto("/workflows/")
    await expect(page).to_have_title(title("Page not found"))

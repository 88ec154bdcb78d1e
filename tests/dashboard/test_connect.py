"""Connecting an engine: its settings with the server's address and a key, until its first event comes."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from playwright.async_api import expect

from tests.dashboard.conftest import OpenPage
from tests.support.client import execute

Token = Callable[..., str]
REPORT = """mutation R($at: DateTime!) {
  reportExecution(input: {executionId: "first", reportedAt: $at, workflowName: "nightly", status: RUNNING}) { changed }
}"""


async def test_the_settings_hold_the_address_and_a_key_and_the_page_says_when_the_engine_reports(
    server: str, open_page: OpenPage, token_for: Token
):
    page = await open_page("/", token_for("ada", "acme", "keys:write", "executions:write"))
    await page.get_by_role("button", name="Account of ada acme").click()
    await page.get_by_role("dialog").get_by_role("link", name="Connect your engine").click()
    await expect(page).to_have_title(re.compile("^Connect your engine"))
    await page.get_by_role("radio", name="Airflow").press("ArrowRight")
    await expect(page.get_by_role("radio", name="dbt")).to_be_checked()
    settings = page.get_by_role("region", name="Settings for dbt")
    await expect(settings).to_contain_text(f"export OPENLINEAGE_URL={server}")
    await expect(settings).to_contain_text("em_...")
    await expect(page.get_by_text("Waiting for the first event …")).to_be_visible()

    await settings.get_by_role("button", name="Make a key for it").click()
    line = settings.get_by_text("OPENLINEAGE_API_KEY=em_")
    await expect(line).not_to_contain_text("em_...")
    found = re.search(r"em_\w+", await line.inner_text())
    assert found is not None
    reported = await execute(server, found.group(), REPORT, at=datetime.now(UTC).isoformat())

    assert reported.data == {"reportExecution": {"changed": True}}
    await page.get_by_role("status").get_by_role("link", name="nightly").click()
    await expect(page).to_have_url(f"{server}/executions/first")


async def test_who_may_make_no_keys_learns_whom_to_call(open_page: OpenPage, token_for: Token):
    page = await open_page("/connect", token_for("ada", "acme"))

    await expect(page.get_by_text("You may not make keys")).to_be_visible()
    await expect(page.get_by_role("button", name="Make a key for it")).not_to_be_attached()


async def test_an_empty_list_connects_an_engine_and_shows_its_first_execution(
    server: str, open_page: OpenPage, token_for: Token
):
    page = await open_page("/executions", token_for("ada", "acme", "keys:write", "executions:write"))
    await expect(page.get_by_text("Waiting for the first event …")).to_be_visible()
    await page.get_by_role("radio", name="GraphQL").check()
    settings = page.get_by_role("region", name="Settings for GraphQL")
    await settings.get_by_role("button", name="Make a key for it").click()
    await expect(settings).not_to_contain_text("em_...")
    found = re.search(r"em_\w+", await settings.inner_text())
    assert found is not None

    await execute(server, found.group(), REPORT, at=datetime.now(UTC).isoformat())

    await expect(page.get_by_role("row", name="nightly")).to_be_visible()

"""The command palette: it leads to pages, saved views, workflows and executions, and acts, by keyboard alone."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from playwright.async_api import Locator, Page, expect

from tests.dashboard.accessibility import find_violations
from tests.dashboard.conftest import OpenPage
from tests.support.documents import execution, store

Token = Callable[..., str]


def palette_of(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Command palette")


async def open_palette(page: Page, text: str = "") -> Locator:
    """Open the palette with its key, and enter `text`; return its options."""
    await expect(page.get_by_role("banner")).to_be_visible()
    await page.keyboard.press("Control+k")
    await expect(palette_of(page).get_by_role("combobox")).to_be_focused()
    await page.keyboard.type(text)
    return palette_of(page).get_by_role("option")


async def choose(page: Page, text: str, name: str | re.Pattern[str]) -> None:
    """Open the palette, find an option with `text`, and choose it."""
    options = await open_palette(page, text)
    await expect(options.first).to_have_text(name)
    await page.keyboard.press("Enter")
    await expect(palette_of(page)).to_be_hidden()


async def expect_active(page: Page, option: Locator) -> None:
    """Screen readers and eyes are at `option`, and the focus still in the input."""
    await expect(option).to_have_attribute("aria-selected", "true")
    await expect(palette_of(page).get_by_role("option", selected=True)).to_have_count(1)
    active = await option.get_attribute("id")
    assert active is not None
    await expect(palette_of(page).get_by_role("combobox")).to_have_attribute("aria-activedescendant", active)
    await expect(palette_of(page).get_by_role("combobox")).to_be_focused()
    await expect(option).to_be_in_viewport()


async def test_its_keys_are_those_of_a_combobox(open_page: OpenPage, token_for: Token):
    await store(execution(1))
    page = await open_page("/executions", token_for("ada", "acme"))
    field = page.get_by_role("combobox", name="Search workflows")
    await field.fill("etl")

    options = await open_palette(page)
    combobox = palette_of(page).get_by_role("combobox")
    await expect_active(page, options.first)
    await page.keyboard.press("ArrowUp")
    await expect_active(page, options.last)
    await page.keyboard.press("ArrowDown")
    await expect_active(page, options.first)
    await page.keyboard.press("ArrowDown")
    await expect_active(page, options.nth(1))
    # What is typed begins at the best match again; Home and End belong to the text.
    for key in ("o", "v", "e", "r", "Home", "x", "End", "y"):
        await page.keyboard.press(key)
    await expect(combobox).to_have_value("xovery")
    for key in ("Backspace", "Home", "Delete"):
        await page.keyboard.press(key)
    await expect(options.first).to_have_text("Overview")
    await expect_active(page, options.first)
    # Tab stays in the dialog.
    await page.keyboard.press("Tab")
    await expect(palette_of(page).get_by_role("button", name="Close")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(combobox).to_be_focused()

    # Escape and the key that opened it give the focus back.
    await page.keyboard.press("Escape")
    await expect(palette_of(page)).to_be_hidden()
    await expect(field).to_be_focused()
    await open_palette(page)
    await page.keyboard.press("Control+k")
    await expect(palette_of(page)).to_be_hidden()
    await expect(field).to_be_focused()
    await expect(field).to_have_value("etl")

    options = await open_palette(page, "over")
    await page.keyboard.press("Enter")
    await expect(palette_of(page)).to_be_hidden()
    await expect(page).to_have_url(re.compile("/$"))


async def test_it_leads_to_pages_views_workflows_and_an_execution_by_its_id(open_page: OpenPage, token_for: Token):
    now = datetime.now(UTC)
    await store(
        execution(1, workflow_name="ci-pipeline", status="failed", created=now),
        execution(2, workflow_name="etl/nightly 100%", created=now),
    )
    page = await open_page("/executions?since=-24h", token_for("ada", "acme", "keys:write"))
    await page.get_by_role("button", name="Views").click()
    await page.get_by_label("Name of the view").fill("Pager duty")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("list", name="Views").get_by_text("Pager duty")).to_be_visible()
    await page.keyboard.press("Escape")

    # Pages keep the range of time; those that need a scope are there for callers who have it.
    await choose(page, "fail", "Failures")
    await expect(page).to_have_url(re.compile(r"/failures\?since=-24h$"))
    await choose(page, "access", "Access keys")
    await expect(page).to_have_url(re.compile("/keys$"))
    options = await open_palette(page, "audit")
    await expect(options).to_have_text([re.compile("^Search executions")])
    await page.keyboard.press("Escape")

    await choose(page, "duty", "Pager duty")
    await expect(page).to_have_url(re.compile(r"/executions\?since=-24h$"))
    await choose(page, "night", "etl/nightly 100%")
    await expect(page.get_by_role("heading", level=1, name="etl/nightly 100%")).to_be_visible()
    await choose(page, "e001", "e001ci-pipeline, Failed")
    await expect(page).to_have_url(re.compile("/executions/e001$"))
    await choose(page, "pipe", "ci-pipeline")
    await expect(page).to_have_url(re.compile("/workflows/ci-pipeline$"))
    await choose(page, "contains nothing", re.compile("^Search executions"))
    await expect(page).to_have_url(re.compile(r"workflowName:contains\(%22contains\+nothing%22\)"))


async def test_workflows_beyond_the_most_frequent_ones_are_found_on_the_server(open_page: OpenPage, token_for: Token):
    now = datetime.now(UTC)
    names = [f"w{number:03}" for number in range(101)]
    await store(
        *(
            execution(2 * at + twice, workflow_name=name, created=now)
            for at, name in enumerate(names)
            for twice in (0, 1)
        )
    )
    await store(execution(900, workflow_name="yearly-audit", created=now))
    page = await open_page("/executions", token_for("ada", "acme"))

    await choose(page, "yearly", "yearly-audit")
    await expect(page).to_have_url(re.compile("/workflows/yearly-audit$"))


async def test_it_does_what_the_page_can_do(open_page: OpenPage, token_for: Token):
    await store(execution(1))
    page = await open_page("/executions", token_for("ada", "acme"))

    await choose(page, "dark", "Theme: dark")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await choose(page, "zone utc", "Time zone: UTC")
    created = page.get_by_role("button", name="Created: ")
    await expect(created).to_have_accessible_name("Created: Any time, UTC")
    # A zone in the address is changed there.
    await page.goto("/executions?zone=Asia/Kolkata")
    await expect(created).to_have_accessible_name("Created: Any time, Asia/Kolkata")
    await choose(page, "local", re.compile("^Time zone: Local time"))
    await expect(created).to_have_accessible_name("Created: Any time")
    await expect(page).to_have_url(re.compile("/executions$"))

    # One dialog opens from the other, and closes for good.
    await choose(page, "shortcuts", "Keyboard shortcuts")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("CtrlKCommand palette")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)

    await choose(page, "tieng", "Language: Tiếng Việt")
    await expect(page.locator("html")).to_have_attribute("lang", "vi")
    await page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Bảng lệnh")
    # Without its accents.
    await palette.get_by_role("combobox").press_sequentially("dang xuat")
    await expect(palette.get_by_role("option").first).to_have_text("Đăng xuất")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Execution Monitor")).to_be_visible()


async def test_it_opens_by_a_button_on_a_phone_and_has_no_violations(open_page: OpenPage, token_for: Token):
    await store(execution(1, created=datetime.now(UTC)))
    page = await open_page("/executions", token_for("ada", "acme"), width=390, height=844)

    await page.get_by_role("button", name="Command palette").click()
    await expect(palette_of(page).get_by_role("combobox")).to_be_focused()
    await expect(palette_of(page).get_by_role("group", name="Workflows").get_by_role("option")).to_have_count(1)
    assert await find_violations(page) == []
    await palette_of(page).get_by_role("option", name="Failures").click()
    await expect(page).to_have_url(re.compile("/failures$"))

"""The input of the filter completes names of workflows, with the keys of a combobox."""

import re
from collections.abc import Callable

from playwright.async_api import Locator, Page, expect

from tests.dashboard.accessibility import find_violations
from tests.dashboard.conftest import OpenPage
from tests.support.documents import execution, store

Token = Callable[..., str]


async def open_list(open_page: OpenPage, token_for: Token) -> tuple[Page, Locator, Locator]:
    """The list of four workflows of ada and one of grace; its input, and the names that are offered."""
    names = ("nightly-etl", "etl-hourly", "billing", "metlife")
    await store(*(execution(number, workflow_name=name) for number, name in enumerate(names)))
    await store(execution(9, user_id="grace", workflow_name="etl-of-grace"))
    page = await open_page("/executions", token_for("ada", "acme"))
    await expect(page.get_by_role("row")).to_have_count(1 + len(names))
    return page, page.get_by_role("combobox", name="Search workflows"), page.get_by_role("option")


async def test_names_are_offered_that_one_may_see_the_best_first(open_page: OpenPage, token_for: Token):
    page, field, options = await open_list(open_page, token_for)

    await page.keyboard.press("/")
    await page.keyboard.type("ETL")
    await expect(options).to_have_text(["etl-hourly", "nightly-etl", "metlife"])
    await expect(field).to_have_attribute("aria-expanded", "true")
    assert await find_violations(page) == []

    # Nothing fits, and a filter is no name.
    for text in ("etl billing", "workflowName:startsWith(etl"):
        await field.fill(text)
        await expect(options).to_have_count(0)
        await expect(field).to_have_attribute("aria-expanded", "false")


async def test_arrows_lead_through_the_names_and_enter_takes_the_one_they_led_to(open_page: OpenPage, token_for: Token):
    page, field, options = await open_list(open_page, token_for)
    await field.press_sequentially("etl")
    await expect(options).to_have_count(3)
    await expect(page.get_by_role("option", selected=True)).to_have_count(0)

    for key, reached in (("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", None), ("ArrowUp", 2)):
        await page.keyboard.press(key)
        if reached is None:
            await expect(field).not_to_have_attribute("aria-activedescendant", re.compile("."))
        else:
            await expect(options.nth(reached)).to_have_attribute("aria-selected", "true")
            active = await options.nth(reached).get_attribute("id")
            await expect(field).to_have_attribute("aria-activedescendant", active or "")
        await expect(field).to_be_focused()
    await page.keyboard.press("Enter")

    await expect(page).to_have_url(re.compile(r"filter=workflowName:in\(metlife\)$"))
    await expect(field).to_have_value("")
    await expect(options).to_have_count(0)


async def test_enter_without_arrows_searches_for_the_text_as_it_is(open_page: OpenPage, token_for: Token):
    page, field, options = await open_list(open_page, token_for)
    await field.press_sequentially("etl")
    await expect(options).to_have_count(3)
    await page.keyboard.press("Enter")

    await expect(page).to_have_url(re.compile(r"filter=workflowName:contains\(etl\)$"))


async def test_escape_closes_the_names_and_then_leaves_the_input(open_page: OpenPage, token_for: Token):
    page, field, options = await open_list(open_page, token_for)
    await field.press_sequentially("etl")
    await expect(options).to_have_count(3)

    await page.keyboard.press("Escape")
    await expect(options).to_have_count(0)
    await expect(field).to_be_focused()
    await expect(field).to_have_value("etl")
    # It opens again with the first one.
    await page.keyboard.press("ArrowDown")
    await expect(options.first).to_have_attribute("aria-selected", "true")

    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    await expect(field).not_to_be_focused()
    await field.focus()
    await field.press_sequentially("-")
    await expect(options).to_have_text(["etl-hourly"])
    await page.keyboard.press("Tab")
    await expect(options).to_have_count(0)


async def test_a_name_is_taken_by_a_click(open_page: OpenPage, token_for: Token):
    page, field, options = await open_list(open_page, token_for)
    await field.press_sequentially("bill")
    await options.get_by_text("billing").click()

    await expect(page).to_have_url(re.compile(r"filter=workflowName:in\(billing\)$"))
    await expect(field).to_be_focused()

"""The keys of tabs, menus, panels and dialogs, as the ARIA authoring practices describe them."""

import re
from collections.abc import Callable

from playwright.async_api import Locator, Page, expect

from tests.dashboard.conftest import OpenPage
from tests.support.documents import execution, store


async def press(page: Page, key: str, focused: Locator) -> None:
    """Press a key, after which `focused` has the focus."""
    await page.keyboard.press(key)
    await expect(focused).to_be_focused()


async def test_arrows_home_and_end_select_a_tab_and_tab_leads_to_its_panel(
    open_page: OpenPage, token_for: Callable[..., str]
):
    await store(execution(1))
    page = await open_page("/executions/e001", token_for("ada", "acme"))
    tabs = page.get_by_role("tab")
    await tabs.first.focus()

    for key, at in (("ArrowRight", 1), ("End", -1), ("ArrowRight", 0), ("ArrowLeft", -1), ("Home", 0)):
        await press(page, key, tabs.nth(at))
        await expect(tabs.nth(at)).to_have_attribute("aria-selected", "true")
    # One stop of the Tab key for all of them.
    await press(page, "Tab", page.get_by_role("tabpanel"))
    await press(page, "Shift+Tab", tabs.first)

    # From right to left, the arrows are the other way round.
    await page.evaluate("document.documentElement.dir = 'rtl'")
    await press(page, "ArrowLeft", tabs.nth(1))


async def test_a_menu_is_opened_walked_and_chosen_from_with_the_keyboard(
    open_page: OpenPage, token_for: Callable[..., str]
):
    await store(execution(1))
    page = await open_page("/executions", token_for("ada", "acme"))
    button = page.get_by_role("button", name="Sort: Newest first")
    menu = page.get_by_role("menu", name="Sort")
    items = menu.get_by_role("menuitemradio")
    chosen = menu.get_by_role("menuitemradio", checked=True)
    await button.focus()

    await press(page, "Enter", chosen)
    await press(page, "Escape", button)
    await expect(menu).to_be_hidden()
    await press(page, "ArrowUp", items.last)
    await press(page, "ArrowDown", items.first)
    await press(page, "ArrowUp", items.last)
    await press(page, "Home", items.first)
    await press(page, "End", items.last)
    # A letter leads to the next item that begins with it.
    await press(page, "h", menu.get_by_role("menuitemradio", name=re.compile("^H")).first)
    await page.keyboard.press("Tab")
    await expect(menu).to_be_hidden()
    await expect(page.get_by_role("button", name="Views")).to_be_focused()

    await button.focus()
    await press(page, "ArrowDown", chosen)
    await page.keyboard.press("End")
    name = await items.last.inner_text()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name=f"Sort: {name}")).to_be_focused()


async def test_a_panel_takes_the_focus_and_gives_it_back(open_page: OpenPage, token_for: Callable[..., str]):
    await store(execution(1))
    page = await open_page("/executions?filter=status:in(COMPLETED)", token_for("ada", "acme"))
    button = page.get_by_role("button", name="Edit Status is Completed")
    panel = page.get_by_role("dialog", name="Edit Status is Completed")
    await button.focus()

    await press(page, "Enter", panel.get_by_label("Field"))
    # Escape closes the innermost of panels.
    await panel.get_by_role("button", name="Or …").click()
    inner = page.get_by_role("dialog", name="Or …")
    await expect(inner.get_by_label("Field")).to_be_focused()
    await press(page, "Escape", panel.get_by_role("button", name="Or …"))
    await expect(inner).to_be_hidden()
    await press(page, "Escape", button)
    await expect(panel).to_be_hidden()

    # The last control leads on to the rest of the page, and closes the panel.
    await page.keyboard.press("Enter")
    await panel.get_by_role("button", name="Negate").focus()
    await press(page, "Tab", page.get_by_role("button", name="Remove Status is Completed"))
    await expect(panel).to_be_hidden()


async def test_a_dialog_keeps_the_focus_until_it_is_closed(open_page: OpenPage, token_for: Callable[..., str]):
    await store(execution(1))
    page = await open_page("/executions", token_for("ada", "acme"))
    button = page.get_by_role("button", name="Keyboard shortcuts")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await button.focus()

    await press(page, "Enter", dialog.get_by_role("checkbox"))
    await press(page, "Tab", dialog.get_by_role("button", name="Close"))
    await press(page, "Shift+Tab", dialog.get_by_role("checkbox"))
    await press(page, "Escape", button)
    await expect(dialog).to_be_hidden()
    await page.keyboard.press("Enter")
    await dialog.get_by_role("button", name="Close").click()
    await expect(button).to_be_focused()

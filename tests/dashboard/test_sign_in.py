from collections.abc import Callable

from playwright.async_api import expect

from tests.dashboard.conftest import OpenPage


async def test_whoever_pastes_a_token_sees_the_list(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/")

    await page.get_by_label("Token").fill(token_for("ada", "acme"))
    await page.get_by_role("button", name="Sign in").click()

    await expect(page.get_by_text("0 executions")).to_be_visible()
    await expect(page.get_by_text("ada acme")).to_be_visible()


async def test_what_is_no_token_is_told_so(open_page: OpenPage):
    page = await open_page("/")

    await page.get_by_label("Token").fill("abc")
    await page.get_by_role("button", name="Sign in").click()

    await expect(page.get_by_role("alert")).to_contain_text("That is no token")

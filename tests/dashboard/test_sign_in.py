from collections.abc import Callable
from datetime import timedelta

from playwright.async_api import expect

from execution_monitor.auth.tokens import issue_token
from tests.dashboard.conftest import OpenPage
from tests.support.tokens import SECRET


async def test_whoever_pastes_a_token_sees_the_list(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/")

    await page.get_by_text("Use a token instead").click()
    await page.get_by_label("Token").fill(token_for("ada", "acme"))
    await page.get_by_role("button", name="Sign in").click()

    await expect(page.get_by_text("0 executions")).to_be_visible()
    await expect(page.get_by_text("ada acme")).to_be_visible()


async def test_what_is_no_token_is_told_so(open_page: OpenPage):
    page = await open_page("/")

    await page.get_by_text("Use a token instead").click()
    await page.get_by_label("Token").fill("abc")
    await page.get_by_role("button", name="Sign in").click()

    await expect(page.get_by_role("alert")).to_contain_text("That is no token")


async def test_one_click_makes_somebody_of_the_demo(open_page: OpenPage):
    page = await open_page("/")

    await page.get_by_role("button", name="grace").click()

    await expect(page.get_by_text("grace acme")).to_be_visible()
    await expect(page.get_by_text("0 executions")).to_be_visible()


async def test_a_token_that_the_server_refuses_leads_back_and_says_why(open_page: OpenPage):
    forged = issue_token("x" * 64, user="ada", tenant="acme", scopes=(), lifetime=timedelta(hours=1))

    page = await open_page("/", forged)

    await expect(page.get_by_text("You were signed out: Your token is not valid; get a new one.")).to_be_visible()
    await expect(page.get_by_role("button", name="grace")).to_be_visible()


async def test_a_token_that_is_about_to_expire_is_announced(open_page: OpenPage):
    short = issue_token(SECRET, user="ada", tenant="acme", scopes=(), lifetime=timedelta(minutes=4))

    page = await open_page("/", short)

    await expect(page.get_by_text("Your session ends in 4 minutes.")).to_be_visible()

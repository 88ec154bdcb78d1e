"""Signing in with a token, as a person of the demo, and signing out when a token is rejected."""

from collections.abc import Callable
from datetime import timedelta

from playwright.async_api import expect

from execution_monitor.auth.tokens import issue_token
from tests.dashboard.conftest import OpenPage
from tests.support.tokens import SECRET


async def test_a_pasted_token_signs_in(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/")

    await page.get_by_text("Use a token instead").click()
    await page.get_by_label("Token").fill(token_for("ada", "acme"))
    await page.get_by_role("button", name="Sign in").click()

    await expect(page.get_by_text("0 executions")).to_be_visible()
    await expect(page.get_by_text("ada acme")).to_be_visible()


async def test_text_that_is_not_a_token_is_rejected(open_page: OpenPage):
    page = await open_page("/")

    await page.get_by_text("Use a token instead").click()
    await page.get_by_label("Token").fill("abc")
    await page.get_by_role("button", name="Sign in").click()

    await expect(page.get_by_role("alert")).to_contain_text("This is not a token")


async def test_one_click_signs_in_as_a_person_of_the_demo(open_page: OpenPage):
    page = await open_page("/")

    await page.get_by_role("button", name="grace").click()

    await expect(page.get_by_text("grace acme")).to_be_visible()
    await expect(page.get_by_text("0 executions")).to_be_visible()


async def test_a_token_that_the_server_rejects_signs_out_and_says_why(open_page: OpenPage):
    forged = issue_token("x" * 64, user="ada", tenant="acme", scopes=(), lifetime=timedelta(hours=1))

    page = await open_page("/", forged)

    await expect(page.get_by_text("You were signed out: Your token is not valid; get a new one.")).to_be_visible()
    await expect(page.get_by_role("button", name="grace")).to_be_visible()


async def test_a_token_that_is_about_to_expire_is_announced(open_page: OpenPage):
    short = issue_token(SECRET, user="ada", tenant="acme", scopes=(), lifetime=timedelta(minutes=4))

    page = await open_page("/", short)

    await expect(page.get_by_text("Your session ends in 4 minutes.")).to_be_visible()

"""GraphiQL on a real server: its examples run as they are, with the token of the dashboard and without other hosts."""

import asyncio
import itertools
import re
from collections.abc import Callable

import httpx2
from playwright.async_api import Page, expect

from tests.dashboard.conftest import OpenPage
from tests.support.documents import NOON, execution, store

EXAMPLES = ("LatestFailures", "WatchRunning", "Costly", "Combined", "LastDay", "WhoAmI")


async def result_of(page: Page) -> str:
    return (await page.locator(".result-window").inner_text()).replace("\xa0", " ")


async def run(page: Page, name: str) -> None:
    """Run the example `name` once the editor has loaded it."""
    await expect(page.locator(".graphiql-query-editor .view-line").nth(1)).to_be_visible()
    await page.get_by_role("tab", name=name).click()
    await expect(page.locator(".graphiql-query-editor")).to_contain_text(name)
    await page.get_by_role("button", name=re.compile("Execute query")).click()


async def test_each_example_runs_as_it_is(open_page: OpenPage, token_for: Callable[..., str]):
    await store(execution(1, workflow_name="nightly-etl", status="failed", error_details={"message": "disk full"}))
    page = await open_page("/graphiql", token_for("ada", "acme"))
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(httpx2.URL(request.url).host))

    for name in EXAMPLES:
        await run(page, name)
        if name == "WatchRunning":
            # The page does not show when the server has subscribed, so executions are stored until one arrives.
            async with asyncio.timeout(20):
                for number in itertools.count(2):
                    await store(execution(number, workflow_name="billing", status="running", started_at=NOON))
                    if "ENTERED" in await result_of(page):
                        break
            await page.get_by_role("button", name=re.compile("Stop query")).click()
        else:
            await expect(page.locator(".result-window")).to_contain_text('"data"')
        assert '"errors"' not in await result_of(page)

    assert hosts <= {"127.0.0.1", ""}


async def test_it_uses_the_token_of_the_dashboard(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/graphiql", token_for("grace", "acme"))

    await run(page, "WhoAmI")

    await expect(page.locator(".result-window")).to_contain_text('"grace"')


async def test_without_a_token_it_links_to_the_sign_in_page(open_page: OpenPage):
    page = await open_page("/graphiql")

    await expect(page.get_by_role("link", name="Sign in")).to_be_visible()

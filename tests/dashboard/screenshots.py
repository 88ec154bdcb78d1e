"""Screenshots of every page, light and dark, for people to look at: `make screenshots`. They assert nothing.

Those that README.md shows go to `.pictures`, with digests of what draws them; `test_pictures.py` says when they
are old.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Page, expect

from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from tests.dashboard.accessibility import SCHEMES, SIZES
from tests.dashboard.conftest import OpenPage
from tests.dashboard.pages import PAGES, SCOPES, SIGN_IN, fill, with_webhooks
from tests.dashboard.pictures import FOLDER as PICTURES_FOLDER
from tests.dashboard.pictures import PICTURES, store_digests

FOLDER = Path(__file__).parents[2] / "build" / "screenshots"
# As people see them in README.md, which is about 900 pixels wide.
PICTURE_SIZE = (1280, 800)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_webhooks(settings)


async def take(page: Page, name: str, scheme: Literal["light", "dark"]) -> None:
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        await page.screenshot(path=FOLDER / f"{name}-{width}-{scheme}.png")


async def take_in_both_themes(page: Page, name: str) -> None:
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        await take(page, name, scheme)


async def test_every_page(database: Database, server: str, open_page: OpenPage, token_for: Callable[..., str]):
    token = token_for("ada", "acme", *SCOPES)
    runs = await fill(database, server, token, executions=600)
    signed_out = await open_page(SIGN_IN.address)
    await SIGN_IN.wait(signed_out)
    await take_in_both_themes(signed_out, SIGN_IN.name)
    page = await open_page("/signed-in", token)
    for each in PAGES:
        for scheme in SCHEMES:
            # The editor of GraphiQL does not change its theme once it is there.
            await page.emulate_media(color_scheme=scheme)
            await page.set_viewport_size({"width": 1440, "height": 900})
            await page.goto(each.address_of(runs))
            await each.wait(page)
            await take(page, each.name, scheme)
            if each.open is not None:
                await page.set_viewport_size({"width": 1440, "height": 900})
                await each.open(page)
                await take(page, f"{each.name}-open", scheme)


async def test_an_empty_database(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/executions", token_for("ada", "acme"))
    await expect(page.get_by_role("heading", name="No executions yet")).to_be_visible()
    await take_in_both_themes(page, "empty")


async def test_an_error(open_page: OpenPage):
    page = await open_page("/")
    await page.route("**/graphql", lambda route: route.abort())
    await page.get_by_role("button", name="grace").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await take_in_both_themes(page, "error")


async def test_the_pictures_of_the_readme(
    database: Database, server: str, open_page: OpenPage, token_for: Callable[..., str]
):
    token = token_for("ada", "acme", *SCOPES)
    runs = await fill(database, server, token, executions=600)
    page = await open_page("/signed-in", token, *PICTURE_SIZE)
    for name in PICTURES:
        each = next(each for each in PAGES if f"{each.name}.png" == name)
        await page.goto(each.address_of(runs))
        await each.wait(page)
        await page.screenshot(path=PICTURES_FOLDER / name)
    store_digests()

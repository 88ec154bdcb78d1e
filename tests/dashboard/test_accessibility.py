"""Every page at three widths and in both themes: axe finds nothing, and none is scrolled sideways."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from tests.dashboard.accessibility import find_violations
from tests.dashboard.conftest import OpenPage
from tests.dashboard.pages import PAGES, SCOPES, SIGN_IN, DashboardPage, fill, with_webhooks

SOURCES = Path(__file__).parents[2] / "src" / "dashboard" / "src"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return with_webhooks(settings)


# Not one for each page: filling a database and starting a server and a browser take longer than looking at a page.
@pytest.mark.parametrize("pages", [pytest.param(PAGES[::2], id="half"), pytest.param(PAGES[1::2], id="the rest")])
async def test_axe_finds_nothing_on_any_page_at_any_width_in_either_theme(
    database: Database,
    server: str,
    open_page: OpenPage,
    token_for: Callable[..., str],
    pages: Sequence[DashboardPage],
):
    token = token_for("ada", "acme", *SCOPES)
    runs = await fill(database, server, token)
    signed_out = await open_page(SIGN_IN.address)
    await SIGN_IN.prepare(signed_out)
    found = [f"{SIGN_IN.name}: {each}" for each in await find_violations(signed_out)]
    page = await open_page("/signed-in", token)

    for visited in pages:
        await page.set_viewport_size({"width": 1440, "height": 900})
        await page.goto(visited.address_of(runs))
        await visited.prepare(page)
        found += [f"{visited.name}: {each}" for each in await find_violations(page, visited.exceptions)]

    assert found == []


def test_every_page_of_the_dashboard_is_visited():
    paths = dict(re.findall(r"(\w+_PATH) = '(.+)'", (SOURCES / "model" / "paths.ts").read_text()))
    named = re.findall(r"(?:\[|\^\$\{)(\w+_PATH)", (SOURCES / "app" / "pages.ts").read_text())
    visited = [each.address for each in PAGES]

    assert len(named) > 10
    # The start page is the overview without a scope.
    missing = {paths[name] for name in named} - {"/overview"}
    assert [path for path in missing if not any(each.startswith(path) for each in visited)] == []

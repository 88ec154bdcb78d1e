"""What the dashboard loads before a page is visible: how many bytes, and which scripts come at once."""

from collections.abc import Callable
from pathlib import PurePath

import pytest
from playwright.async_api import Page, Response, expect

from execution_monitor.auth.caller import Scope
from execution_monitor.web.dashboard import BUILD, PATHS
from execution_monitor.web.preloads import Preloads
from tests.dashboard.conftest import OpenPage
from tests.support.documents import execution, store

# Bytes over the wire, compressed: scripts, styles, fonts and images until the page is visible.
BUDGET = 195_000


@pytest.mark.parametrize("path", ["/executions", "/"])
async def test_a_first_page_is_visible_within_the_budget_of_bytes(
    open_page: OpenPage, token_for: Callable[..., str], path: str
):
    await store(execution(1))
    page = await open_page("/config.json", token_for("ada", "acme"))
    sizes = await _record_sizes(page)

    await page.goto(path)
    shown = page.get_by_role("row").nth(1) if path == "/executions" else page.get_by_text("Executions by status").first
    await expect(shown).to_be_visible()
    await page.wait_for_load_state("networkidle")

    kinds = {url.rpartition(".")[2] for url in sizes}
    assert {"js", "css", "woff2", "svg"} <= kinds
    assert sum(sizes.values()) < BUDGET, sizes


def test_the_build_has_the_module_of_each_page():
    preloads = Preloads(BUILD)
    for module in PATHS.values():
        assert f'href="/assets/{PurePath(module).stem}-' in preloads.tags_for((f"src/{module}",))


async def test_the_scripts_of_a_page_come_with_those_of_the_frame_and_each_once(
    open_page: OpenPage, token_for: Callable[..., str]
):
    page = await open_page("/config.json", token_for("ada", "acme", *(scope.value for scope in Scope)))
    for path in ("/", "/executions", "/alerts/rules"):
        requests = list[str]()
        page.on("request", lambda request, requests=requests: requests.append(request.url))
        response = await page.goto(path)
        await page.wait_for_load_state("networkidle")

        name = PurePath(PATHS[path]).stem
        assert response is not None
        assert f'<link rel="modulepreload" crossorigin href="/assets/{name}-' in await response.text()
        files = [url for url in requests if "/assets/" in url]
        assert any(f"/{name}-" in url for url in files)
        assert len(files) == len(set(files))


async def _record_sizes(page: Page) -> dict[str, int]:
    """Record the size of each file that `page` loads, by URL, without the browser's cache."""
    sizes: dict[str, int] = {}

    def record(response: Response) -> None:
        if response.request.method == "GET":
            sizes[response.url] = int(response.headers["content-length"])

    page.on("response", record)
    # Chromium does not use its cache for requests that are routed.
    await page.route("**/assets/**", lambda route: route.continue_())
    return sizes

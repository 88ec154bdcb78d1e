"""Screenshots of every page, light and dark, for people to look at: `make screenshots`. They assert nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from execution_monitor.development.synthetic.seed import SeedOptions, seed
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, collection_of
from tests.dashboard.conftest import OpenPage

FOLDER = Path(__file__).parents[2] / "build" / "screenshots"
SCHEMES = ("light", "dark")


@pytest.fixture
async def seeded(database: Database) -> Database:
    await seed(SeedOptions(executions=600, days=3, random_seed=7), on_progress=lambda _: None)
    return database


async def take(page: Page, name: str) -> None:
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        await page.screenshot(path=FOLDER / f"{name}-{scheme}.png")


@pytest.mark.usefixtures("seeded")
async def test_the_overview(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/overview?since=-7d", token_for("ada", "acme", "executions:read:tenant"), 1440, 900)
    for name in ("Fails most", "New errors", "Slower than usual", "Stuck or silent"):
        await expect(page.get_by_role("region", name=name).get_by_text("Loading")).to_be_hidden()
    for name, width, height in (("", 1440, 1000), ("-tablet", 1024, 1200), ("-narrow", 390, 1600)):
        await page.set_viewport_size({"width": width, "height": height})
        await take(page, f"overview{name}")


@pytest.mark.usefixtures("seeded")
async def test_the_list(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/executions", token_for("ada", "acme", "executions:read:tenant"))
    await expect(page.get_by_role("row").nth(10)).to_be_visible()
    await take(page, "list")
    await page.set_viewport_size({"width": 360, "height": 740})
    await take(page, "list-narrow")


@pytest.mark.usefixtures("seeded")
async def test_the_command_palette(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/executions", token_for("ada", "acme", "executions:read:tenant"))
    await expect(page.get_by_role("row").nth(10)).to_be_visible()
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("group", name="Workflows").get_by_role("option").first).to_be_visible()
    await take(page, "palette")
    await page.set_viewport_size({"width": 360, "height": 740})
    await take(page, "palette-narrow")


@pytest.mark.usefixtures("seeded")
async def test_a_filtered_list(open_page: OpenPage, token_for: Callable[..., str]):
    where = "/executions?filter=any(status:in(FAILED,TIMED_OUT)+errorCode:isNull(false))&density=compact&sort=-DURATION"
    page = await open_page(where, token_for("ada", "acme", "executions:read:tenant"))
    await expect(page.get_by_role("row").nth(10)).to_be_visible()
    await page.get_by_role("button", name="Filter", exact=True).click()
    await take(page, "filter")


@pytest.mark.usefixtures("seeded")
async def test_an_execution(open_page: OpenPage, token_for: Callable[..., str]):
    found = await collection_of(Execution).find_one({"status": "failed", "tenant_id": "acme"}, sort=[("created", 1)])
    assert found is not None
    scopes = ("executions:read:tenant", "executions:payload")
    page = await open_page(f"/executions/{found['execution_id']}", token_for("ada", "acme", *scopes))
    await expect(page.get_by_text("Timeline").first).to_be_visible()
    await take(page, "detail")


@pytest.mark.usefixtures("seeded")
async def test_the_failures(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/failures?since=-7d", token_for("ada", "acme", "executions:read:tenant", "alerts:write"))
    await expect(page.get_by_role("list", name="Failures").get_by_role("listitem").first).to_be_visible()
    await take(page, "failures")


@pytest.mark.usefixtures("seeded")
async def test_a_workflow(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/workflows/ci-pipeline", token_for("ada", "acme", "executions:read:tenant"))
    await expect(page.get_by_role("toolbar")).to_be_visible()
    await take(page, "workflow")


async def test_an_empty_database(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/executions", token_for("ada", "acme"))
    await expect(page.get_by_role("heading", name="No executions yet")).to_be_visible()
    await take(page, "empty")


async def test_an_error(open_page: OpenPage):
    page = await open_page("/")
    await page.route("**/graphql", lambda route: route.abort())
    await page.get_by_role("button", name="grace").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await take(page, "error")


async def test_signing_in(open_page: OpenPage):
    page = await open_page("/")
    await expect(page.get_by_role("button", name="grace")).to_be_visible()
    await take(page, "sign-in")

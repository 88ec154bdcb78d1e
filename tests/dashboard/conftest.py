"""A browser on the real server: `open_page(token)` is a page of somebody who is signed in."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page

from execution_monitor.app import create_app
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.web.sign_in import Person
from tests.dashboard.chromium import running_chromium, sign_in
from tests.support.servers import served, wait_until_ready

_ARRANGED = re.compile(r"ERR_|WebSocket connection|Failed to load resource")

OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def server(
    database: Database,
    settings: Settings,
    token_for: Callable[..., str],
) -> AsyncGenerator[str]:
    """The base URL of the application, which offers Grace for a click, and GraphiQL."""

    def people() -> list[Person]:
        return [Person("grace", "somebody of the tests", token_for("grace", "acme"))]

    async with served(create_app(settings.model_copy(update={"introspection": True}), people)) as url:
        await wait_until_ready(url)
        yield url


@pytest.fixture
async def browser() -> AsyncGenerator[Browser]:
    """Chromium without a window."""
    async with running_chromium() as browser:
        yield browser


@pytest.fixture
async def open_page(browser: Browser, server: str) -> AsyncGenerator[OpenPage]:
    """`open_page(path, token)`: the dashboard at `path`; at the end, no page has written an error to its console."""
    complaints: list[str] = []

    async def open_at(path: str = "/", token: str | None = None, width: int = 1280, height: int = 800) -> Page:
        context = await browser.new_context(
            base_url=server, viewport={"width": width, "height": height}, timezone_id="UTC", reduced_motion="reduce"
        )
        context.set_default_timeout(10_000)
        if token is not None:
            await sign_in(context, token)
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        await page.goto(path)
        return page

    yield open_at

    # A refused policy and a thrown error end up here; a lost network and a refused token are what tests arrange.
    assert [each for each in complaints if not _ARRANGED.search(each)] == []

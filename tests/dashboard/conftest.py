"""A real browser on a real server: `await open_page(path, token)` opens a page of the dashboard."""

import functools
import re
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page

from execution_monitor.app import create_app
from execution_monitor.development.demo import demo_people
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from tests.dashboard.chromium import launch_chromium, sign_in
from tests.support.servers import served_on_prepared

_EXPECTED = re.compile(r"ERR_|WebSocket connection|Failed to load resource")

OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def server(database: Database, settings: Settings) -> AsyncGenerator[str]:
    """The base URL of the application, with GraphiQL and with the people of the demo on the sign-in page."""
    # Where an identity provider signs tokens, there are none.
    people = functools.partial(demo_people, settings) if settings.issuer is None else None
    introspected = settings.model_copy(update={"introspection": True})
    async with served_on_prepared(lambda: create_app(introspected, people)) as url:
        yield url


@pytest.fixture
async def browser() -> AsyncGenerator[Browser]:
    """Chromium without a window."""
    async with launch_chromium() as browser:
        yield browser


@pytest.fixture
async def open_page(browser: Browser, server: str) -> AsyncGenerator[OpenPage]:
    """Open the dashboard at a path, signed in with a token; fail if a page has written an error to its console."""
    errors: list[str] = []

    async def open_at(
        path: str = "/", token: str | None = None, width: int = 1280, height: int = 800, timezone: str = "UTC"
    ) -> Page:
        context = await browser.new_context(
            base_url=server, viewport={"width": width, "height": height}, timezone_id=timezone, reduced_motion="reduce"
        )
        context.set_default_timeout(10_000)
        if token is not None:
            await sign_in(context, token)
        page = await context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        await page.goto(path)
        return page

    yield open_at

    # Errors of scripts and of the Content-Security-Policy; tests provoke those of the network themselves.
    assert [each for each in errors if not _EXPECTED.search(each)] == []

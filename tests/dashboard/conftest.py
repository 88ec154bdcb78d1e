"""A browser on the real server: `open_page(token)` is a page of somebody who is signed in."""

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = Path(__file__).parent / "browser" / "chromium"
# Where the dashboard keeps the token (src/dashboard/src/session/session.ts).
_SIGN_IN = "localStorage.setItem('execution-monitor.token', {!r})"

OpenPage = Callable[..., Awaitable[Page]]


@pytest.fixture
async def browser() -> AsyncGenerator[Browser]:
    """Chromium without a window."""
    assert CHROMIUM.exists(), "The browser is not unpacked; run `make browser`."
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM / "chromium",
            # Tests may run as root, and without a graphics card.
            args=["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"],
            env={
                **os.environ,
                "LD_LIBRARY_PATH": str(CHROMIUM / "lib"),
                "FONTCONFIG_FILE": str(CHROMIUM / "fonts.conf"),
            },
        )
        yield browser
        await browser.close()


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
            await context.add_init_script(_SIGN_IN.format(token))
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        await page.goto(path)
        return page

    yield open_at

    # A refused policy, a broken asset and a thrown error all end up here; a lost network is what tests arrange.
    assert [each for each in complaints if "ERR_" not in each and "WebSocket connection" not in each] == []

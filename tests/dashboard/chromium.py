"""Headless Chromium, and pages of signed-in users."""

import contextlib
import os
from collections.abc import AsyncGenerator
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, async_playwright

CHROMIUM = Path(__file__).parent / "browser" / "chromium"
# Where the dashboard keeps the token (src/dashboard/src/session/session.ts).
_SIGN_IN = "localStorage.setItem('execution-monitor.token', {!r})"


@contextlib.asynccontextmanager
async def running_chromium() -> AsyncGenerator[Browser]:
    """Chromium, closed when the block ends."""
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


async def sign_in(context: BrowserContext, token: str) -> None:
    """Sign pages of `context` in with `token`."""
    await context.add_init_script(_SIGN_IN.format(token))

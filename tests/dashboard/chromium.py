"""Chromium without a window, for tests and benchmarks of the dashboard.

async with launch_chromium() as browser:
    context = await browser.new_context(base_url=url)
    await sign_in(context, token)
    page = await context.new_page()
"""

import contextlib
import os
from collections.abc import AsyncGenerator
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, async_playwright

CHROMIUM = Path(__file__).parent / "browser" / "chromium"
# Where the dashboard keeps the token (src/dashboard/src/session/session.ts).
_SIGN_IN = "localStorage.setItem('execution-monitor.token', {!r})"


@contextlib.asynccontextmanager
async def launch_chromium() -> AsyncGenerator[Browser]:
    """Launch Chromium, and close it at the end of the block."""
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
    """Sign all pages of `context` in with `token`."""
    await context.add_init_script(_SIGN_IN.format(token))

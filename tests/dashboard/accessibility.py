"""What axe says about a page, at every width and in both themes."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from playwright.async_api import Page

from tests.dashboard.chromium import CHROMIUM

AXE = Path(CHROMIUM).parent / "node_modules" / "axe-core" / "axe.min.js"
SIZES = ((1440, 900), (1024, 768), (390, 844))
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

# What depends on the theme: the document is the same in the other.
_OF_COLOURS = ("color-contrast", "link-in-text-block")

_RUN = """
([exceptions, rules]) => axe
  .run(document, { resultTypes: ['violations'], elementRef: true, ...(rules && { runOnly: rules }) })
  .then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes
    .filter(({ element }) => element.isConnected && element.closest(exceptions[id] ?? 'none') === null)
    .map(({ html }) => `${id}: ${html}`)))
"""

# Of the page and what scrolls it, which its heading is in, and of the tab that is shown; tables may scroll within.
_FIND_TOO_WIDE = """
[...document.querySelectorAll('*')]
  .filter((each) => each.querySelector('h1') !== null || each.matches('[role=tabpanel]'))
  .filter((each) => each.scrollWidth > each.clientWidth && getComputedStyle(each).overflowX !== 'visible'
    || each.scrollWidth > innerWidth)
  .map((each) => `${each.tagName} ${each.className} ${each.scrollWidth} > ${each.clientWidth}`)
"""


async def find_violations(page: Page, exceptions: Mapping[str, str] = MappingProxyType({})) -> list[str]:
    """What axe finds on `page` and where it must be scrolled sideways, with the width and the theme.

    The page is not loaded again: it follows the size of its window and the theme of the browser. `exceptions` are rules
    that may be broken, each within the elements of a selector.
    """
    await page.evaluate(AXE.read_text())
    found: list[str] = []
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            rules = None if scheme == SCHEMES[0] else list(_OF_COLOURS)
            found += [f"{width} {scheme} {each}" for each in await page.evaluate(_RUN, [dict(exceptions), rules])]
        found += [f"{width} is too wide: {each}" for each in await page.evaluate(_FIND_TOO_WIDE)]
    return found

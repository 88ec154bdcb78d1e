"""On call at night: three clicks from the sign-in page to what fails, since when, and whether retries help."""

import asyncio
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from execution_monitor.development.synthetic.seed import SeedOptions, seed
from tests.dashboard.conftest import OpenPage

# Longer than anybody waits: the walk is to end, and how long it took is recorded.
LIMIT_SECONDS = 120
# The clicks of a person, whatever they are on; the page is not loaded again on the way.
COUNT_CLICKS = """
window.clicks = 0
addEventListener('click', (event) => { if (event.isTrusted) window.clicks += 1 }, true)
"""


def incident_and_zone() -> tuple[datetime, str]:
    """An incident of some hours ago, and a time zone whose clocks showed 03:03 when it began."""
    begins = datetime.now(UTC).replace(minute=3, second=12, microsecond=0) - timedelta(hours=3)
    ahead = (3 - begins.hour + 11) % 24 - 11
    # The signs of these zones are the other way round.
    return begins, f"Etc/GMT{-ahead:+d}"


@pytest.mark.usefixtures("database")
async def test_three_clicks_lead_from_the_sign_in_page_to_what_fails_since_when_and_why(
    open_page: OpenPage, record_property: Callable[[str, object], None]
):
    begins, zone = incident_and_zone()
    options = SeedOptions(executions=300, days=9, random_seed=7, incident=begins)
    await seed(options, on_progress=lambda _: None)
    page = await open_page("/", width=1440, height=900, timezone=zone)
    await page.evaluate(COUNT_CLICKS)
    started = time.monotonic()

    async with asyncio.timeout(LIMIT_SECONDS):
        await page.get_by_role("button", name="olivia").click()
        fails_most = page.get_by_role("region", name="Fails most").get_by_role("link").first
        await expect(fails_most).to_contain_text("ci-pipeline")
        new = page.get_by_role("region", name="New errors").get_by_role("link").first
        await expect(new).to_contain_text("tests failed: the certificate of")
        await expect(new).to_contain_text(re.compile("EXIT_1 · ci-pipeline · since (.* )?03:03"))

        await new.click()
        await expect(page.get_by_text("48 executions", exact=True)).to_be_visible()
        await page.get_by_role("row").nth(1).get_by_role("link").click()

        await expect(page.get_by_role("heading", level=1, name="ci-pipeline")).to_be_visible()
        await expect(page.get_by_role("region", name="Error")).to_contain_text("EXIT_1")
        await expect(page.get_by_text("This run, attempt 3, repeats")).to_be_visible()
        await expect(page.get_by_text("No retry has succeeded.")).to_be_visible()

    assert await page.evaluate("window.clicks") == 3
    record_property("seconds", round(time.monotonic() - started, 1))

"""The documentation of REST, in the browser."""

from collections.abc import Callable

from playwright.async_api import expect

from execution_monitor.rest.paths import LIST_PATH
from tests.dashboard.conftest import OpenPage

Token = Callable[..., str]


async def test_operations_are_shown_with_parameters_and_a_line_of_curl(
    server: str, open_page: OpenPage, token_for: Token
):
    page = await open_page("/api", token_for("ada", "acme"))
    listing = page.get_by_role("region", name=f"GET {LIST_PATH}", exact=True)

    await expect(listing).to_contain_text(f'"{server}{LIST_PATH}"')
    await listing.get_by_text("Parameters").click()
    await expect(listing.get_by_role("row", name="workflow_template_id query")).to_be_visible()
    await listing.get_by_text("Responses").click()
    await expect(listing.get_by_role("row").filter(has_text="429")).to_be_visible()

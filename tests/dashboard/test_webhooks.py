"""Webhooks: made, tested, replayed, paused and deleted in the browser, with a receiver that answers."""

import re
from collections.abc import AsyncGenerator, Callable

import pytest
from cryptography.fernet import Fernet
from playwright.async_api import expect
from pydantic import SecretStr

from execution_monitor.app import create_app
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from tests.dashboard.accessibility import find_violations
from tests.dashboard.conftest import OpenPage
from tests.outbound.receiver import Receiver, answering, receiving
from tests.support.servers import served, wait_until_ready

Token = Callable[..., str]
ANSWER = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\nsaturated"


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    """Refuses everything."""
    async with receiving(answering(ANSWER), None) as receiver:
        yield receiver


@pytest.fixture
async def server(database: Database, settings: Settings, receiver: Receiver) -> AsyncGenerator[str]:
    """A server in development, where the receiver's address is allowed."""
    allowed = {
        "environment": "development",
        "secrets_keys": (SecretStr(Fernet.generate_key().decode()),),
        "outbound_allow": (f"127.0.0.1:{receiver.port}",),
    }
    async with served(create_app(settings.model_copy(update=allowed))) as url:
        await wait_until_ready(url)
        yield url


async def test_a_webhook_is_made_tested_sent_again_paused_and_deleted(
    open_page: OpenPage, token_for: Token, receiver: Receiver
):
    page = await open_page("/", token_for("ada", "acme", "webhooks:write"))
    await page.get_by_role("button", name="Account of ada acme").click()
    await page.get_by_role("link", name="Webhooks").click()
    await expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    await expect(page).to_have_title(re.compile("^Webhooks"))

    await page.get_by_role("button", name="New webhook").click()
    await page.get_by_label("Name").fill("incidents")
    await page.get_by_label("Address").fill(f"http://127.0.0.1:{receiver.port}/secret-path")
    await page.get_by_label("Executions").fill("status:in(FAILED")
    await expect(page.get_by_label("Executions")).to_have_attribute("aria-invalid", "true")
    await page.get_by_label("Executions").fill("status:in(FAILED)")
    await page.get_by_role("button", name="Make the webhook").click()
    secret = await page.get_by_label("Secret of incidents", exact=True).input_value()
    await page.get_by_role("button", name="Done").click()
    item = page.get_by_role("listitem").filter(has_text="incidents")
    await expect(item).to_contain_text("Enabled")
    await expect(item.get_by_role("link", name="status:in(FAILED)")).to_be_visible()

    await item.get_by_role("button", name="Deliveries of incidents").click()
    await page.get_by_role("button", name="Send a test").click()
    answer = page.get_by_role("row").filter(has_text="saturated")
    await expect(answer).to_contain_text("503")
    await expect(answer).to_contain_text("Given up")
    await answer.get_by_role("button", name="Send again").click()
    await expect(page.get_by_role("status").filter(has_text="1 are sent again.")).to_be_attached()
    # Only here deliveries have an answer to look at.
    assert await find_violations(page) == []
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.get_by_role("button", name="Close").click()

    await item.get_by_role("button", name="Pause: incidents").click()
    await expect(item).to_contain_text("Its owner paused it.")
    await item.get_by_role("button", name="Edit incidents").click()
    await expect(page.get_by_label("Executions")).to_have_value("status:in(FAILED)")
    await page.get_by_label("Name").fill("night desk")
    await page.get_by_role("button", name="Save").click()
    renamed = page.get_by_role("listitem").filter(has_text="night desk")
    await expect(renamed).to_contain_text("Paused")
    await renamed.get_by_role("button", name="Delete: night desk").click()
    await page.get_by_role("button", name="Delete the webhook").click()
    await expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()

    assert secret.startswith("whsec_")
    assert secret not in await page.content()

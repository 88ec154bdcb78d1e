"""Access keys: reached from the menu of the user, made, copied and revoked; on a phone."""

import re
from collections.abc import Callable

import httpx2
from playwright.async_api import expect

from tests.dashboard.conftest import OpenPage
from tests.support.client import execute

Token = Callable[..., str]
SCOPES = ("keys:write", "executions:write", "executions:read:tenant")


async def test_a_key_is_made_shown_once_used_and_revoked(server: str, open_page: OpenPage, token_for: Token):
    page = await open_page("/", token_for("ada", "acme", *SCOPES))
    await page.get_by_role("button", name="Account of ada acme").click()
    await page.get_by_role("link", name="Access keys").click()
    await expect(page.get_by_role("heading", name="No access keys yet")).to_be_visible()
    await expect(page).to_have_title(re.compile("^Access keys"))

    await page.get_by_role("button", name="New key").click()
    await page.get_by_label("Name").fill("dbt nightly")
    await page.get_by_label("User", exact=True).fill("grace")
    await page.get_by_label("Expires").select_option("in 30 days")
    await page.get_by_role("checkbox", name="Read the executions").check()
    await page.get_by_role("button", name="Make the key").click()
    shown = page.get_by_label("Key of dbt nightly", exact=True)
    key = await shown.input_value()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy: Key of dbt nightly").click()
    await expect(page.get_by_role("status").get_by_text("Copied")).to_be_attached()
    copied = await page.evaluate("navigator.clipboard.readText()")
    viewer = (await execute(server, key, "{ viewer { userId scopes } }")).data["viewer"]

    await page.get_by_role("button", name="Done").click()
    await page.reload()
    row = page.get_by_role("listitem").filter(has_text="dbt nightly")
    await expect(row).to_contain_text("Valid")
    await expect(row).to_contain_text("grace")
    await expect(row).to_contain_text(key.rpartition("_")[0])
    content = await page.content()

    await page.get_by_role("button", name="Revoke dbt nightly").click()
    await page.get_by_role("button", name="Cancel").click()
    await expect(row).to_contain_text("Valid")
    await page.get_by_role("button", name="Revoke dbt nightly").click()
    await page.get_by_role("button", name="Revoke the key").click()
    await expect(row).to_contain_text("Revoked")
    await expect(page.get_by_role("button", name="Revoke dbt nightly")).not_to_be_visible()

    assert copied == key
    assert viewer == {"userId": "grace", "scopes": ["executions:read", "executions:write"]}
    assert key not in content
    async with httpx2.AsyncClient() as client:
        while (await client.get(f"{server}/metrics", headers={"x-api-key": key})).status_code != 401:
            await page.wait_for_timeout(20)


async def test_callers_without_the_scope_find_no_link_and_are_told_which_one_they_lack(
    open_page: OpenPage, token_for: Token
):
    page = await open_page("/", token_for("ada", "acme", "manage"))
    await page.get_by_role("button", name="Account of ada acme").click()
    await expect(page.get_by_text("executions:read")).to_be_visible()
    await expect(page.get_by_role("link", name="Access keys")).not_to_be_attached()

    await page.goto("/keys")

    await expect(page.get_by_text("This needs the scope keys:write, which your token does not carry.")).to_be_visible()


async def test_a_phone_needs_no_horizontal_scrolling(server: str, open_page: OpenPage, token_for: Callable[..., str]):
    token = token_for("ada", "acme", *SCOPES)
    make = "mutation M($name: String!) { createAccessKey(input: { name: $name }) { accessKey { id } } }"
    revoke = "mutation R($id: ID!) { revokeAccessKey(id: $id) { accessKey { id } } }"
    made = [(await execute(server, token, make, name=name)).data for name in ("a" * 100, "airflow")]
    await execute(server, token, revoke, id=made[0]["createAccessKey"]["accessKey"]["id"])
    page = await open_page("/keys", token, width=360, height=740)
    await page.get_by_role("button", name="New key").click()
    await expect(page.get_by_text("Revoked").first).to_be_visible()

    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await page.get_by_role("button", name="Account of ada acme").click()
    await expect(page.get_by_role("link", name="Access keys")).to_be_visible()

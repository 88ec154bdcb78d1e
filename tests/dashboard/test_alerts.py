"""Alerts: rules made and changed in the browser, the bell, and an alert that is acknowledged and snoozed."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from playwright.async_api import expect

from execution_monitor.storage.alert_documents import Alert, AlertRule
from execution_monitor.storage.database import Database
from tests.dashboard.alert_documents import alert, rule
from tests.dashboard.conftest import OpenPage
from tests.support.documents import execution, store

Token = Callable[..., str]


async def test_a_rule_is_made_changed_paused_and_deleted(open_page: OpenPage, token_for: Token):
    page = await open_page("/alerts", token_for("ada", "acme", "alerts:write"))
    await expect(page.get_by_role("heading", name="No alerts")).to_be_visible()
    await page.get_by_role("link", name="Alert rules").click()
    await expect(page).to_have_title(re.compile("^Alert rules"))
    await page.get_by_role("button", name="New rule").click()
    await page.get_by_label("Name").fill("nightly fails")
    await page.get_by_label("Executions").fill("workflowName:startsWith(ci-)")
    await page.get_by_label("Number above").fill("3")
    await page.get_by_label("One alert for each").select_option("workflow")
    await page.get_by_label("Notify again after").fill("60")
    await page.get_by_role("button", name="Save").click()
    item = page.get_by_role("listitem").filter(has_text="nightly fails")
    await expect(item).to_contain_text("many of those that ended match")
    await expect(item).to_contain_text("none: shown here alone")

    await item.get_by_role("button", name="Edit nightly fails").click()
    await expect(page.get_by_label("Number above")).to_have_value("3")
    await expect(page.get_by_label("Executions")).to_have_value("workflowName:startsWith(ci-)")
    await page.get_by_label("Fires when").select_option("none was created")
    await page.get_by_label("Expected at (cron)").fill("61 * * * *")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("cron")
    await page.get_by_label("Expected at (cron)").fill("0 6 * * *")
    await page.get_by_role("button", name="Save").click()
    await expect(item).to_contain_text("none was created")

    await item.get_by_role("button", name="Pause: nightly fails").click()
    await expect(item).to_contain_text("Paused")
    await item.get_by_role("button", name="Delete: nightly fails").click()
    await page.get_by_role("button", name="Delete the rule").click()
    await expect(page.get_by_role("heading", name="No alert rules yet")).to_be_visible()


async def test_a_rule_is_previewed_while_it_is_typed(open_page: OpenPage, token_for: Token):
    ended = datetime.now(UTC) - timedelta(hours=30)
    times = {"created": ended, "started_at": ended, "completed_at": ended}
    await store(*(execution(number, workflow_name="ci", status="failed", **times) for number in range(4)))
    page = await open_page("/alerts/rules", token_for("ada", "acme", "alerts:write"))
    asked: list[Any] = []
    page.on("request", lambda request: asked.append(request) if "AlertPreview" in (request.post_data or "") else None)
    await page.get_by_role("button", name="New rule").click()
    preview = page.get_by_role("region", name="Preview: the last 7 days")
    await expect(preview.get_by_role("status")).to_have_text("It would not have fired.")

    await page.get_by_label("Share above").fill("")
    await page.get_by_label("Number above").press_sequentially("3")
    await page.get_by_label("One alert for each").select_option("workflow")
    await expect(preview.get_by_role("status")).to_have_text("It would have fired once.")
    await expect(preview.get_by_role("listitem")).to_have_text(re.compile(r"for 15 m \d\d s · ci · 4 executions$"))
    await expect(preview.get_by_role("img", name="How often on each of 7 days")).to_be_visible()
    # Neither its name nor what is no filter yet is a rule to try.
    before = len(asked)
    await page.get_by_label("Name").fill("nightly fails")
    await page.get_by_label("Executions").press_sequentially("status:in(RUNNING")
    await expect(preview).to_contain_text("A filter of the rule cannot be read yet.")
    await page.get_by_label("Executions").press_sequentially(")")
    await expect(preview.get_by_role("status")).to_have_text("It would not have fired.")
    assert len(asked) == before + 1

    # What the server says is wrong is read before the rule is saved, and so is that it does not answer.
    await page.get_by_label("Within (minutes)").fill("0")
    await expect(preview.get_by_role("status")).to_contain_text("windowSeconds must be from 60")
    await page.route("**/graphql", lambda route: route.abort())
    await page.get_by_label("Within (minutes)").fill("15")
    await expect(preview.get_by_role("status")).to_contain_text("The server cannot be reached")
    await page.unroute("**/graphql")

    await page.get_by_role("button", name="Account of ada acme").click()
    await page.get_by_role("radio", name="Tiếng Việt").click()
    await page.get_by_role("button", name="Quy tắc mới").click()
    await expect(page.get_by_role("region", name="Xem trước: 7 ngày qua").get_by_role("status")).to_have_text(
        "Quy tắc sẽ không báo lần nào."
    )


async def test_the_bell_counts_live_and_an_alert_is_acknowledged_and_snoozed(
    database: Database, open_page: OpenPage, token_for: Token
):
    await store(execution(1, user_id="ada", tenant_id="acme"))
    page = await open_page("/executions", token_for("ada", "acme", "alerts:write"))
    await expect(page.get_by_role("link", name="0 firing alerts")).to_be_visible()
    rule_id = ObjectId()
    await database.collection(AlertRule).insert_one(rule(rule_id))
    await database.collection(Alert).insert_one(alert(rule_id))
    await page.get_by_role("link", name="1 firing alerts").click()
    item = page.get_by_role("listitem").filter(has_text="nightly fails")
    await expect(item).to_contain_text("7 of 9 failed")
    await item.get_by_role("button", name="Executions").click()
    await expect(item.get_by_role("link").first).to_be_visible()

    await item.get_by_role("button", name="Acknowledge").press("Enter")
    await page.get_by_label("Note").fill("on it")
    await page.get_by_label("Note").press("Enter")
    await expect(item).to_contain_text("on it")
    await expect(item).to_contain_text("Acknowledged")
    await expect(page.get_by_role("link", name="0 firing alerts")).to_be_visible()
    await item.get_by_role("button", name="Snooze nightly fails").press("ArrowDown")
    await expect(page.get_by_role("menuitem").first).to_be_focused()
    await page.keyboard.press("End")
    await page.keyboard.press("Enter")
    await expect(item).to_contain_text("Snoozed until")


async def test_the_bell_says_which_rules_and_webhooks_of_the_caller_work_no_more(
    database: Database, open_page: OpenPage, token_for: Token
):
    reasons = [None, "Its owner paused it.", "Its owner has not signed in for 30 days."]
    await database.collection(AlertRule).insert_many(
        [rule(ObjectId()) | {"enabled": reason is None, "state_reason": reason} for reason in reasons]
    )
    await database.collection(AlertRule).insert_one(rule(ObjectId()) | {"user_id": "grace", "state_reason": reasons[2]})

    page = await open_page("/executions", token_for("ada", "acme", "executions:read:tenant"))

    await page.get_by_role("link", name="0 firing alerts, rules and webhooks that work no more: 1").click()
    await page.get_by_role("link", name="One of your rules works no more").click()
    await expect(page.get_by_text("Its owner has not signed in for 30 days.").first).to_be_visible()

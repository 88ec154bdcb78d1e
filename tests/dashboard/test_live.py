"""Live updates of the list, over connections that are lost, blocked or slow."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Page, Request, Route, WebSocketRoute, expect

from execution_monitor.live.lag import LagMeter
from execution_monitor.storage.documents import Execution, Step, collection_of
from tests.dashboard.conftest import OpenPage
from tests.support.documents import NOON, execution, store


async def change(execution_id: str, **fields: Any) -> None:
    await collection_of(Execution).update_one(
        {"execution_id": execution_id},
        {"$set": {"updated": NOON + timedelta(hours=1), **fields}, "$inc": {"version": 1}},
    )


@dataclass
class Sockets:
    """The WebSockets of a page: a test can close them, block new ones and send messages."""

    opens: bool = True
    routes: list[WebSocketRoute] = field(default_factory=list[WebSocketRoute])
    subscriptions: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def connect(self, route: WebSocketRoute) -> None:
        if not self.opens:
            await route.close(code=1012)
            return
        server = route.connect_to_server()
        self.routes.append(route)

        def pass_on(message: str | bytes) -> None:
            content = json.loads(message)
            if content["type"] == "subscribe":
                self.subscriptions.append(content)
            server.send(message)

        route.on_message(pass_on)

    async def close(self) -> None:
        self.opens = False
        for route in self.routes:
            await route.close(code=1012)

    def send_gap(self) -> None:
        gap = {
            "kind": "GAP",
            "cursor": "made-up",
            "occurredAt": NOON.isoformat(),
            "executionId": None,
            "execution": None,
        }
        # The bell of the frame has a subscription of its own.
        lists = [each["id"] for each in self.subscriptions if "executionUpdates" in each["payload"]["query"]]
        message = {"type": "next", "id": lists[-1], "payload": {"data": {"executionUpdates": gap}}}
        self.routes[-1].send(json.dumps(message))


@dataclass
class Reads:
    """Counts how often the page has read the first page of the list."""

    count: int = 0

    def note(self, request: Request) -> None:
        self.count += "FirstPage" in (request.post_data or "")


async def open_live(open_page: OpenPage, token: str, sockets: Sockets, path: str = "/executions") -> tuple[Page, Reads]:
    page, reads = await open_page("/config.json", token), Reads()
    await page.route_web_socket("**/graphql", sockets.connect)
    page.on("request", reads.note)
    await page.goto(path)
    return page, reads


async def test_an_execution_appears_runs_and_fails_without_reloading(
    open_page: OpenPage, token_for: Callable[..., str]
):
    await store(execution(1, workflow_name="first"))
    page = await open_page("/executions", token_for("ada", "acme"))
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    await store(execution(2, workflow_name="second", status="pending"))
    await page.get_by_role("button", name="1 new").click()
    row = page.get_by_role("row").filter(has_text="second")
    await expect(row).to_contain_text("Pending")
    await expect(page.get_by_text("2 executions")).to_be_visible()

    await change("e002", status="running", started_at=NOON)
    await expect(row).to_contain_text("Running")
    await change("e002", status="failed", error_details={"message": "out of memory"})
    await expect(row).to_contain_text("Failed")
    await expect(row).to_contain_text("out of memory")


async def test_a_failure_is_marked_once_a_later_attempt_has_recovered_it(
    open_page: OpenPage, token_for: Callable[..., str]
):
    again = {"parent_execution_id": "e002", "attempt": 2}
    model = {"model": "gpt-6", "tokens_used": 1_200, "input_tokens": 1_000, "output_tokens": 200}
    await store(
        execution(1, workflow_name="open", status="failed"),
        execution(2, workflow_name="retried", status="failed"),
        execution(3, workflow_name="retried", status="failed", **again),
        execution(4, workflow_name="retried", retry_of_execution_id="e003", attempt=3),
        execution(5, workflow_name="repeated", status="timed_out"),
    )
    await collection_of(Step).insert_one(
        {"execution_id": "e002", "tenant_id": "acme", "step_id": "s", "step_name": "Ask", "created": NOON, **model}
    )
    page = await open_page("/executions", token_for("ada", "acme"))
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    failed, repeated = page.get_by_role("row").filter(has_text="Failed"), page.get_by_role("row", name="repeated")
    marks = page.get_by_role("link", name="Recovered by a later attempt")

    await expect(failed.filter(has=marks)).to_have_count(2)
    await expect(failed.filter(has_text="open").filter(has=marks)).to_have_count(0)
    await expect(repeated.filter(has=marks)).to_have_count(0)

    # The one that it repeats does not change.
    await store(execution(6, workflow_name="repeated", retry_of_execution_id="e005"))
    await expect(repeated.filter(has=marks)).to_have_count(1)
    await expect(repeated.get_by_role("link", name="Recovered")).to_have_attribute("href", "/executions/e006")

    await failed.filter(has_text="retried").last.get_by_role("link", name="retried", exact=True).click()
    await expect(page.get_by_role("link", name="attempt 2 (failed)")).to_have_attribute("href", "/executions/e003")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.get_by_role("region", name="Step Ask")).to_contain_text("1,200 (1,000 in, 200 out)")
    await expect(page.get_by_role("region", name="Step Ask")).to_contain_text("gpt-6")
    await page.get_by_role("definition").get_by_role("link", name="e004").click()
    await expect(page.get_by_text("This run, attempt 3, repeats")).to_be_visible()
    await expect(page.get_by_role("link", name="attempt 2 (failed)")).to_be_visible()


async def test_rows_that_no_longer_match_leave_and_those_of_others_never_appear(
    open_page: OpenPage, token_for: Callable[..., str]
):
    await store(execution(1, workflow_name="mine", status="running"))
    page = await open_page("/executions?filter=status:in(RUNNING)", token_for("ada", "acme"))
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    await store(execution(2, workflow_name="theirs", status="running", user_id="grace"))
    await store(execution(3, workflow_name="mine too", status="running"))
    await change("e001", status="completed")

    await expect(page.get_by_role("link", name="mine", exact=True)).to_be_hidden()
    await page.get_by_role("button", name="1 new").click()
    await expect(page.get_by_role("link", name="mine too")).to_be_visible()
    await expect(page.get_by_role("link", name="theirs")).to_be_hidden()


async def test_a_lost_connection_is_resumed_without_reading_again(open_page: OpenPage, token_for: Callable[..., str]):
    await store(execution(1, workflow_name="first", status="running"))
    sockets = Sockets()
    page, reads = await open_live(open_page, token_for("ada", "acme"), sockets)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    await sockets.close()
    await expect(page.get_by_text("Reconnecting")).to_be_visible()
    await change("e001", status="failed")
    await store(execution(2, workflow_name="second"))
    sockets.opens = True

    await expect(page.get_by_role("row").filter(has_text="first")).to_contain_text("Failed")
    await expect(page.get_by_role("button", name="1 new")).to_be_visible()
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert reads.count == 1


async def test_after_a_gap_the_list_is_read_again(open_page: OpenPage, token_for: Callable[..., str]):
    await store(execution(1, workflow_name="first", status="running"))
    sockets = Sockets()
    page, reads = await open_live(open_page, token_for("ada", "acme"), sockets)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    async with page.expect_request(lambda request: "FirstPage" in (request.post_data or "")):
        sockets.send_gap()

    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await store(execution(2, workflow_name="second"))
    await expect(page.get_by_role("button", name="1 new")).to_be_visible()
    assert reads.count == 2


@pytest.mark.parametrize("opens", [True, False], ids=["over a socket", "over HTTP"])
async def test_the_lag_of_the_server_is_shown_until_it_has_caught_up(
    open_page: OpenPage,
    token_for: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    opens: bool,  # noqa: FBT001 - a parameter of the test
):
    monkeypatch.setattr("execution_monitor.asgi.heartbeat.HEARTBEAT_SECONDS", 0.2)
    await store(execution(1))
    page, reads = await open_live(open_page, token_for("ada", "acme"), Sockets(opens=opens))
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    # The server of these tests runs in this process.
    monkeypatch.setattr(LagMeter, "seconds_to_report", 42)
    await expect(page.get_by_text("Live, 42 s behind")).to_be_visible()
    await page.locator('a[href="/executions/e001"]').click()
    await expect(page.get_by_role("tab", name="Timeline")).to_be_visible()
    await expect(page.get_by_text("Live, 42 s behind")).to_be_visible()
    await page.go_back()
    monkeypatch.setattr(LagMeter, "seconds_to_report", 0)

    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert reads.count == 1


async def test_without_websockets_events_arrive_over_http(open_page: OpenPage, token_for: Callable[..., str]):
    await store(execution(1, workflow_name="first"))
    page, _ = await open_live(open_page, token_for("ada", "acme"), Sockets(opens=False))
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    await store(execution(2, workflow_name="second"))

    await expect(page.get_by_role("button", name="1 new")).to_be_visible()


async def test_without_any_stream_the_page_polls(open_page: OpenPage, token_for: Callable[..., str]):
    async def refuse_streams(route: Route) -> None:
        if route.request.headers.get("accept") == "text/event-stream":
            await route.abort()
        else:
            await route.fallback()

    page = await open_page("/config.json", token_for("ada", "acme"))
    await page.route_web_socket("**/graphql", Sockets(opens=False).connect)
    await page.route("**/graphql", refuse_streams)
    await page.goto("/executions")
    await expect(page.get_by_text("Polling")).to_be_visible()

    await store(execution(1, workflow_name="first"))

    await expect(page.get_by_role("link", name="first")).to_be_visible()


async def test_going_back_restores_the_list_and_catches_up(open_page: OpenPage, token_for: Callable[..., str]):
    await store(*(execution(number, status="running") for number in range(150)))
    page, reads = await open_live(open_page, token_for("ada", "acme"), Sockets())
    scroller = page.get_by_role("region", name="Executions")
    await scroller.evaluate("(scroller) => { scroller.scrollTop = 2_000 }")
    await page.locator('a[href="/executions/e090"]').click()
    await expect(page.get_by_role("tab", name="Timeline")).to_be_visible()

    await change("e090", status="failed")
    await store(execution(151, status="running"))
    await page.go_back()

    row = page.get_by_role("row").filter(has=page.locator('a[href="/executions/e090"]'))
    await expect(row).to_contain_text("Failed")
    await expect(row).to_be_in_viewport()
    await expect(page.get_by_role("button", name="1 new")).to_be_visible()
    assert await scroller.evaluate("(scroller) => scroller.scrollTop") == 2_000
    assert reads.count == 1

    # Far down the list from its page: the row that is then shown was not rendered before.
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("tab", name="Timeline")).to_be_visible()
    for _ in range(25):
        await page.keyboard.press("j")
    await expect(page).to_have_url(re.compile("/executions/e065$"))
    await page.go_back()
    link = page.locator('a[href="/executions/e065"]')
    await expect(link).to_be_focused()
    await expect(link).to_be_in_viewport()


UPDATES_A_SECOND, WRITES_A_SECOND = 500, 20


async def test_the_page_responds_during_five_hundred_updates_a_second(
    open_page: OpenPage, token_for: Callable[..., str]
):
    await store(*(execution(number, status="running", tokens_used=0) for number in range(100)))
    page, reads = await open_live(
        open_page, token_for("ada", "acme"), Sockets(), "/executions?columns=workflow,status,tokens"
    )
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    share = UPDATES_A_SECOND // WRITES_A_SECOND

    async def send_updates() -> None:
        for number in range(4 * WRITES_A_SECOND):
            ids = [f"e{(number * share + offset) % 100:03}" for offset in range(share)]
            await collection_of(Execution).update_many(
                {"execution_id": {"$in": ids}}, {"$inc": {"version": 1, "tokens_used": 1}}
            )
            await asyncio.sleep(1 / WRITES_A_SECOND)

    async with asyncio.TaskGroup() as tasks:
        updating = tasks.create_task(send_updates())
        # The page responds while updates come in.
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        assert not updating.done()

    # 4 s x 500 updates / 100 rows is 20 for each, visible or not.
    tokens = page.locator("[role=row]:has(a[href^='/executions/']) [data-column=tokens]")
    for position in ("0", "scroller.scrollHeight"):
        await page.get_by_role("region", name="Executions").evaluate(f"(scroller) => scroller.scrollTo(0, {position})")
        for cell in await tokens.all():
            await expect(cell).to_have_text("20")
    assert reads.count == 1

"""The page of one execution, in a browser on the real server."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Page, WebSocketRoute, expect

from execution_monitor.storage.documents import Execution, LogEntry, Step, collection_of
from tests.dashboard.conftest import OpenPage
from tests.support.documents import NOON, execution, store

PAYLOAD = "executions:payload"


def step(number: int, name: str, seconds: int, **fields: Any) -> dict[str, Any]:
    """Return a step that started 10 seconds after the previous one and took `seconds`."""
    started = NOON + timedelta(seconds=10 * number)
    return {
        "execution_id": "e001",
        "tenant_id": "acme",
        "step_id": f"s{number}",
        "step_name": name,
        "step_index": number,
        "status": "completed",
        "started_at": started,
        "completed_at": started + timedelta(seconds=seconds),
        "duration": float(seconds),
        "depends_on": [f"s{number - 1}"] if number else [],
        **fields,
    }


def line(number: int, message: str, level: str = "info") -> dict[str, Any]:
    at = NOON + timedelta(milliseconds=number)
    return {"execution_id": "e001", "tenant_id": "acme", "timestamp": at, "level": level, "message": message}


FAILED = execution(
    1,
    workflow_name="nightly-etl",
    status="failed",
    started_at=NOON,
    completed_at=NOON + timedelta(seconds=25),
    error_details={"message": "disk full", "code": "ENOSPC", "step_id": "s1", "stack_trace": "at load (etl.py:7)"},
    input_parameters={"day": "2026-11-01", "limits": {"rows": 10}, "account": 3544790567247868102},
    tags=[{"key": "team", "value": "data"}],
)
STEPS = [
    step(0, "Extract", 10),
    step(1, "Load", 15, status="failed", attempt=2, error_details={"message": "disk full"}, input_data={"table": "t1"}),
]


async def open_execution(
    open_page: OpenPage, token_for: Callable[..., str], address: str = "/executions/e001", *scopes: str, **size: int
) -> Page:
    return await open_page(address, token_for("ada", "acme", "executions:read", *scopes), **size)


async def insert(*documents: dict[str, Any], steps: Any = (), lines: Any = ()) -> None:
    await store(*documents)
    if steps:
        await collection_of(Step).insert_many(steps)
    if lines:
        await collection_of(LogEntry).insert_many(lines)


async def test_a_failure_is_shown_with_its_step_stack_trace_and_data(
    open_page: OpenPage, token_for: Callable[..., str]
):
    await insert(FAILED, steps=STEPS)
    page = await open_execution(open_page, token_for, "/executions/e001", PAYLOAD)

    await expect(page.get_by_role("heading", name="nightly-etl")).to_be_visible()
    icon = page.locator("link[rel=icon]")
    await expect(icon).to_have_attribute("href", re.compile("logo-failed"))
    response = await page.request.get(await icon.evaluate("(icon) => icon.href"))
    assert response.headers["content-type"] == "image/svg+xml"
    error = page.get_by_role("region", name="Error").first
    await expect(error).to_contain_text("disk full")
    await expect(error).to_contain_text("ENOSPC")
    await error.get_by_text("Stack trace").click()
    await expect(error).to_contain_text("at load (etl.py:7)")

    await page.get_by_role("button", name="Failed: Load").click()
    panel = page.get_by_role("region", name="Step Load")
    await expect(panel).to_contain_text("Extract")
    await expect(panel.get_by_role("group", name="Input as JSON")).to_contain_text('table: "t1"')
    # What it does not have is not named.
    await expect(panel.get_by_role("heading", name="Input")).to_be_visible()
    await expect(panel.get_by_role("heading", name="Result")).to_have_count(0)

    await page.get_by_role("tab", name="Input and result").click()
    await expect(page.get_by_role("group", name="Input as JSON")).to_contain_text("rows: 10")
    await expect(page.get_by_role("group", name="Input as JSON")).to_contain_text("account: 3544790567247868102")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    data = page.get_by_role("tabpanel")
    await data.get_by_role("button", name="Copy").click()
    await expect(data.get_by_role("button", name="Copied")).to_be_visible()
    assert '"account": 3544790567247868102' in await page.evaluate("navigator.clipboard.readText()")
    assert page.url.endswith("?step=s1&tab=data")
    await data.get_by_label("Search keys and values").fill("3544790567247868102")
    await expect(data.get_by_text("1 match", exact=True)).to_be_visible()
    await expect(page.get_by_role("group", name="Input as JSON")).not_to_contain_text("rows")

    await page.get_by_role("link", name="Executions").click()
    await expect(icon).to_have_attribute("href", re.compile(r"logo-(?!failed)"))


async def test_without_the_scope_the_page_names_the_missing_scope(open_page: OpenPage, token_for: Callable[..., str]):
    await insert(FAILED, steps=STEPS)
    page = await open_execution(open_page, token_for, "/executions/e001?tab=data")

    await expect(page.get_by_text("executions:payload")).to_be_visible()
    assert "2026-11-01" not in await page.get_by_role("tabpanel").inner_text()


async def test_an_execution_of_others_looks_like_one_that_does_not_exist(
    open_page: OpenPage, token_for: Callable[..., str]
):
    await insert(execution(2, user_id="grace"))

    pages = [await open_execution(open_page, token_for, f"/executions/{each}") for each in ("e002", "unknown")]

    texts: list[str] = []
    for page in pages:
        await expect(page.get_by_role("heading", name="Execution not found")).to_be_visible()
        texts.append(await page.get_by_role("main").inner_text())
    assert texts[0] == texts[1]


async def test_steps_and_status_change_as_they_happen(open_page: OpenPage, token_for: Callable[..., str]):
    await insert(execution(1, workflow_name="billing", status="running", started_at=NOON))
    page = await open_execution(open_page, token_for)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await expect(page.get_by_text("No steps yet")).to_be_visible()

    await collection_of(Step).insert_one(step(0, "Charge", 5, status="running", completed_at=None))
    await expect(page.get_by_role("button", name="Running: Charge")).to_be_visible()
    await collection_of(Step).update_one({"step_id": "s0"}, {"$set": {"status": "failed"}})
    await collection_of(Execution).update_one({"execution_id": "e001"}, {"$set": {"status": "failed"}})

    await expect(page.get_by_role("button", name="Failed: Charge")).to_be_visible()
    await expect(page.get_by_role("banner").or_(page.locator("header")).get_by_text("Failed").first).to_be_visible()


async def test_older_lines_that_are_loaded_before_the_subscription_repeats_the_present_state_are_kept(
    open_page: OpenPage, token_for: Callable[..., str]
):
    await insert(FAILED, lines=[line(number, f"chunk {number}") for number in range(150)])
    page = await open_page("/config.json", token_for("ada", "acme", "executions:read"))
    held: list[tuple[WebSocketRoute, str | bytes]] = []
    is_complete = asyncio.Event()

    def connect(socket: WebSocketRoute) -> None:
        def hold(message: str | bytes) -> None:
            if '"next"' in str(message):
                held.append((socket, message))
                # The execution and its last 100 lines.
                if len(held) == 101:
                    is_complete.set()
            else:
                socket.send(message)

        socket.connect_to_server().on_message(hold)

    await page.route_web_socket("**/graphql", connect)
    await page.goto("/executions/e001?tab=logs")
    await page.get_by_role("button", name="Load older lines").click()
    await expect(page.get_by_text("150 lines", exact=True)).to_be_visible()

    await asyncio.wait_for(is_complete.wait(), 10)
    for socket, message in held:
        socket.send(message)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    # Events are delivered with the next animation frame.
    await page.evaluate("() => new Promise((frame) => requestAnimationFrame(() => requestAnimationFrame(frame)))")
    await expect(page.get_by_text("150 lines", exact=True)).to_be_visible()


async def test_attempts_are_shown_each_and_an_execution_that_starts_again_comes_back_to_life(
    open_page: OpenPage, token_for: Callable[..., str]
):
    tries = ((1, 10), (2, 12), (3, 30))
    attempts = [
        step(1, "Load", seconds, status="failed", attempt=number, error_details={"message": f"timeout, try {number}"})
        for number, seconds in tries
    ]
    await insert({**FAILED, "attempt": 1}, steps=[step(0, "Extract", 10), *attempts])
    page = await open_execution(open_page, token_for)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()

    # The attempts of a step share a row, and each has its own page address.
    await page.get_by_role("button", name="Failed: Load").click()
    panel = page.get_by_role("region", name="Step Load")
    await expect(panel).to_contain_text("timeout, try 3")
    for number, seconds in tries:
        await panel.get_by_role("button", name=f"Failed: attempt {number}").click()
        await expect(panel).to_contain_text(f"timeout, try {number}")
        await expect(panel.get_by_role("definition").filter(has_text=f"{seconds} s")).to_be_visible()
        assert page.url.endswith(f"?step=s1&attempt={number}")
    await panel.get_by_role("button", name="Close").click()

    # Seconds after its end, the server completes the subscription.
    await expect(page.get_by_text("Live", exact=True)).to_be_hidden(timeout=15_000)
    await collection_of(Execution).update_one(
        {"execution_id": "e001"},
        {"$set": {"status": "running", "attempt": 2, "error_details": None, "completed_at": None}},
    )
    await expect(page.get_by_text("attempt 2")).to_be_visible()
    await collection_of(Step).update_one({"attempt": 3}, {"$set": {"status": "running", "completed_at": None}})
    await expect(page.get_by_role("button", name="Running: Load")).to_be_visible()
    await expect(page.get_by_role("region", name="Error")).to_be_hidden()


async def test_all_of_many_steps_can_be_reached_and_failed_ones_at_once(
    open_page: OpenPage, token_for: Callable[..., str]
):
    steps = [step(number, f"partition {number}", 1, depends_on=["s0"]) for number in range(2_500)]
    steps[2_400]["status"] = "failed"
    await insert(FAILED, steps=steps)
    page = await open_execution(open_page, token_for)

    await page.get_by_role("button", name="1 failed").click()
    await expect(page.get_by_role("button", name="Failed: partition 2400")).to_be_visible()
    await expect(page.get_by_role("listitem")).to_have_count(1)
    await page.get_by_role("button", name="1 failed").click()
    await expect(page.get_by_text("2,500 steps", exact=True)).to_be_visible()
    timeline = page.get_by_role("region", name="Timeline")
    await timeline.evaluate("(timeline) => timeline.scrollTo(0, timeline.scrollHeight)")
    await expect(page.get_by_role("button", name="partition 2499")).to_be_visible()
    assert await page.get_by_role("listitem").count() < 100


async def test_the_log_follows_its_end_and_loads_older_lines_when_scrolled_up(
    open_page: OpenPage, token_for: Callable[..., str]
):
    await insert(
        execution(1, status="running", started_at=NOON),
        lines=[line(number, f"chunk {number:03} done") for number in range(250)],
    )
    page = await open_execution(open_page, token_for, "/executions/e001?tab=logs")
    log = page.get_by_role("log")
    await expect(log.get_by_text("chunk 249 done")).to_be_in_viewport()
    await expect(page.get_by_text("100 lines loaded")).to_be_visible()

    await collection_of(LogEntry).insert_one(line(300, "disk nearly full", "warning"))
    await expect(log.get_by_text("disk nearly full")).to_be_in_viewport()

    # 201 lines if the new one came after the first page had been read, otherwise 200.
    await log.evaluate("(log) => log.scrollTo(0, 0)")
    await expect(page.get_by_text(re.compile("^20[01] lines loaded"))).to_be_visible()
    await expect(log.get_by_text("chunk 151 done")).to_be_in_viewport()
    await collection_of(LogEntry).insert_one(line(301, "disk full", "error"))
    await expect(page.get_by_text(re.compile("^20[12] lines loaded"))).to_be_visible()
    await expect(log.get_by_text("chunk 151 done")).to_be_in_viewport()
    await page.get_by_role("button", name="Load older lines").click()
    await expect(page.get_by_text("252 lines", exact=True)).to_be_visible()


async def test_a_search_covers_the_whole_log_and_new_lines(open_page: OpenPage, token_for: Callable[..., str]):
    lines = [line(number, f"chunk {number:03} done", "debug") for number in range(450)]
    lines[7] = {**line(7, "Disk is nearly full", "warning"), "step_id": "s1"}
    await insert(execution(1, status="running", started_at=NOON), steps=STEPS, lines=lines)
    page = await open_execution(open_page, token_for, "/executions/e001?tab=logs")
    log = page.get_by_role("log")
    await expect(log.get_by_text("chunk 449 done")).to_be_in_viewport()

    await page.get_by_label("Step", exact=True).select_option("Load")
    await expect(page.get_by_text("1 match", exact=True)).to_be_visible()
    await expect(log.get_by_text("Disk is nearly full")).to_be_visible()
    await page.get_by_label("Step", exact=True).select_option("All steps")
    await page.get_by_label("Search log lines").fill("DISK ")
    await expect(page.get_by_text("1 match", exact=True)).to_be_visible()
    await collection_of(LogEntry).insert_one(line(500, "disk full", "error"))
    await expect(page.get_by_text("2 matches", exact=True)).to_be_visible()
    await page.get_by_label("Minimum level").select_option("ERROR")
    await expect(log.get_by_text("disk full")).to_be_visible()
    await expect(page.get_by_text("1 match", exact=True)).to_be_visible()
    await page.get_by_label("Search log lines").fill("disk empty")
    await expect(page.get_by_role("heading", name="No lines match", exact=True)).to_be_visible()

    await page.get_by_label("Search log lines").fill("")
    await page.get_by_label("Minimum level").select_option("DEBUG")
    await expect(page.get_by_text("101 lines loaded")).to_be_visible()


async def test_colours_days_and_messages_of_several_lines_are_drawn(open_page: OpenPage, token_for: Callable[..., str]):
    traceback = 'Traceback:\n  File "load.py", line 7, in run\nValueError: row 42 has no key\n'
    coloured = "\x1b[1m\x1b[31mFA\x1b[0m\x1b[31mILED\x1b[0m model <b>orders</b>"
    before = {**line(120, "the day before"), "timestamp": NOON - timedelta(days=1) + timedelta(milliseconds=120)}
    await insert(
        {**FAILED, "tags": [{"key": "k" * 400, "value": "v"}], "name": "n" * 400, "workflow_name": "w" * 400},
        lines=[before, line(250, coloured, "error"), line(300, traceback, "error"), line(400, "10%\r50%\r100%\n")],
    )
    page = await open_execution(open_page, token_for, "/executions/e001?tab=logs")
    log = page.get_by_role("log")

    await expect(log).to_contain_text("31 Oct 12:00:00.120")
    await expect(log).to_contain_text("FAILED model <b>orders</b>")
    colours = await log.get_by_text("ILED").evaluate(
        "(part) => [getComputedStyle(part), getComputedStyle(part.parentNode)].map((s) => s.color)"
    )
    assert colours[0] != colours[1]
    lines = log.locator("[data-index='2'], [data-index='3']")
    heights = [(await lines.nth(number).bounding_box() or {}).get("height") for number in range(2)]
    assert heights == [66, 22]
    await expect(lines.nth(1)).to_contain_text("100%")
    assert "50%" not in await log.inner_text()
    await page.get_by_label("Search log lines").fill("failed")
    await expect(page.get_by_text("1 match", exact=True)).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 1280


async def test_an_error_is_shown_above_the_log_and_can_be_retried(open_page: OpenPage, token_for: Callable[..., str]):
    await insert(FAILED, lines=[line(number, f"chunk {number}") for number in range(150)])
    page = await open_execution(open_page, token_for, "/executions/e001?tab=logs")
    await expect(page.get_by_text("100 lines")).to_be_visible()
    await page.route("**/graphql", lambda route: route.abort())

    await page.get_by_role("button", name="Load older lines").click()

    await expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    await expect(page.get_by_text("100 lines")).to_be_visible()
    await page.unroute("**/graphql")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("150 lines")).to_be_visible()
    await expect(page.get_by_role("alert")).to_be_hidden()


async def test_an_execution_is_compared_with_the_last_successful_one(
    open_page: OpenPage, token_for: Callable[..., str]
):
    before = execution(
        2,
        workflow_name="nightly-etl",
        status="completed",
        created=NOON - timedelta(days=1),
        input_parameters={"day": "2026-10-31", "limits": {"rows": 10}},
        tags=[{"key": "team", "value": "data"}, {"key": "git_sha", "value": "d4e5f6"}],
    )
    others = [step(number, f"partition {number}", 1) for number in range(2, 130)]
    last = step(130, "Report", 20)
    earlier = [step(0, "Extract", 4), step(1, "Load", 15), *others, {**last, "duration": 11.0}]
    theirs = [{**each, "execution_id": "e002"} for each in earlier]
    commit = {"key": "git_sha", "value": "a1b2c3"}
    ours = {**FAILED, "created": NOON, "tags": [*FAILED["tags"], commit]}
    await insert(ours, before, execution(3, workflow_name="other"), steps=[*STEPS, *others, last, *theirs])
    page = await open_execution(open_page, token_for, "/executions/e001?tab=compare", PAYLOAD)

    facts = page.get_by_role("table").first
    await expect(facts.get_by_role("row").nth(1)).to_have_text("StatusFailedCompleted")
    await expect(facts.get_by_role("row").nth(3)).to_have_text("Tag git_shaa1b2c3d4e5f6")
    steps = page.get_by_role("table").nth(1)
    # Steps beyond the first page are compared, too, and those that took as long are left out.
    await expect(steps.get_by_role("row").nth(1)).to_contain_text("Report20 s11 s+ 9.0 s")
    await expect(steps.get_by_role("row").nth(2)).to_contain_text("+ 6.0 s")
    await expect(steps.get_by_role("row")).to_have_count(4)
    await page.get_by_role("button", name="Show all steps").click()
    await expect(steps.get_by_role("row")).to_have_count(132)
    inputs = page.get_by_role("table").nth(2)
    await expect(inputs.get_by_role("row")).to_have_count(3)
    await expect(inputs).to_contain_text('"2026-10-31"')
    await expect(inputs).to_contain_text("3544790567247868102")

    await page.get_by_label("Compare with").fill("e003")
    await page.get_by_label("Compare with").press("Enter")
    await expect(page).to_have_url(re.compile(r"/compare\?a=e001&b=e003$"))
    await expect(facts).to_contain_text("Workflownightly-etlother")
    await page.get_by_role("button", name="Swap").click()
    await expect(facts).to_contain_text("Workflowothernightly-etl")
    await page.goto("/compare?a=e001&b=gone")
    await expect(
        page.get_by_text("The execution gone does not exist, or you do not have access to it.")
    ).to_be_visible()


async def test_the_timeline_is_zoomed_by_keys_wheel_and_drag_and_its_steps_are_grouped(
    open_page: OpenPage, token_for: Callable[..., str]
):
    steps = [step(0, "Extract", 10), *(step(number, f"part {number}", 5, depends_on=["s0"]) for number in range(1, 5))]
    steps.append(step(5, "Join", 50, depends_on=["s4"]))
    await insert(FAILED, steps=steps)
    page = await open_execution(open_page, token_for)
    timeline = page.get_by_role("region", name="Timeline")
    ticks = timeline.locator("[data-ruler]")
    await expect(ticks).to_have_text("015 s30 s45 s1 m 00 s1 m 15 s1 m 30 s")

    await timeline.focus()
    await page.keyboard.press("+")
    await expect(page.get_by_text(re.compile("^17 s . 1 m 23 s$"))).to_be_visible()
    await page.keyboard.press("ArrowLeft")
    await expect(page.get_by_text(re.compile("^3.3 s . 1 m 10 s$"))).to_be_visible()
    await page.keyboard.press("0")
    await expect(page.get_by_role("button", name="Zoom out")).to_be_disabled()
    box = await ticks.locator("> span").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"], middle)
    await page.mouse.wheel(0, -100)
    await expect(page.get_by_text(re.compile("^0 s . 1 m 07 s$"))).to_be_visible()
    await page.mouse.dblclick(box["x"] + 5, middle)
    await page.mouse.move(box["x"] + box["width"] / 2, middle)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"], middle)
    await page.mouse.up()
    await expect(page.get_by_text(re.compile("^50 s . 1 m 40 s$"))).to_be_visible()
    await page.get_by_role("button", name="Show all").click()

    await timeline.get_by_role("button", name="Extract").focus()
    await page.keyboard.press("ArrowDown")
    await expect(timeline.get_by_role("button", name="part 1")).to_be_focused()
    await page.get_by_role("button", name="Critical path: 1 m 05 s").click()
    await expect(timeline.get_by_role("listitem")).to_have_count(3)
    await page.get_by_role("button", name="Critical path:").click()
    await page.get_by_label("Group steps").select_option("Group similar names")
    await timeline.get_by_role("button", name="part # (4)").click()
    await timeline.get_by_role("button", name="part 2").click()
    assert page.url.endswith("?step=s2")

    # The graph has the same selection; arrow keys follow dependencies.
    await page.get_by_role("tab", name="Graph").click()
    graph = page.get_by_role("region", name="Graph of the steps")
    await expect(graph.get_by_role("button", name="part 2", pressed=True)).to_be_visible()
    await graph.get_by_role("button", name="part 4").focus()
    await page.keyboard.press("ArrowRight")
    await expect(graph.get_by_role("button", name="Join")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("step=s5"))
    await page.get_by_role("button", name="Table").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Join"))
    await expect(row).to_have_text("JoinCompletedpart 4")


async def test_more_steps_than_a_graph_can_show_are_a_table(open_page: OpenPage, token_for: Callable[..., str]):
    await insert(FAILED, steps=[step(number, f"partition {number}", 1) for number in range(600)])
    page = await open_execution(open_page, token_for, "/executions/e001?tab=graph")

    await expect(page.get_by_text("600 steps with 599 dependencies are too many for a graph.")).to_be_visible()
    table = page.get_by_role("table", name="Graph of the steps")
    await expect(table).to_have_attribute("aria-rowcount", "601")
    assert await table.get_by_role("row").count() < 100


async def test_a_link_leads_to_a_log_line_with_its_attributes_and_the_log_is_saved_as_a_file(
    open_page: OpenPage, token_for: Callable[..., str], tmp_path: Path
):
    lines = [{**line(number, f"chunk {number:03}"), "step_id": "s1"} for number in range(450)]
    lines[20] = {**line(20, "\x1b[31mdisk full\x1b[0m", "error"), "step_id": "s1", "attributes": {"free": 12}}
    await insert(FAILED, steps=STEPS, lines=lines)
    page = await open_execution(open_page, token_for, "/executions/e001?tab=logs&step=s1")
    log = page.get_by_role("log")
    await expect(log.get_by_text("chunk 449")).to_be_visible()

    await page.keyboard.press("e")
    details = page.get_by_role("region", name="Log line")
    await expect(details).to_contain_text("2026-11-01 12:00:00.020 UTC (+0.020 s)")
    await expect(details).to_contain_text("free: 12")
    await expect(log.get_by_text("disk full")).to_be_in_viewport()
    await page.get_by_label("Times").select_option("Since previous line")
    await expect(log.get_by_role("button", pressed=True)).to_have_text("+0.001 s")
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Download").click()
        await page.get_by_role("menuitem", name="As text").click()
    download = await downloading.value
    assert download.suggested_filename == "e001.log"
    await download.save_as(tmp_path / "e001.log")
    saved = (tmp_path / "e001.log").read_text().splitlines()
    assert (len(saved), saved[20].partition(" ")[2]) == (450, "ERROR [s1] disk full")

    # For whoever gets the link, whatever is loaded.
    await page.goto(page.url)
    await expect(details).to_contain_text("disk full")
    await expect(log.get_by_text("disk full")).to_be_in_viewport()


async def test_retries_are_told_and_other_runs_are_reached_by_keys(open_page: OpenPage, token_for: Callable[..., str]):
    def run(number: int, status: str, **fields: Any) -> dict[str, Any]:
        at = NOON + timedelta(hours=number)
        ended = at + timedelta(seconds=30)
        times = {"created": at, "started_at": at, "completed_at": ended, "duration": 30.0}
        return execution(number, workflow_name="nightly-etl", status=status, attempt=number, **times, **fields)

    await insert(
        run(1, "failed"),
        run(2, "failed", retry_of_execution_id="e001"),
        run(3, "completed", retry_of_execution_id="e002"),
    )
    page = await open_execution(open_page, token_for, "/executions/e002?tab=logs")

    head = page.locator("header").filter(has=page.get_by_role("heading", level=1))
    await expect(head).to_contain_text(
        "This run, attempt 2, repeats attempt 1 (failed after 30 s). "
        "It was retried: attempt 3 (completed after 30 s). The retry succeeded."
    )
    await expect(page.get_by_role("button", name="Newer run")).to_be_enabled()
    await page.keyboard.press("j")
    await expect(page).to_have_url(re.compile(r"/executions/e001\?tab=logs$"))
    await expect(page.get_by_role("button", name="Older run")).to_be_disabled()
    await page.get_by_role("button", name="Newer run").click()
    await expect(page).to_have_url(re.compile(r"/executions/e002\?tab=logs$"))


async def test_the_end_of_a_followed_run_is_notified_on_every_page(open_page: OpenPage, token_for: Callable[..., str]):
    await insert(execution(1, workflow_name="billing", status="running", started_at=NOON))
    page = await open_page("/config.json", token_for("ada", "acme", "executions:read"))
    # `wait_for_function` evaluates text again and again, which the page's Content-Security-Policy forbids.
    notified = asyncio.Queue[tuple[str, str]]()

    def note(title: str, body: str) -> None:
        notified.put_nowait((title, body))

    await page.expose_function("noteNotification", note)  # pyright: ignore[reportUnknownMemberType] - of any function
    await page.add_init_script(
        """
        window.requests = 0
        window.Notification = class {
          constructor(title, { body }) { window.noteNotification(title, body) }
          static requestPermission() { window.requests += 1; return Promise.resolve('granted') }
        }
        """
    )
    await page.goto("/executions/e001")
    follow = page.get_by_role("button", name="Notify me when it ends")
    await expect(follow).to_be_visible()
    assert await page.evaluate("window.requests") == 0
    await follow.click()
    await expect(page.get_by_role("button", name="You will be notified")).to_be_visible()

    await page.get_by_role("link", name="Executions").click()
    await collection_of(Execution).update_one(
        {"execution_id": "e001"}, {"$set": {"status": "failed", "completed_at": NOON + timedelta(seconds=90)}}
    )
    async with asyncio.timeout(10):
        title, body = await notified.get()
    assert title.startswith("✗ billing failed")
    assert body.startswith("e001")


async def test_a_narrow_screen_needs_no_horizontal_scrolling(open_page: OpenPage, token_for: Callable[..., str]):
    await insert(FAILED, steps=STEPS)
    page = await open_execution(open_page, token_for, width=360, height=740)
    await expect(page.get_by_role("button", name="Failed: Load")).to_be_visible()

    assert await page.evaluate("document.documentElement.scrollWidth") <= 360

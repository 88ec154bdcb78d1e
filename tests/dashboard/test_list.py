"""The list of executions: filters, sorting, keyboard and scrolling."""

import asyncio
import json
import re
from collections.abc import Callable
from datetime import timedelta

from playwright.async_api import Download, Page, expect

from tests.dashboard.accessibility import AXE
from tests.dashboard.conftest import OpenPage
from tests.support.documents import NOON, execution, store

FAILED = execution(
    1, workflow_name="nightly-etl", status="failed", error_details={"message": "disk full"}, total_cost=2
)
RUNNING = execution(2, workflow_name="billing", status="running", started_at=NOON, total_cost=3)
COMPLETED = execution(3, workflow_name="nightly-report", total_cost=1)


async def workflows_of(page: Page) -> list[str]:
    return await page.get_by_role("row").get_by_role("link").all_inner_texts()


async def lines_of(file: Download) -> list[str]:
    path = await file.path()
    return (await asyncio.to_thread(path.read_text)).splitlines()


async def open_list(
    open_page: OpenPage, token_for: Callable[..., str], address: str = "/executions", **size: int
) -> Page:
    await store(FAILED, RUNNING, COMPLETED)
    page = await open_page(address, token_for("ada", "acme"), **size)
    await expect(page.get_by_role("row").nth(1)).to_be_visible()
    return page


async def test_a_filter_is_built_from_chips_and_shared_by_its_url(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_list(open_page, token_for)

    await page.keyboard.press("/")
    await page.keyboard.type("nightly")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("2 executions")).to_be_visible()
    await page.get_by_role("button", name="Filter", exact=True).click()
    await page.get_by_role("checkbox", name="Failed").check()
    await page.get_by_role("button", name="Add").click()
    await expect(page.get_by_text("1 execution", exact=True)).to_be_visible()
    await expect(page.get_by_text("disk full")).to_be_visible()
    assert "filter=workflowName:contains(nightly)+status:in(FAILED)" in page.url

    colleague = await open_page(page.url, token_for("ada", "acme"))
    await expect(colleague.get_by_role("button", name="Edit Status is Failed")).to_be_visible()
    await expect(colleague.get_by_text("1 execution", exact=True)).to_be_visible()

    await page.get_by_role("button", name="Remove Status is Failed").click()
    await expect(page.get_by_text("2 executions")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_text("1 execution", exact=True)).to_be_visible()


async def test_an_alternative_widens_a_filter(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_list(open_page, token_for, "/executions?filter=status:in(FAILED)")

    await page.get_by_role("button", name="Edit Status is Failed").click()
    await page.get_by_role("button", name="Or …").click()
    await page.get_by_label("Value").fill("billing")
    await page.get_by_role("button", name="Add alternative").click()

    await expect(page.get_by_text("2 executions")).to_be_visible()
    assert "filter=any(status:in(FAILED)+workflowName:contains(billing))" in page.url


async def test_a_column_header_sorts_and_reverses_the_order(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_list(open_page, token_for)

    await page.get_by_role("columnheader", name="Cost").get_by_role("button").click()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("billing")
    assert await workflows_of(page) == ["billing", "nightly-etl", "nightly-report"]

    await page.get_by_role("columnheader", name="Cost").get_by_role("button").click()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("nightly-report")
    assert page.url.endswith("/executions?sort=TOTAL_COST")


async def test_an_execution_is_opened_with_the_keyboard_alone(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_list(open_page, token_for)

    for key in ("j", "j", "k", "j", "Enter"):
        await page.keyboard.press(key)
    await expect(page).to_have_url(re.compile("/executions/e002$"))

    # From its page to the next and the previous ones of the list; past an end there is none.
    for key, number in (("j", 1), ("j", 1), ("k", 2), ("k", 3)):
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await page.keyboard.press(key)
        await expect(page).to_have_url(re.compile(f"/executions/e00{number}$"))
    await page.go_back()
    await expect(page.get_by_role("row").nth(1).get_by_role("link")).to_be_focused()

    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/executions/e003$"))
    await page.keyboard.press("g")
    await page.keyboard.press("l")
    await expect(page.get_by_role("row").nth(1)).to_be_visible()


async def test_the_shortcuts_dialog_reopens_right_after_it_was_closed(
    open_page: OpenPage, token_for: Callable[..., str]
):
    page = await open_list(open_page, token_for)
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()

    # Press the key before the `close` event, while the focus is still in the dialog.
    await page.evaluate(
        """() => {
             const [dialog, { activeElement }] = [document.querySelector('dialog'), document]
             dialog.close()
             activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: '?', bubbles: true }))
           }"""
    )

    # A page that acted on a late `close` event would have hidden the dialog by then.
    await page.evaluate("() => new Promise((frame) => requestAnimationFrame(() => requestAnimationFrame(frame)))")
    await expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_enter_activates_the_focused_element(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_list(open_page, token_for)
    await page.keyboard.press("j")

    await page.get_by_role("button", name="Keyboard shortcuts").focus()
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("dialog")).to_be_visible()
    assert page.url.endswith("/executions")


async def test_shortcuts_do_nothing_while_a_dialog_is_open(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_list(open_page, token_for)
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()

    await page.keyboard.press("j")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()

    assert await page.locator("[role=row][aria-current=true]").count() == 0


async def test_ten_thousand_rows_scroll_with_few_of_them_in_the_page(
    open_page: OpenPage, token_for: Callable[..., str]
):
    await store(*(execution(number, created=NOON + timedelta(milliseconds=number)) for number in range(10_001)))
    page = await open_page("/executions", token_for("ada", "acme"))
    await expect(page.get_by_text("more than 10,000 executions")).to_be_visible()
    scroller = page.get_by_role("region", name="Executions")

    # Each time the end is reached, the next page is loaded.
    await scroller.evaluate(
        """async (scroller) => {
             const step = () => {
               scroller.scrollTop = scroller.scrollHeight
               if (!scroller.querySelector('a[href="/executions/e000"]')) requestAnimationFrame(step)
             }
             step()
           }"""
    )

    await expect(page.locator('a[href="/executions/e000"]')).to_be_visible(timeout=30_000)
    assert await page.get_by_role("row").count() < 80


async def test_an_empty_database_shows_how_to_get_started(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/executions", token_for("ada", "acme"))

    await expect(page.get_by_role("heading", name="No executions yet")).to_be_visible()
    await expect(page.get_by_text("execution-monitor simulate")).to_be_visible()
    await expect(page.get_by_text("You may not make keys")).to_be_visible()


async def test_a_filter_without_matches_does_not_look_like_an_empty_database(
    open_page: OpenPage, token_for: Callable[..., str]
):
    page = await open_page("/executions?since=-15m", token_for("ada", "acme"))

    await expect(page.get_by_role("heading", name="No executions match")).to_be_visible()


async def test_an_error_does_not_look_like_an_empty_list(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_page("/executions", None)
    await page.route("**/graphql", lambda route: route.abort())
    await page.get_by_role("button", name="grace").click()

    await expect(page.get_by_role("alert")).to_contain_text("Executions could not be loaded")
    await expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
    await page.unroute("**/graphql")
    await page.get_by_role("button", name="Try again").click()

    await expect(page.get_by_role("heading", name="No executions yet")).to_be_visible()


async def test_a_url_with_an_unknown_field_is_reported(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_list(open_page, token_for, "/executions?filter=colour:eq(red)")

    await expect(page.get_by_role("alert")).to_contain_text("Unknown field: colour.")


async def test_a_narrow_screen_needs_no_horizontal_scrolling(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_list(open_page, token_for, width=360, height=740)

    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await expect(page.get_by_text("disk full")).to_be_visible()

    await store(execution(4))
    new, row = page.get_by_role("button", name="1 new"), page.get_by_role("row").nth(1)
    await expect(new).to_be_visible()
    boxes = [await each.bounding_box() for each in (new, row)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
    assert await page.evaluate("document.documentElement.scrollWidth") == 360


async def test_an_execution_opens_from_the_list_and_from_a_copied_address_whatever_its_id(
    open_page: OpenPage, token_for: Callable[..., str]
):
    ids = ["manual__2026-11-28T01:00:00+00:00", "path/to/media file", "..", "a?b#c 100%"]
    documents = [execution(number, workflow_name=f"w{number}") for number in range(len(ids))]
    await store(*({**document, "execution_id": each} for document, each in zip(documents, ids, strict=True)))
    page = await open_page("/executions", token_for("ada", "acme"))

    for number, each in enumerate(ids):
        await page.get_by_role("link", name=f"w{number}", exact=True).click()
        await expect(page.locator("header code")).to_have_text(each)
        await page.goto(page.url)
        await expect(page.locator("header code")).to_have_text(each)
        await page.go_back()


async def test_facets_add_and_exclude_values_with_their_counts(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_list(open_page, token_for)
    assert await page.get_by_role("region", name="Facets").count() == 0

    await page.get_by_role("button", name="Facets").click()
    rail = page.get_by_role("region", name="Facets")
    await rail.get_by_role("button", name="Failed 1").click()
    await expect(page.get_by_text("1 execution", exact=True)).to_be_visible()
    # Of a field that is filtered by, all values can still be chosen.
    await rail.get_by_role("button", name="Running 1").click()
    await expect(page.get_by_text("2 executions")).to_be_visible()
    assert "filter=status:in(FAILED,RUNNING)" in page.url
    await rail.get_by_role("button", name="billing 1").click(modifiers=["Alt"])
    await expect(page.get_by_role("link", name="nightly-etl")).to_be_visible()
    await expect(page.get_by_role("link", name="billing")).to_be_hidden()
    await rail.get_by_role("button", name="Failed", exact=False).first.click()
    assert "filter=status:in(RUNNING)+workflowName:notIn(billing)" in page.url
    await expect(rail.get_by_role("button", name="Exclude billing")).to_have_attribute("aria-pressed", "true")

    # On a phone they are a sheet, which closes.
    await page.set_viewport_size({"width": 390, "height": 800})
    await expect(rail).to_be_hidden()
    await page.get_by_role("button", name="Facets").click()
    sheet = page.get_by_role("dialog", name="Facets")
    await sheet.get_by_role("button", name="Exclude billing").click()
    await page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()
    assert page.url.endswith("filter=status:in(RUNNING)")


async def test_rows_are_selected_copied_and_exported_without_leaving_the_keyboard(
    open_page: OpenPage, token_for: Callable[..., str]
):
    page = await open_list(open_page, token_for)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    for key in ("j", "x", "j", "j", "X", "k", "x"):
        await page.keyboard.press(key)
    selected = page.get_by_role("region", name="Selected executions")
    await expect(selected.get_by_text("2 selected")).to_be_visible()
    await selected.get_by_role("button", name="Copy IDs").click()
    await expect(selected.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == "e003\ne001"
    async with page.expect_download() as downloading:
        await selected.get_by_role("button", name="Export selected: CSV").click()
    file = await downloading.value
    lines = await lines_of(file)
    assert re.fullmatch(r"executions-\d{8}T\d{6}Z\.csv", file.suggested_filename)
    assert [line.split(",")[0] for line in lines] == ['"execution_id"', '"e003"', '"e001"']
    await expect(page.get_by_text(f"Saved as {file.suggested_filename}.")).to_be_visible()

    # A click with the shift key chooses all in between; the page of an execution does not change what is chosen.
    await selected.get_by_role("button", name="Clear selection").click()
    boxes = page.get_by_role("row").get_by_role("checkbox")
    await boxes.nth(1).check()
    await boxes.nth(3).click(modifiers=["Shift"])
    await expect(selected.get_by_text("3 selected")).to_be_visible()
    await page.get_by_role("link", name="billing").click()
    await page.get_by_role("heading", level=1).wait_for()
    await page.go_back()
    await expect(selected.get_by_text("3 selected")).to_be_visible()

    # All that match, not only those that are selected; and nothing that does not.
    await page.goto("/executions?filter=status:notIn(RUNNING)&sort=TOTAL_COST")
    await page.get_by_role("button", name="Export all that match").click()
    async with page.expect_download() as downloading:
        await page.keyboard.press("End")
        await page.keyboard.press("Enter")
    exported = await lines_of(await downloading.value)
    assert [json.loads(line)["execution_id"] for line in exported] == ["e003", "e001"]


async def test_the_value_of_a_cell_filters_the_list(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_list(open_page, token_for)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    await page.get_by_text("disk full").hover()
    await page.get_by_role("button", name="Copy Error").click()
    assert await page.evaluate("navigator.clipboard.readText()") == "disk full"
    await page.get_by_role("link", name="nightly-etl").hover()
    await page.get_by_role("button", name="Exclude Workflow: nightly-etl").click()
    await expect(page.get_by_text("2 executions")).to_be_visible()
    assert "filter=workflowName:notIn(nightly-etl)" in page.url

    # The same without a pointer.
    for key in ("j", "."):
        await page.keyboard.press(key)
    await expect(page.get_by_role("menuitem", name="Only Status: Completed")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("1 execution", exact=True)).to_be_visible()
    assert page.url.endswith("filter=workflowName:notIn(nightly-etl)+status:in(COMPLETED)")


async def test_the_error_is_seen_at_every_width_and_the_time_that_the_list_is_sorted_by(
    open_page: OpenPage, token_for: Callable[..., str]
):
    page = await open_list(open_page, token_for, "/executions?sort=-STARTED_AT")
    error = page.get_by_role("row").get_by_text("disk full")

    await expect(page.get_by_role("columnheader", name="Started", exact=True)).to_be_visible()
    await expect(page.get_by_role("columnheader", name="Created")).to_be_hidden()
    facets = page.get_by_role("region", name="Facets")
    scroller = page.get_by_role("region", name="Executions")
    for has_facets, widths in ((False, (1280, 1024)), (True, (1440, 1024, 900))):
        if has_facets:
            await page.get_by_role("button", name="Facets").click()
        for width in widths:
            await page.set_viewport_size({"width": width, "height": 800})
            await expect(facets).to_be_visible(visible=has_facets)
            async with asyncio.timeout(10):
                while await scroller.evaluate("(scroller) => scroller.scrollWidth > scroller.clientWidth"):
                    await page.wait_for_timeout(20)
            await expect(error).to_be_in_viewport()


async def test_the_page_of_a_workflow_is_reached_from_its_cell_its_menu_and_its_execution(
    open_page: OpenPage, token_for: Callable[..., str]
):
    page = await open_list(open_page, token_for, "/executions?filter=status:in(FAILED)&since=2026-10-01T00:00:00Z")
    # With all its executions, in the same range.
    address = re.compile(r"/workflows/nightly-etl\?since=2026-10-01T00:00:00Z$")

    await page.get_by_role("link", name="nightly-etl").hover()
    await page.get_by_role("link", name="Page of nightly-etl").click()
    await expect(page).to_have_url(address)
    await expect(page.get_by_role("heading", level=1, name="nightly-etl")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("row").nth(1)).to_be_visible()
    for key in ("j", "."):
        await page.keyboard.press(key)
    await expect(page.get_by_role("menu")).to_be_visible()
    for key in ("p", "Enter"):
        await page.keyboard.press(key)
    await expect(page).to_have_url(address)

    await page.goto("/executions/e001")
    await page.get_by_role("heading", level=1).get_by_role("link", name="nightly-etl").click()
    await expect(page).to_have_url(re.compile("/workflows/nightly-etl$"))


async def test_rows_are_selected_on_a_phone(open_page: OpenPage, token_for: Callable[..., str]):
    page = await open_list(open_page, token_for, width=390, height=844)
    boxes = page.get_by_role("row").get_by_role("checkbox")
    # As large as a finger, and no part of it opens the execution.
    box = await page.get_by_role("row").nth(1).locator("label").bounding_box()
    assert box is not None
    assert box["width"] >= 32
    assert box["height"] >= 44
    await page.mouse.click(box["x"] + 2, box["y"] + 2)

    selected = page.get_by_role("region", name="Selected executions")
    await expect(selected.get_by_text("1 selected")).to_be_visible()
    await selected.get_by_role("button", name="Select all loaded").click()
    await expect(selected.get_by_text("3 selected")).to_be_visible()
    await expect(boxes.and_(page.locator(":checked"))).to_have_count(3)
    async with page.expect_download() as downloading:
        await selected.get_by_role("button", name="Export selected: CSV").click()
    assert len(await lines_of(await downloading.value)) == 4
    await page.evaluate(AXE.read_text())
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        violations = await page.evaluate(
            "axe.run().then(({violations}) => violations.map((v) => [v.id, v.nodes[0].html]))"
        )
        assert violations == [], scheme
    assert await page.evaluate("document.documentElement.scrollWidth") == 390

"""What a user of the dashboard waits for: `make bench-page`.

A real browser, without a graphics card, on a server with 20,000 executions, half of them the viewer's, all on this
machine. Prints the time until the list reacts to a key, with nothing cached; the missed frames and the longest task
while all rows are scrolled through, beside a page of as many plain rows; and the same while 500 updates a second come
in. Last, an execution of 10,000 steps: its timeline is scrolled and zoomed.
"""

import asyncio
import re
import signal
import statistics
import sys
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
from playwright.async_api import Browser, Page, expect
from pymongo import AsyncMongoClient

from execution_monitor.storage.documents import Step
from tests.benchmarks.documents import store
from tests.benchmarks.list_query import USER
from tests.benchmarks.servers import DATABASE, running_contender
from tests.dashboard.chromium import launch_chromium, sign_in
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.tokens import token_of

RESULTS = Path(__file__).parent / "results" / "page.json"
ROWS, VISITS, STEPS = 20_000, 11, 10_000
UPDATES_A_SECOND, WRITES_A_SECOND, SECONDS = 500, 20, 5
# The half of the rows that the user owns.
OWN = ROWS // 2

_NOTE_FIRST_ROW = """
window.interactive = new Promise((resolve) => {
  new MutationObserver((_, observer) => {
    if (document.querySelector('[role=row] a[href^="/executions/"]') === null) return
    observer.disconnect()
    // After the frame that shows it, all work that delays the handling of a key is done.
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now())))
  }).observe(document, { childList: true, subtree: true })
})
"""
_WATCH_FRAMES = """
([selector, step, seconds, zooms]) => new Promise((resolve) => {
  const scroller = document.querySelector(selector)
  const [frames, tasks] = [[], [0]]
  const observer = new PerformanceObserver((list) => list.getEntries().forEach((each) => tasks.push(each.duration)))
  observer.observe({ type: 'longtask' })
  const began = performance.now()
  requestAnimationFrame(function frame(now) {
    frames.push(now)
    scroller.scrollBy(0, step)
    if (zooms) {
      // In by a fifth of a notch for 40 frames, and out for 38, so that it never ends where it began.
      const deltaY = frames.length % 78 < 40 ? -20 : 20
      const { left, width, top } = scroller.getBoundingClientRect()
      const at = { clientX: left + width / 2, clientY: top + 100 }
      scroller.dispatchEvent(new WheelEvent('wheel', { deltaY, ctrlKey: true, cancelable: true, ...at }))
    }
    if (now - began < seconds * 1000) return requestAnimationFrame(frame)
    observer.disconnect()
    resolve({ frames, longest: Math.max(...tasks) })
  })
})
"""
_PLAIN = "<div id=plain style='height:700px;overflow:auto'>{}</div>"


async def open_list(browser: Browser, url: str, path: str = "/executions") -> Page:
    """The list, opened by a new user."""
    context = await browser.new_context(base_url=url, viewport={"width": 1280, "height": 800})
    await sign_in(context, token_of(USER))
    page = await context.new_page()
    await page.add_init_script(_NOTE_FIRST_ROW)
    await page.goto(path)
    await page.evaluate("window.interactive")
    return page


async def visit(browser: Browser, url: str) -> float:
    """Milliseconds from the request of the page until its list reacts to a key."""
    page = await open_list(browser, url)
    found = await page.evaluate("window.interactive")
    await page.keyboard.press("j")
    await expect(page.locator("[role=row][aria-current=true]")).to_be_visible()
    await page.context.close()
    return found


async def watch_frames(page: Page, scroller: str, step: int, *, zooms: bool = False) -> dict[str, float]:
    """Figures of the frames of some seconds, with `scroller` moved by `step` pixels, or zoomed, in each."""
    found = await page.evaluate(_WATCH_FRAMES, [scroller, step, SECONDS, zooms])
    frames: list[float] = found["frames"]
    gaps = [later - earlier for earlier, later in pairwise(frames)]
    usual = statistics.median(gaps)
    missed = sum(round(gap / usual) - 1 for gap in gaps)
    counts = {"frames": len(frames), "median_ms": usual, "missed": missed}
    return {**counts, "longest_gap_ms": max(gaps), "longest_task_ms": found["longest"]}


async def scroll(browser: Browser, url: str) -> dict[str, dict[str, float]]:
    """Frames while rows are scrolled through: ours, all of them loaded, and as many plain ones."""
    page = await open_list(browser, url)
    scroller = page.get_by_role("region", name="Executions")
    last = page.locator("a[href='/executions/run-00000000']")
    while not await last.is_visible():
        await scroller.evaluate("(scroller) => scroller.scrollTo(0, scroller.scrollHeight)")
        await page.wait_for_timeout(20)
    ours = await watch_frames(page, "[role=region][aria-label=Executions]", -150)
    await page.context.close()
    plain = await browser.new_page(viewport={"width": 1280, "height": 800})
    rows = "".join(f"<div style='height:36px'>run-{number:08} completed ada 1 m 28 s</div>" for number in range(OWN))
    await plain.set_content(_PLAIN.format(rows))
    floor = await watch_frames(plain, "#plain", 150)
    await plain.close()
    return {"scrolling": ours, "scrolling_plain_rows": floor}


async def update(uri: str) -> None:
    """Change the newest hundred executions of the user in turns, 500 a second."""
    share = UPDATES_A_SECOND // WRITES_A_SECOND
    async with AsyncMongoClient[dict[str, Any]](uri) as mongo:
        collection = mongo[DATABASE]["workflow_executions"]
        newest = [row["_id"] async for row in collection.find({"user_id": USER}).sort("created", -1).limit(100)]
        for number in range((SECONDS + 1) * WRITES_A_SECOND):
            chosen = [newest[(number * share + place) % len(newest)] for place in range(share)]
            await collection.update_many({"_id": {"$in": chosen}}, {"$inc": {"version": 1, "tokens_used": 1}})
            await asyncio.sleep(1 / WRITES_A_SECOND)


async def watch_updates(browser: Browser, url: str, uri: str) -> dict[str, float]:
    """Frames while updates come in, each of which changes what is shown."""
    page = await open_list(browser, url, "/executions?columns=workflow,status,tokens")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(update(uri))
        await asyncio.sleep(0.5)
        found = await watch_frames(page, "[role=region][aria-label=Executions]", 0)
    # Rows are stored without tokens: if none are shown, no update came.
    await expect(page.locator("[data-column=tokens]").nth(1)).to_have_text(re.compile("[0-9]"))
    await page.context.close()
    return found


async def store_steps(uri: str) -> None:
    """Give the newest execution of the user 10,000 steps, each of which waits for an earlier one."""
    async with AsyncMongoClient[dict[str, Any]](uri) as mongo:
        database = mongo[DATABASE]
        newest = await database["workflow_executions"].find_one({"user_id": USER}, sort=[("created", -1)])
        assert newest is not None
        started = newest["created"]
        steps = [
            {
                "execution_id": newest["execution_id"],
                "tenant_id": newest["tenant_id"],
                "step_id": f"s{number}",
                "step_name": f"partition {number}",
                "step_index": number,
                "status": "failed" if number % 97 == 0 else "completed",
                "started_at": started + timedelta(seconds=number / 10),
                "completed_at": started + timedelta(seconds=number / 10 + 1 + number % 90),
                "duration": float(1 + number % 90),
                "depends_on": [f"s{number // 2}"] if number else [],
            }
            for number in range(STEPS)
        ]
        await database[Step.Settings.name].insert_many(steps)


async def watch_timeline(browser: Browser, url: str, uri: str) -> dict[str, dict[str, float]]:
    """Frames while a timeline of 10,000 steps is scrolled, and while it is zoomed in and out by the wheel."""
    await store_steps(uri)
    page = await open_list(browser, url)
    await page.locator("[role=row] a[href^='/executions/']").first.click()
    await expect(page.get_by_text(f"{STEPS:,} steps", exact=True)).to_be_visible(timeout=60_000)
    timeline = "[role=region][aria-label=Timeline]"
    scrolled = await watch_frames(page, timeline, 150)
    assert await page.locator(timeline).evaluate("(timeline) => timeline.scrollTop") > 0
    zoomed = await watch_frames(page, timeline, 0, zooms=True)
    await expect(page.get_by_role("button", name="Zoom out")).to_be_enabled()
    await page.context.close()
    return {"scrolling_10000_steps": scrolled, "zooming_10000_steps": zoomed}


async def measure(url: str, uri: str) -> dict[str, Any]:
    """All measurements, one after another."""
    async with launch_chromium() as browser:
        await visit(browser, url)  # the first warms up
        times = [await visit(browser, url) for _ in range(VISITS)]
        opened = {"interactive_ms": statistics.median(times), "slowest_ms": max(times)}
        lists = {**await scroll(browser, url), "updates": await watch_updates(browser, url, uri)}
        return {"opening": opened, **lists, **await watch_timeline(browser, url, uri)}


def run(folder: Path) -> Mapping[str, Mapping[str, float]]:
    """Figures by measurement."""
    with running(SingleNodeReplicaSet(folder)) as mongod:
        store(mongod.uri, DATABASE, ROWS)
        with running_contender("ours", mongod.uri, token_of(USER), folder / "ours.log") as server:
            return asyncio.run(measure(f"http://127.0.0.1:{server.port}", mongod.uri))


def main() -> None:
    """Run, print and write `results/page.json`."""
    # So that a SIGTERM ends every process that this one has started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder))
    for name, figures in found.items():
        sys.stdout.write(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()) + "\n")
    RESULTS.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


if __name__ == "__main__":
    main()

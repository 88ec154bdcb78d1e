"""What a user of the dashboard waits for at size and over time: the second half of `make bench-page`.

A real browser, without a graphics card, on a server with `--executions`, all on this machine: the time until the
overview of all of them answers keys, and until it shows numbers; the longest task of a list that shows new executions
at once, while 500 changes a second come in; and by how much the heaps of a list and of an overview grow a minute while
they stay open for `--minutes` at 50 changes a second.
"""

import argparse
import asyncio
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import orjson
from playwright.async_api import Browser, CDPSession, Page, expect
from pymongo import AsyncMongoClient

from execution_monitor.storage.database import open_database
from tests.benchmarks.documents import execution, store
from tests.benchmarks.latest import record
from tests.benchmarks.list_query import USER
from tests.benchmarks.page import SECONDS, UPDATES_A_SECOND, WRITES_A_SECOND, watch_frames
from tests.benchmarks.servers import DATABASE, running_contender
from tests.benchmarks.statistics_rollups import until_built
from tests.dashboard.chromium import launch_chromium, sign_in
from tests.support.mongod import SingleNodeReplicaSet
from tests.support.processes import running
from tests.support.tokens import token_of

EXECUTIONS, MINUTES, VISITS = 1_000_000, 10.0, 5
QUIET_UPDATES_A_SECOND, HEAPS_A_MINUTE = 50, 6
# All of the executions, and those of every user.
EVERYTHING = "/overview?since=2026-01-01T00:00:00Z"
LIST = "[role=region][aria-label=Executions]"

# Presses the key of the filter until its input has the focus.
_NOTE_FIRST_KEY = """
window.answersKeys = new Promise((resolve) => {
  const timer = setInterval(() => {
    const input = document.querySelector('[role=search] input')
    if (input === null) return
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '/', bubbles: true }))
    if (document.activeElement !== input) return
    clearInterval(timer)
    resolve(performance.now())
  }, 5)
})
"""
_TASKS = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
_SHOW_NEW_AT_ONCE = "localStorage.setItem('execution-monitor.joins-at-once', 'yes')"


async def open_page(browser: Browser, url: str, path: str, *scripts: str) -> Page:
    """A page, opened by a new user who sees the executions of all."""
    context = await browser.new_context(base_url=url, viewport={"width": 1280, "height": 800})
    await sign_in(context, token_of(USER, "executions:read:tenant"))
    page = await context.new_page()
    for script in scripts:
        await page.add_init_script(script)
    await page.goto(path)
    return page


async def visit(browser: Browser, url: str) -> tuple[float, float]:
    """Milliseconds from the request of the overview until it answers a key, and until it shows numbers."""
    began = time.perf_counter()
    page = await open_page(browser, url, EVERYTHING, _NOTE_FIRST_KEY)
    answers = await page.evaluate("window.answersKeys")
    await expect(page.get_by_role("slider")).to_be_visible(timeout=60_000)
    shown = (time.perf_counter() - began) * 1_000
    await page.context.close()
    return answers, shown


async def change(uri: str, seconds: float, updates_a_second: int, births_a_second: int) -> None:
    """Change the newest hundred executions in turns, and add new ones."""
    async with AsyncMongoClient[dict[str, Any]](uri) as mongo:
        collection = mongo[DATABASE]["workflow_executions"]
        newest = [row["_id"] async for row in collection.find({}).sort("created", -1).limit(100)]
        born, run = 0, time.time_ns()
        began = time.monotonic()
        for number in range(round(seconds * WRITES_A_SECOND)):
            share = updates_a_second // WRITES_A_SECOND
            chosen = [newest[(number * share + place) % len(newest)] for place in range(share)]
            await collection.update_many({"_id": {"$in": chosen}}, {"$inc": {"version": 1, "tokens_used": 1}})
            due = round(number / WRITES_A_SECOND * births_a_second)
            births = [
                execution(place) | {"execution_id": f"new-{run}-{place}", "created": datetime.now(UTC)}
                for place in range(born, due)
            ]
            if births:
                await collection.insert_many(births)
            born = max(born, due)
            await asyncio.sleep(max(0.0, began + (number + 1) / WRITES_A_SECOND - time.monotonic()))


async def watch_births(browser: Browser, url: str, uri: str) -> dict[str, float]:
    """Frames of a list that shows new executions at once, while they and other changes come in.

    And the processor time of its longest task: on a busy machine, tasks are interrupted by other processes.
    """
    page = await open_page(browser, url, "/executions", _SHOW_NEW_AT_ONCE)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=60_000)
    first = page.locator("[role=row] a[href^='/executions/']").first
    before = await first.get_attribute("href")
    await browser.start_tracing(page=page, categories=_TASKS)
    async with asyncio.TaskGroup() as tasks:
        half = UPDATES_A_SECOND // 2
        tasks.create_task(change(uri, SECONDS + 1, half, half))
        await asyncio.sleep(0.5)
        found = await watch_frames(page, LIST, 0)
    trace = await browser.stop_tracing()
    await expect(first).not_to_have_attribute("href", before or "")
    await page.context.close()
    return {**found, "longest_task_cpu_ms": longest_task(trace)}


def longest_task(trace: bytes) -> float:
    """Milliseconds of processor time of the longest task of the page that was traced."""
    events = orjson.loads(trace)["traceEvents"]
    threads = {(each["pid"], each["tid"]) for each in events if _is_named(each, "CrRendererMain")}
    tasks = [each for each in events if each["name"] == "RunTask" and (each["pid"], each["tid"]) in threads]
    # Other pages, such as the empty one of the browser, do next to nothing.
    return max(each.get("tdur", 0) for each in tasks) / 1_000


def _is_named(event: dict[str, Any], name: str) -> bool:
    return event["name"] == "thread_name" and event["args"]["name"] == name


async def measure_heap(session: CDPSession) -> float:
    """Bytes that the page uses after a garbage collection."""
    await session.send("HeapProfiler.collectGarbage")  # pyright: ignore[reportUnknownMemberType] - typed as a dict
    usage = cast("dict[str, float]", await session.send("Runtime.getHeapUsage"))  # pyright: ignore[reportUnknownMemberType]
    return usage["usedSize"]


async def watch_heaps(browser: Browser, url: str, uri: str, minutes: float) -> dict[str, float]:
    """Megabytes a minute by which the heaps of open pages grow, after the first fifth of the time."""
    paths = {"list": "/executions", "overview": "/"}
    pages = {name: await open_page(browser, url, path) for name, path in paths.items()}
    sessions = {name: await page.context.new_cdp_session(page) for name, page in pages.items()}
    for page in pages.values():
        await expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=60_000)
    heaps: dict[str, list[tuple[float, float]]] = {name: [] for name in pages}
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(change(uri, minutes * 60, QUIET_UPDATES_A_SECOND, 1))
        began = time.monotonic()
        while not writing.done():
            await asyncio.sleep(min(60 / HEAPS_A_MINUTE, minutes * 60 / 20))
            at = (time.monotonic() - began) / 60
            for name, session in sessions.items():
                heaps[name].append((at, await measure_heap(session) / 1_000_000))
    for page in pages.values():
        await page.context.close()
    found: dict[str, float] = {}
    for name, points in heaps.items():
        settled = [(at, heap) for at, heap in points if at > minutes / 5]
        slope = statistics.linear_regression([at for at, _ in settled], [heap for _, heap in settled]).slope
        found |= {f"{name}_mb_a_minute": slope, f"{name}_mb": settled[-1][1]}
    return found


async def wait_for_rollups(uri: str) -> float:
    """Wait until statistics are answered from rollups; the seconds that took."""
    async with open_database(uri, DATABASE) as database:
        await database.connect()
        return await until_built(database)


async def measure(url: str, uri: str, minutes: float) -> dict[str, dict[str, float]]:
    """All measurements, one after another."""
    async with launch_chromium() as browser:
        await visit(browser, url)  # the first warms up
        visits = [await visit(browser, url) for _ in range(VISITS)]
        overview = {
            "answers_keys_ms": statistics.median(answers for answers, _ in visits),
            "slowest_key_ms": max(answers for answers, _ in visits),
            "shows_numbers_ms": statistics.median(shown for _, shown in visits),
        }
        births = await watch_births(browser, url, uri)
        return {"overview": overview, "births": births, "heaps": await watch_heaps(browser, url, uri, minutes)}


def run(folder: Path, executions: int, minutes: float) -> Mapping[str, Mapping[str, float]]:
    """Figures by measurement."""
    with running(SingleNodeReplicaSet(folder, oplog_mb=2_048, cache_gb=1)) as mongod:
        # Creates the indexes, which takes longer when there are executions.
        with running_contender("ours", mongod.uri, token_of(USER), folder / "empty.log"):
            pass
        store(mongod.uri, DATABASE, executions)
        with running_contender("ours", mongod.uri, token_of(USER), folder / "ours.log") as server:
            # As on any day but the first.
            built = asyncio.run(wait_for_rollups(mongod.uri))
            sys.stdout.write(f"rollups of {executions:,} executions built in {built:.0f} s\n")
            return asyncio.run(measure(f"http://127.0.0.1:{server.port}", mongod.uri, minutes))


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=EXECUTIONS)
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long pages stay open")
    parser.add_argument("--no-record", action="store_true", help="only print")
    options = parser.parse_args()
    # So that a SIGTERM ends every process that this one has started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), options.executions, options.minutes)
    for name, figures in found.items():
        sys.stdout.write(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in figures.items()) + "\n")
    if not options.no_record:
        ratios = {
            "page_overview_answers_keys_ms": found["overview"]["answers_keys_ms"],
            "page_births_longest_task_cpu_ms": found["births"]["longest_task_cpu_ms"],
            "page_list_heap_mb_a_minute": found["heaps"]["list_mb_a_minute"],
            "page_overview_heap_mb_a_minute": found["heaps"]["overview_mb_a_minute"],
        }
        record(ratios, page_live=dict(found))


if __name__ == "__main__":
    main()

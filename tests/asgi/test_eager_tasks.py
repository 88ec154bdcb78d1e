"""Coroutines that start eagerly: as asyncio runs them, but for the first part."""

import asyncio

import pytest

from execution_monitor.asgi.eager_tasks import start_eagerly


async def test_a_coroutine_that_never_waits_ends_at_once():
    done: list[str] = []

    async def work() -> None:
        done.append("all")

    assert start_eagerly(work()) is None
    assert done == ["all"]


async def test_the_rest_continues_where_the_coroutine_waited():
    ready, done = asyncio.Event(), list[str]()

    async def work() -> None:
        done.append("first")
        await ready.wait()
        await asyncio.sleep(0)
        done.append("second")

    rest = start_eagerly(work())
    assert done == ["first"]
    assert rest is not None

    waiting = asyncio.ensure_future(rest)
    await asyncio.sleep(0)
    ready.set()
    await waiting

    assert done == ["first", "second"]


async def test_the_rest_may_be_awaited_after_what_it_waits_for():
    ready = asyncio.Event()

    async def work() -> None:
        await ready.wait()

    rest = start_eagerly(work())
    ready.set()
    assert rest is not None

    async with asyncio.timeout(5):
        await rest


async def test_errors_are_raised_where_they_happen():
    async def fail_at_once() -> None:
        raise LookupError("at once")

    async def fail_later() -> None:
        await asyncio.sleep(0)
        raise LookupError("later")

    with pytest.raises(LookupError, match="at once"):
        start_eagerly(fail_at_once())
    rest = start_eagerly(fail_later())
    assert rest is not None
    with pytest.raises(LookupError, match="later"):
        await rest


async def test_cancelling_the_rest_cancels_the_coroutine():
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        finally:
            seen.append("closed")

    rest = start_eagerly(work())
    assert rest is not None
    waiting = asyncio.ensure_future(rest)
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert waiting.cancelled()
    assert seen == ["cancelled", "closed"]

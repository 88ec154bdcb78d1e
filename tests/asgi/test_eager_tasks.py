"""Coroutines that begin at once: as asyncio would run them, but for the first stretch."""

import asyncio

import pytest

from execution_monitor.asgi.eager_tasks import start_eagerly


async def test_a_coroutine_that_never_waits_is_over_at_once():
    done: list[str] = []

    async def work() -> None:
        done.append("all")

    assert start_eagerly(work()) is None
    assert done == ["all"]


async def test_the_rest_goes_on_where_it_waited():
    gate, done = asyncio.Event(), list[str]()

    async def work() -> None:
        done.append("first")
        await gate.wait()
        await asyncio.sleep(0)
        done.append("second")

    rest = start_eagerly(work())
    assert done == ["first"]
    assert rest is not None

    waiting = asyncio.ensure_future(rest)
    await asyncio.sleep(0)
    gate.set()
    await waiting

    assert done == ["first", "second"]


async def test_what_it_waited_for_may_have_come_before_the_rest_is_awaited():
    gate = asyncio.Event()

    async def work() -> None:
        await gate.wait()

    rest = start_eagerly(work())
    gate.set()
    assert rest is not None

    async with asyncio.timeout(5):
        await rest


async def test_errors_come_out_where_they_happen():
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

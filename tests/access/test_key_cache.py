"""Keys that are kept, against an identity provider on a real socket and a clock that is moved by hand."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.responses import JSONResponse

from execution_monitor.access.issuer import Issuer
from execution_monitor.access.key_cache import KeyCache
from execution_monitor.access.keys import SigningKey
from execution_monitor.errors import IssuerUnavailable, Unauthenticated
from tests.access.issuing import Clock, Provider, jwk, provided

MINUTE = 60.0
FETCHING = "issuer keys"


@pytest.fixture
async def provider() -> AsyncGenerator[Provider]:
    async with provided("ES256") as provider:
        yield provider


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def cache(provider: Provider, clock: Clock) -> AsyncGenerator[KeyCache]:
    cache = KeyCache(Issuer(provider.url).fetch_keys, clock=clock)
    yield cache
    await cache.close()


async def outcomes(cache: KeyCache, key_id: str, count: int) -> list[SigningKey | BaseException]:
    return await asyncio.gather(*(cache.find(key_id, "ES256") for _ in range(count)), return_exceptions=True)


def fail(provider: Provider) -> None:
    provider.answer = lambda: JSONResponse({}, 503)


async def test_a_hundred_that_come_at_once_make_one_fetch(cache: KeyCache, provider: Provider):
    found = await outcomes(cache, "first ES256", 100)

    assert all(isinstance(each, SigningKey) for each in found)
    assert provider.fetches == 1


async def test_a_hundred_tokens_of_a_new_key_make_one_fetch_and_are_all_taken(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    provider.keys = [jwk("ES256", "second")]
    clock.now += 1

    found = await outcomes(cache, "second ES256", 100)

    assert all(isinstance(each, SigningKey) for each in found)
    assert provider.fetches == 2


async def test_whoever_leaves_does_not_take_the_fetch_from_the_others(cache: KeyCache, provider: Provider):
    provider.may_answer.clear()
    first, second = (asyncio.create_task(cache.find("first ES256", "ES256")) for _ in range(2))
    await provider.asked.wait()
    first.cancel()
    provider.may_answer.set()

    assert (await second).key_id == "first ES256"
    assert provider.fetches == 1


async def test_a_flood_of_unknown_keys_makes_one_fetch_a_minute(cache: KeyCache, provider: Provider, clock: Clock):
    await cache.find("first ES256", "ES256")
    begun = provider.fetches

    refused: list[SigningKey | BaseException] = []
    for second in range(300):
        clock.now += 1
        refused += await outcomes(cache, f"unknown {second}", 3)

    assert {type(each) for each in refused} == {Unauthenticated}
    assert provider.fetches - begun == 5


async def test_a_flood_does_not_keep_a_new_key_out_for_more_than_a_minute(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    clock.now += 1
    await outcomes(cache, "unknown", 1)
    provider.keys.append(jwk("ES256", "second"))

    clock.now += MINUTE

    assert (await cache.find("second ES256", "ES256")).key_id == "second ES256"


async def test_a_withdrawn_key_is_forgotten(cache: KeyCache, provider: Provider, clock: Clock):
    await cache.find("first ES256", "ES256")
    provider.keys = [jwk("ES256", "second")]
    clock.now += 10 * MINUTE + 1

    # The old keys answer while the new ones are on their way, so that nobody waits.
    await cache.find("first ES256", "ES256")
    assert (await cache.find("second ES256", "ES256")).key_id == "second ES256"

    with pytest.raises(Unauthenticated):
        await cache.find("first ES256", "ES256")


async def test_fresh_keys_are_not_fetched_again(cache: KeyCache, provider: Provider, clock: Clock):
    for _ in range(10):
        await cache.find("first ES256", "ES256")
        clock.now += MINUTE - 1

    assert provider.fetches == 1


async def test_a_dead_issuer_keeps_its_keys_for_an_hour_and_it_is_told(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    fail(provider)

    for _ in range(59):
        clock.now += MINUTE
        assert (await cache.find("first ES256", "ES256")).key_id == "first ES256"
    # An attempt is under way in the background.
    with pytest.raises(IssuerUnavailable):
        await cache.find("unknown", "ES256")
    assert cache.warning == "The issuer's keys cannot be fetched: it answers with status 503."

    clock.now += MINUTE + 1

    with pytest.raises(IssuerUnavailable, match="answers with status 503"):
        await cache.find("first ES256", "ES256")
    with pytest.raises(IssuerUnavailable):
        await cache.check()


async def test_a_dead_issuer_is_asked_once_a_minute_whoever_comes(cache: KeyCache, provider: Provider, clock: Clock):
    await cache.find("first ES256", "ES256")
    fail(provider)
    clock.now += 10 * MINUTE
    begun = provider.fetches

    for _ in range(10):
        clock.now += MINUTE / 2
        await outcomes(cache, "unknown", 3)
        await outcomes(cache, "first ES256", 3)

    assert provider.fetches - begun <= 6


async def test_an_issuer_that_comes_back_is_forgiven(cache: KeyCache, provider: Provider, clock: Clock):
    fail(provider)
    with pytest.raises(IssuerUnavailable):
        await cache.find("first ES256", "ES256")

    # Not at once: whoever comes meanwhile need not wait for an answer that is known.
    with pytest.raises(IssuerUnavailable):
        await cache.find("first ES256", "ES256")
    assert provider.fetches == 1
    provider.answer = None
    clock.now += 2

    assert (await cache.find("first ES256", "ES256")).key_id == "first ES256"
    assert cache.warning is None


async def test_a_defect_of_ours_is_no_reason_to_wait_for_ever(clock: Clock):
    async def fetch() -> tuple[SigningKey, ...]:
        raise ZeroDivisionError

    cache = KeyCache(fetch, clock=clock)

    with pytest.raises(IssuerUnavailable, match="something unexpected"):
        await cache.find("first ES256", "ES256")


async def test_what_is_under_way_at_the_end_is_stopped(provider: Provider, clock: Clock):
    provider.may_answer.clear()
    cache = KeyCache(Issuer(provider.url).fetch_keys, clock=clock)
    cache.begin()
    await provider.asked.wait()
    assert FETCHING in [task.get_name() for task in asyncio.all_tasks()]

    await cache.close()
    provider.may_answer.set()

    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name() == FETCHING] == []

"""Keys that are kept, against an identity provider on a real socket and a clock that is moved by hand."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

import pytest
from starlette.responses import JSONResponse

from execution_monitor.auth.key_cache import KeyCache
from execution_monitor.auth.keys import SigningKey
from execution_monitor.auth.oidc import Issuer
from execution_monitor.errors import IssuerUnavailable, ServerBusy, Unauthenticated
from tests.support.identity_provider import Clock, Provider, jwk, running_provider

MINUTE = 60.0
FETCHING, LOOKUP = "issuer keys", "lookup of issuer keys"
SOON = 10.0


@pytest.fixture
async def provider() -> AsyncGenerator[Provider]:
    async with running_provider("ES256") as provider:
        yield provider


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def cache(provider: Provider, clock: Clock) -> AsyncGenerator[KeyCache]:
    cache = KeyCache(Issuer(provider.url).fetch_keys, clock=clock, sleep=clock.sleep)
    yield cache
    await cache.close()


async def outcomes(cache: KeyCache, key_id: str, count: int) -> list[SigningKey | BaseException]:
    return await asyncio.gather(*(cache.find(key_id, "ES256") for _ in range(count)), return_exceptions=True)


def names_of_tasks() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()}


def fail(provider: Provider) -> None:
    provider.response = lambda: JSONResponse({}, 503)


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
    provider.may_respond.clear()
    first, second = (asyncio.create_task(cache.find("first ES256", "ES256")) for _ in range(2))
    await provider.requested.wait()
    first.cancel()
    provider.may_respond.set()

    assert (await second).key_id == "first ES256"
    assert provider.fetches == 1


async def nobody_fetches() -> None:
    fetching = [task for task in asyncio.all_tasks() if task.get_name() == FETCHING]
    await asyncio.gather(*fetching)


async def settled() -> None:
    """Let everybody go as far as they can without the network or the clock."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_flood_of_unknown_keys_makes_one_fetch_in_five_seconds(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    begun = provider.fetches

    flood: list[asyncio.Task[SigningKey]] = []
    for second in range(60):
        clock.now += 1
        flood += [asyncio.create_task(cache.find(f"unknown {second} {each}", "ES256")) for each in range(3)]
        await settled()
        await nobody_fetches()
    clock.now += 5
    refused = await asyncio.gather(*flood, return_exceptions=True)

    assert {type(each) for each in refused} == {Unauthenticated}
    assert provider.fetches - begun == 60 / 5 + 1


@pytest.mark.parametrize("strangers", [1, 50, 2_000], ids=["one", "fifty", "more than may wait"])
async def test_strangers_do_not_keep_a_new_key_out_for_more_than_five_seconds(
    cache: KeyCache, provider: Provider, clock: Clock, strangers: int
):
    await cache.find("first ES256", "ES256")
    clock.now += 1
    await outcomes(cache, "unknown", 1)
    provider.keys.append(jwk("ES256", "second"))
    clock.now += 0.001
    flood = [asyncio.create_task(cache.find(f"unknown {each}", "ES256")) for each in range(strangers)]
    await clock.has_sleeper.wait()

    (found,) = await in_five_seconds(outcomes(cache, "second ES256", 1), clock)
    refused = await asyncio.gather(*flood, return_exceptions=True)
    if isinstance(found, ServerBusy):
        # Told to come again, and not that the token is worth nothing.
        found = await cache.find("second ES256", "ES256")

    assert isinstance(found, SigningKey)
    assert {type(each) for each in refused} <= {Unauthenticated, ServerBusy}
    assert sum(isinstance(each, ServerBusy) for each in refused) == max(0, strangers - 1_000)


async def in_five_seconds(outcome: Coroutine[Any, Any, Any], clock: Clock) -> Any:
    """What is found when five seconds pass meanwhile, and nobody asks for anything else."""
    asked = asyncio.create_task(outcome)
    await settled()
    clock.now += 5
    async with asyncio.timeout(SOON):
        return await asked


async def test_no_token_is_refused_by_keys_that_were_fetched_before_it_came(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    clock.now += 1
    await outcomes(cache, "unknown", 1)
    clock.now += 1
    early = asyncio.create_task(cache.find("second ES256", "ES256"))
    await clock.has_sleeper.wait()
    assert not early.done()

    # Published only now; what the issuer answers is as new as it can be.
    provider.keys.append(jwk("ES256", "second"))
    clock.now += 4

    assert (await early).key_id == "second ES256"


async def test_an_issuer_that_fails_once_keeps_a_new_key_out_for_no_longer(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    provider.keys.append(jwk("ES256", "second"))
    fail(provider)
    clock.now += 1
    assert isinstance((await outcomes(cache, "unknown", 1))[0], IssuerUnavailable)
    provider.response = None

    clock.now += 1
    assert isinstance((await outcomes(cache, "second ES256", 1))[0], IssuerUnavailable)
    clock.now += 4
    assert (await cache.find("second ES256", "ES256")).key_id == "second ES256"


@pytest.mark.parametrize(
    ("key_id", "algorithm"),
    [
        *(pytest.param("unknown", each, id=f"{each!r} is what no issuer signs with") for each in ("HS256", "none", "")),
        pytest.param("first ES256", "RS256", id="a known key is for another algorithm"),
        pytest.param(None, "ES256", id="several keys would do"),
    ],
)
async def test_what_no_newer_key_could_verify_is_refused_at_once(
    cache: KeyCache, provider: Provider, clock: Clock, key_id: str | None, algorithm: str
):
    provider.keys.append(jwk("ES256", "second"))
    await cache.find("first ES256", "ES256")
    clock.now += 1

    with pytest.raises(Unauthenticated):
        await cache.find(key_id, algorithm)

    assert provider.fetches == 1


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


async def test_a_dead_issuer_is_asked_once_in_five_seconds_whoever_comes(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    fail(provider)
    clock.now += 10 * MINUTE
    begun = provider.fetches

    for _ in range(60):
        clock.now += 1
        await outcomes(cache, "unknown", 3)
        await outcomes(cache, "first ES256", 3)

    # That of those who know a key, once a minute, is one of them or comes in between.
    assert 60 / 5 <= provider.fetches - begun <= 60 / 5 + 2


async def test_a_dead_issuer_is_asked_once_a_minute_by_those_whose_key_is_known(
    cache: KeyCache, provider: Provider, clock: Clock
):
    await cache.find("first ES256", "ES256")
    fail(provider)
    clock.now += 10 * MINUTE
    begun = provider.fetches

    for _ in range(10):
        clock.now += MINUTE / 2
        await outcomes(cache, "first ES256", 3)
        await nobody_fetches()

    assert provider.fetches - begun == 5


async def test_an_issuer_that_comes_back_is_forgiven(cache: KeyCache, provider: Provider, clock: Clock):
    fail(provider)
    with pytest.raises(IssuerUnavailable):
        await cache.find("first ES256", "ES256")

    # Not at once: whoever comes meanwhile need not wait for an answer that is known.
    with pytest.raises(IssuerUnavailable):
        await cache.find("first ES256", "ES256")
    assert provider.fetches == 1
    provider.response = None
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
    provider.may_respond.clear()
    cache = KeyCache(Issuer(provider.url).fetch_keys, clock=clock)
    cache.begin()
    await provider.requested.wait()
    assert FETCHING in names_of_tasks()

    await cache.close()
    provider.may_respond.set()

    assert not names_of_tasks() & {FETCHING, LOOKUP}


async def test_what_is_to_come_at_the_end_is_stopped(cache: KeyCache, clock: Clock):
    await cache.find("first ES256", "ES256")
    clock.now += 1
    await outcomes(cache, "unknown", 1)
    clock.now += 1
    waiting = asyncio.create_task(cache.find("another", "ES256"))
    await clock.has_sleeper.wait()
    assert LOOKUP in names_of_tasks()

    await cache.close()
    await asyncio.gather(waiting, return_exceptions=True)

    assert not names_of_tasks() & {FETCHING, LOOKUP}

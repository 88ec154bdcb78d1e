"""Keys over HTTP, from an identity provider on a real socket."""

import asyncio
import gzip
import socket
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from execution_monitor.auth import oidc as issuer_module
from execution_monitor.auth.keys import KeysUnusable
from execution_monitor.auth.oidc import Issuer
from tests.support.identity_provider import Provider, running_provider


@pytest.fixture
async def provider() -> AsyncGenerator[Provider]:
    async with running_provider("ES256", "EdDSA") as provider:
        yield provider


async def test_keys_are_fetched_from_a_key_set(provider: Provider):
    keys = await Issuer(key_set_url=provider.key_set_url).fetch_keys()

    assert [key.key_id for key in keys] == ["first ES256", "first EdDSA"]


async def test_keys_are_found_by_discovery(provider: Provider):
    keys = await Issuer(provider.url).fetch_keys()

    assert [key.key_id for key in keys] == ["first ES256", "first EdDSA"]


async def test_an_issuer_may_end_with_a_slash(provider: Provider):
    provider.discovery = {"issuer": f"{provider.url}/"}

    assert len(await Issuer(f"{provider.url}/").fetch_keys()) == 2


@pytest.mark.parametrize(
    ("discovery", "sentence"),
    [
        ({"issuer": "https://other.example"}, "names another issuer"),
        ({"issuer": None}, "names another issuer"),
        ({"jwks_uri": None}, "no key set at an https address"),
        ({"jwks_uri": "http://issuer.example/keys"}, "no key set at an https address"),
        ({"jwks_uri": "file:///etc/passwd"}, "no key set at an https address"),
    ],
    ids=["of another issuer", "of no issuer", "without a key set", "a key set over plain HTTP", "a file"],
)
async def test_a_discovery_document_with_an_untrusted_address_is_refused(
    provider: Provider, discovery: dict[str, Any], sentence: str
):
    provider.discovery = discovery

    with pytest.raises(KeysUnusable, match=sentence):
        await Issuer(provider.url).fetch_keys()
    assert provider.fetches == 0


async def _drip() -> AsyncGenerator[bytes]:
    yield b"{"
    await asyncio.Event().wait()


async def _pour() -> AsyncGenerator[bytes]:
    for _ in range(5):
        yield b" " * 65_536


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda: JSONResponse({}, 500), "answers with status 500"),
        (lambda: RedirectResponse("https://other.example/keys"), "answers with status 307"),
        (lambda: Response("<html>"), "is not JSON"),
        (lambda: Response("[" * 5_000), "is not JSON"),
        (lambda: JSONResponse({"keys": []}), "no key that could verify"),
        (lambda: StreamingResponse(_pour()), "more than 262,144 bytes"),
        (lambda: Response(gzip.compress(b"{}"), headers={"Content-Encoding": "gzip"}), "is not JSON"),
    ],
    ids=["an error", "a redirect", "a page", "nested deeply", "no keys", "without end", "compressed"],
)
async def test_an_unusable_response_is_reported_without_an_address(provider: Provider, answer: Any, sentence: str):
    provider.response = answer

    with pytest.raises(KeysUnusable, match=sentence) as raised:
        await Issuer(key_set_url=provider.key_set_url).fetch_keys()
    assert "127.0.0.1" not in str(raised.value)


async def test_an_issuer_that_does_not_listen_cannot_be_reached():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        closed_port = bound.getsockname()[1]

        with pytest.raises(KeysUnusable, match="cannot be reached"):
            await Issuer(key_set_url=f"http://127.0.0.1:{closed_port}/keys").fetch_keys()


async def test_a_fetch_from_an_issuer_that_never_finishes_times_out(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(issuer_module, "TIMEOUT_SECONDS", 0.2)
    provider.response = lambda: StreamingResponse(_drip())

    with pytest.raises(KeysUnusable, match="does not answer"):
        await Issuer(key_set_url=provider.key_set_url).fetch_keys()

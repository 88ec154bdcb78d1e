"""Fetch the public keys of an identity provider over HTTP, from its key set or by OpenID Connect discovery."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import httpx2
import orjson

from execution_monitor.auth.keys import KeysUnusable, SigningKey, read_key_set
from execution_monitor.auth.trusted_urls import is_https_or_loopback

# Large providers publish 5 to 20 keys, in 2 to 30 kB with certificates.
_MAX_BYTES = 262_144
# For a whole exchange, so that an issuer which sends a byte a second holds no request up.
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer of tokens; its keys are at `key_set_url`, else where its discovery document says."""

    name: str | None = None
    key_set_url: str | None = None

    async def fetch_keys(self) -> tuple[SigningKey, ...]:
        """The keys that are published now; raises `KeysUnusable`."""
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
                url = self.key_set_url or await self._discover(client)
                return read_key_set(await _fetch_json(client, url))
        except TimeoutError as error:
            raise KeysUnusable("it does not answer") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise KeysUnusable("it cannot be reached") from error

    async def _discover(self, client: httpx2.AsyncClient) -> str:
        url = (await discover(client, self.name or "")).get("jwks_uri")
        if not isinstance(url, str) or not is_https_or_loopback(url):
            raise KeysUnusable("its discovery document names no key set at an https address")
        return url


async def discover(client: httpx2.AsyncClient, name: str) -> Mapping[str, Any]:
    """The discovery document of the issuer `name` (OpenID Connect Discovery 1.0, sections 4 and 4.3).

    Raises `KeysUnusable`, or what httpx2 raises.
    """
    document = await _fetch_json(client, f"{name.rstrip('/')}/.well-known/openid-configuration")
    metadata = cast("Mapping[str, Any]", document if isinstance(document, dict) else {})
    if metadata.get("issuer") != name:
        raise KeysUnusable("its discovery document names another issuer than EXECUTION_MONITOR_ISSUER")
    return metadata


async def _fetch_json(client: httpx2.AsyncClient, url: str) -> Any:
    # Redirects are not followed: their targets were not configured.
    # Nothing is decompressed: a small response could become a large one.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code != HTTPStatus.OK:
            raise KeysUnusable(f"it answers with status {response.status_code}")
        return await read_json(response)


async def read_json(response: httpx2.Response) -> Any:
    """The JSON body of an issuer's `response`; raises `KeysUnusable` for anything else, or for too much."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise KeysUnusable(f"it answers with more than {_MAX_BYTES:,} bytes")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise KeysUnusable("what it answers is not JSON") from error

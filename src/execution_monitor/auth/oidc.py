"""The public keys of an identity provider, fetched over HTTP: from its key set, or found by OIDC discovery."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
import orjson

from execution_monitor.auth.keys import KeysUnusable, SigningKey, read_key_set

# Large providers publish 5 to 20 keys, in 2 to 30 kB with certificates.
_MAX_BYTES = 262_144
# For everything, so that an issuer that sends a byte a second holds nobody up.
PATIENCE_SECONDS = 5.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Issuer:
    """Where the keys are: at `key_set_url`, else where the discovery document of `name` says."""

    name: str | None = None
    key_set_url: str | None = None

    async def fetch_keys(self) -> tuple[SigningKey, ...]:
        """The keys that are published now; raises `KeysUnusable`."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), httpx2.AsyncClient(timeout=PATIENCE_SECONDS) as client:
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
    """What the issuer `name` tells of itself (OpenID Connect Discovery 1.0, sections 4 and 4.3).

    Raises `KeysUnusable`, or what httpx2 does.
    """
    document = await _fetch_json(client, f"{name.rstrip('/')}/.well-known/openid-configuration")
    stated = cast("Mapping[str, Any]", document if isinstance(document, dict) else {})
    if stated.get("issuer") != name:
        raise KeysUnusable("its discovery document names another issuer than EXECUTION_MONITOR_ISSUER")
    return stated


def is_https_or_loopback(url: str) -> bool:
    """Whether whoever listens in between cannot change what `url` answers: https, or this machine."""
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        )
    except ValueError:
        return False


async def _fetch_json(client: httpx2.AsyncClient, url: str) -> Any:
    # Redirects are not followed: where they lead is not what was configured.
    # Nor is anything decompressed: a small answer could become a large one.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code != HTTPStatus.OK:
            raise KeysUnusable(f"it answers with status {response.status_code}")
        return await read_json(response)


async def read_json(response: httpx2.Response) -> Any:
    """The JSON that an issuer streams as `response`; raises `KeysUnusable` for anything else."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise KeysUnusable(f"it answers with more than {_MAX_BYTES:,} bytes")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise KeysUnusable("what it answers is not JSON") from error

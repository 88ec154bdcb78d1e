"""Signing in at an issuer: the authorization code flow with PKCE, of a public client (RFC 6749, RFC 7636, RFC 9207).

The token is fetched here and not by the page, whose policy then needs no other host than this server.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import httpx2

from execution_monitor.auth.keys import KeysUnusable
from execution_monitor.auth.oidc import PATIENCE_SECONDS, discover, is_https_or_loopback, read_json
from execution_monitor.errors import IssuerUnavailable, Unauthenticated

# RFC 6749, section 5.2, names a handful; what else an issuer says is not repeated.
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")
# A JWT, which is what this server verifies; some issuers' access tokens are none.
_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """Where a browser is sent to sign in, and whether what it comes back with always names the issuer (RFC 9207)."""

    endpoint: str
    sends_iss: bool


@dataclass(frozen=True, slots=True)
class AuthorizationCodeFlow:
    """The client `client_id` at `issuer`."""

    issuer: str
    client_id: str

    async def find_authorization_server(self) -> AuthorizationServer:
        """Where people sign in; raises `IssuerUnavailable`."""
        async with _asking() as client:
            metadata = await discover(client, self.issuer)
            return AuthorizationServer(_endpoint_in(metadata, "authorization_endpoint"), _names_itself(metadata))

    async def redeem(self, code: str, verifier: str, redirect_uri: str, named_issuer: str | None = None) -> str:
        """The token that `code` stands for, which came back with `named_issuer` as its `iss`.

        Raises `Unauthenticated` when another issuer made the code or ours gives no token for it, `IssuerUnavailable`
        when it cannot be asked.
        """
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
        }
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with _asking() as client:
            metadata = await discover(client, self.issuer)
            # Before the code goes anywhere: where another made it, ours may be the attacker (RFC 9207, section 1).
            self._require_ours(named_issuer, metadata)
            url = _endpoint_in(metadata, "token_endpoint")
            async with client.stream("POST", url, data=form, headers=headers) as response:
                answer = await read_json(response)
        stated = cast("Mapping[str, Any]", answer if isinstance(answer, dict) else {})
        if response.status_code != HTTPStatus.OK:
            raise Unauthenticated(f"The issuer did not sign you in ({_reason(stated)}); try again.")
        tokens = [stated.get("access_token"), stated.get("id_token")]
        for token in tokens:
            if isinstance(token, str) and _JWT.fullmatch(token):
                return token
        raise Unauthenticated("The issuer signed you in, but with no token that this server can read (a JWT).")

    def _require_ours(self, named_issuer: str | None, metadata: Mapping[str, Any]) -> None:
        # Compared as it is, without any normalisation (RFC 9207, section 2.4).
        if named_issuer is None and _names_itself(metadata):
            raise Unauthenticated("What you came back with does not say which issuer it is from; sign in again.")
        if named_issuer not in (None, self.issuer):
            raise Unauthenticated("What you came back with is from another issuer than this server's; sign in again.")


def _names_itself(metadata: Mapping[str, Any]) -> bool:
    return metadata.get("authorization_response_iss_parameter_supported") is True


def _endpoint_in(metadata: Mapping[str, Any], name: str) -> str:
    url = metadata.get(name)
    if not isinstance(url, str) or not is_https_or_loopback(url):
        raise KeysUnusable(f"its discovery document names no {name} at an https address")
    return url


@contextlib.asynccontextmanager
async def _asking() -> AsyncGenerator[httpx2.AsyncClient]:
    """A client for one conversation; whatever goes wrong with it is an `IssuerUnavailable`."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), httpx2.AsyncClient(timeout=PATIENCE_SECONDS) as client:
            yield client
    except KeysUnusable as error:
        raise IssuerUnavailable(f"The issuer cannot sign you in now: {error}.") from error
    except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise IssuerUnavailable("The issuer cannot sign you in now: it cannot be reached.") from error


def _reason(stated: Mapping[str, Any]) -> str:
    error = stated.get("error")
    return error if isinstance(error, str) and _ERROR_CODE.fullmatch(error) else "it gave no reason"

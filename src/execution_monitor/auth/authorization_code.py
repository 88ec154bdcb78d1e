"""The OAuth authorization code flow with PKCE, as a public client of an issuer (RFC 6749, RFC 7636, RFC 9207).

The server fetches the token, and not the page, so that the page's content security policy allows this server alone.
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
from execution_monitor.auth.oidc import TIMEOUT_SECONDS, discover, read_json
from execution_monitor.auth.trusted_urls import is_https_or_loopback
from execution_monitor.errors import IssuerUnavailable, Unauthenticated

# RFC 6749, section 5.2, defines a handful; other text of an issuer is not shown.
_ERROR_CODE = re.compile(r"[a-z_]{1,40}")
# A JWT, which is what this server verifies; the access tokens of some issuers are opaque.
_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """Where a browser signs in, and whether its responses always carry `iss`, the issuer (RFC 9207)."""

    endpoint: str
    sends_iss: bool


@dataclass(frozen=True, slots=True)
class AuthorizationCodeFlow:
    """The flow of the client `client_id` at `issuer`."""

    issuer: str
    client_id: str

    async def find_authorization_server(self) -> AuthorizationServer:
        """The endpoint where people sign in; raises `IssuerUnavailable`."""
        async with _issuer_client() as client:
            metadata = await discover(client, self.issuer)
            return AuthorizationServer(_endpoint_in(metadata, "authorization_endpoint"), _sends_iss(metadata))

    async def redeem(self, code: str, verifier: str, redirect_uri: str, iss: str | None = None) -> str:
        """Exchange `code` for a token; `iss` is the parameter that came back with the code.

        Raises:
            Unauthenticated: another issuer made the code, or the issuer gives no token for it.
            IssuerUnavailable: the issuer cannot be reached, or its discovery document is unusable.
        """
        form = {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect_uri,
        }
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with _issuer_client() as client:
            metadata = await discover(client, self.issuer)
            # Before the code is sent: if another issuer made it, ours may be the attacker (RFC 9207, section 1).
            self._require_our_issuer(iss, metadata)
            url = _endpoint_in(metadata, "token_endpoint")
            async with client.stream("POST", url, data=form, headers=headers) as response:
                body = await read_json(response)
        fields = cast("Mapping[str, Any]", body if isinstance(body, dict) else {})
        if response.status_code != HTTPStatus.OK:
            raise Unauthenticated(f"The issuer did not sign you in ({_reason(fields)}); try again.")
        tokens = [fields.get("access_token"), fields.get("id_token")]
        for token in tokens:
            if isinstance(token, str) and _JWT.fullmatch(token):
                return token
        raise Unauthenticated("The issuer signed you in, but with no token that this server can read (a JWT).")

    def _require_our_issuer(self, iss: str | None, metadata: Mapping[str, Any]) -> None:
        # Compared as it is, without normalisation (RFC 9207, section 2.4).
        if iss is None and _sends_iss(metadata):
            raise Unauthenticated("The issuer's response does not name the issuer; sign in again.")
        if iss not in (None, self.issuer):
            raise Unauthenticated("The response is from another issuer than this server's; sign in again.")


def _sends_iss(metadata: Mapping[str, Any]) -> bool:
    return metadata.get("authorization_response_iss_parameter_supported") is True


def _endpoint_in(metadata: Mapping[str, Any], name: str) -> str:
    url = metadata.get(name)
    if not isinstance(url, str) or not is_https_or_loopback(url):
        raise KeysUnusable(f"its discovery document names no {name} at an https address")
    return url


@contextlib.asynccontextmanager
async def _issuer_client() -> AsyncGenerator[httpx2.AsyncClient]:
    """An HTTP client for one exchange; every failure of it is raised as `IssuerUnavailable`."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS), httpx2.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            yield client
    except KeysUnusable as error:
        raise IssuerUnavailable(f"The issuer cannot sign you in now: {error}.") from error
    except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise IssuerUnavailable("The issuer cannot sign you in now: it cannot be reached.") from error


def _reason(fields: Mapping[str, Any]) -> str:
    error = fields.get("error")
    return error if isinstance(error, str) and _ERROR_CODE.fullmatch(error) else "it gave no reason"

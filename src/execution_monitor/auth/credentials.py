"""The credential of a request: a bearer token (RFC 6750), or an access key as one or in the header `x-api-key`."""

from collections.abc import Mapping

from execution_monitor.auth.access_key_text import PREFIX
from execution_monitor.errors import Unauthenticated

AUTHORIZATION, API_KEY = "authorization", "x-api-key"


def has_credential(headers: Mapping[str, str]) -> bool:
    """Whether a request with `headers` brings a token or a key, valid or not."""
    return AUTHORIZATION in headers or API_KEY in headers


def credential_in(headers: Mapping[str, str]) -> str:
    """The token or key of a request with `headers`; a bearer token counts where both headers have one.

    Raises:
        Unauthenticated: there is none.
    """
    scheme, _, token = headers.get(AUTHORIZATION, "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    key = headers.get(API_KEY, "").strip()
    if not key:
        raise Unauthenticated("Send a token in the header Authorization: Bearer <token>, or an access key.")
    if not is_access_key(key):
        raise Unauthenticated(
            "The header x-api-key takes an access key; send a token as Authorization: Bearer <token>."
        )
    return key


def is_access_key(credential: str) -> bool:
    """Whether `credential` is meant as an access key; no token begins like one."""
    return credential.startswith(PREFIX)

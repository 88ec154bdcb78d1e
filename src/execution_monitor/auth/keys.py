"""Keys that tokens are verified with: one shared secret, or the public keys of an issuer; never both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import jwt
from jwt.algorithms import RSAAlgorithm, get_default_algorithms

from execution_monitor.errors import Unauthenticated

HS256 = "HS256"

# NIST SP 800-131A; and a signature of 16,384 bits takes milliseconds to check, for whoever sends one.
_RSA_BITS = range(2_048, 8_192 + 1)
# Each algorithm goes with one type of key and, of elliptic curves, with one curve (RFC 7518, section 3.1; RFC 8037).
_ALGORITHMS = {
    ("RSA", None): frozenset({"RS256", "RS384", "RS512", "PS256"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}
# The public members alone: an issuer that publishes a private key by mistake must not have it in our memory.
_MEMBERS = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}
ASYMMETRIC = frozenset[str]().union(*_ALGORITHMS.values())


class KeysUnusable(Exception):
    """Keys could not be had; the message continues "The issuer's keys cannot be fetched: " and names no address."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key, what it is called, and the algorithms it may be used with."""

    key_id: str | None
    algorithms: frozenset[str]
    key: Any

    def fits(self, key_id: str | None, algorithm: str) -> bool:
        """Whether a token that names `key_id`, or none, and `algorithm` may be signed with it."""
        return algorithm in self.algorithms and key_id in (None, self.key_id)


class Keys(Protocol):
    """Where the key of a token comes from."""

    async def find(self, key_id: str | None, algorithm: str) -> SigningKey:
        """The key that a token names; raises `Unauthenticated`, or `IssuerUnavailable` when that cannot be known."""
        ...


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The one key of HS256 tokens, whatever they call it."""

    secret: str

    async def find(self, key_id: str | None, algorithm: str) -> SigningKey:  # noqa: ARG002 - the protocol's
        """The secret; raises `Unauthenticated` for any algorithm but HS256."""
        if algorithm != HS256:
            raise unknown_key()
        return SigningKey(None, frozenset({HS256}), self.secret)


def read_key_set(stated: Any) -> tuple[SigningKey, ...]:
    """The keys of a JSON Web Key Set (RFC 7517) that may verify tokens; raises `KeysUnusable` when it has none.

    Left out are keys of other types and curves, for encryption, for other algorithms than ours, and short ones.
    """
    listed = cast("Mapping[str, Any]", stated).get("keys") if isinstance(stated, dict) else None
    if not isinstance(listed, list):
        raise KeysUnusable("what it answers is no key set")
    keys = [key for each in cast("list[Any]", listed) if (key := _read_key(each)) is not None]
    if not keys:
        raise KeysUnusable("its key set has no key that could verify a token")
    return tuple(keys)


def choose(keys: Sequence[SigningKey], key_id: str | None, algorithm: str) -> SigningKey | None:
    """The one of `keys` that fits; None when none does, or several do and the token does not say which it means."""
    fitting = [key for key in keys if key.fits(key_id, algorithm)]
    return fitting[0] if len(fitting) == 1 or (fitting and key_id is not None) else None


def is_known(keys: Sequence[SigningKey], key_id: str | None, algorithm: str) -> bool:
    """Whether `keys` have what a token names, though none to `choose`: one for other algorithms, or several without id.

    Keys that are published later change nothing about such a token.
    """
    if key_id is None:
        return any(algorithm in key.algorithms for key in keys)
    return any(key.key_id == key_id for key in keys)


def unknown_key() -> Unauthenticated:
    """Why a token without a known key is refused: in the words of any other token that is not ours."""
    return Unauthenticated("Your token is not valid; get a new one.")


def _read_key(stated: Any) -> SigningKey | None:
    if not isinstance(stated, dict):
        return None
    jwk = cast("dict[str, Any]", stated)
    kty, key_id = jwk.get("kty"), jwk.get("kid")
    curve = jwk.get("crv") if kty != "RSA" else None
    if not (isinstance(kty, str) and isinstance(curve, str | None) and isinstance(key_id, str | None)):
        return None
    algorithms = _ALGORITHMS.get((kty, curve), frozenset())
    if "alg" in jwk:
        algorithms = frozenset(each for each in algorithms if each == jwk["alg"])
    if not algorithms or not _verifies(jwk):
        return None
    try:
        algorithm: Any = get_default_algorithms()[min(algorithms)]
        key = algorithm.from_jwk({name: jwk[name] for name in _MEMBERS[kty]})
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError):
        return None
    if isinstance(algorithm, RSAAlgorithm) and key.key_size not in _RSA_BITS:
        return None
    return SigningKey(key_id, algorithms, key)


def _verifies(jwk: Mapping[str, Any]) -> bool:
    """Whether a key is meant for signatures; either of two members may say so (RFC 7517, sections 4.2 and 4.3)."""
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations

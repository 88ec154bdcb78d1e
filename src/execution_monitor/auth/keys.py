"""Keys that verify tokens: one shared secret, or the public keys of an issuer (JSON Web Key Sets); never both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import jwt
from jwt.algorithms import RSAAlgorithm, get_default_algorithms

from execution_monitor.errors import Unauthenticated

HS256 = "HS256"

# The lower bound is that of NIST SP 800-131A. A signature of 16,384 bits takes milliseconds to verify, for anyone who
# sends one.
_RSA_BITS = range(2_048, 8_192 + 1)
# Each algorithm has one type of key and, for elliptic curves, one curve (RFC 7518, section 3.1; RFC 8037).
_ALGORITHMS = {
    ("RSA", None): frozenset({"RS256", "RS384", "RS512", "PS256"}),
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
}
# Only the public members: a private key that an issuer publishes by mistake must not get into our memory.
_MEMBERS = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}
ASYMMETRIC = frozenset[str]().union(*_ALGORITHMS.values())


class KeysUnusable(Exception):
    """Keys could not be fetched; the message continues "The issuer's keys cannot be fetched: " and names no address."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key with its id and the algorithms it may be used with."""

    key_id: str | None
    algorithms: frozenset[str]
    key: Any

    def fits(self, key_id: str | None, algorithm: str) -> bool:
        """Whether it may verify a token with this `algorithm` and `key_id`, if any."""
        return algorithm in self.algorithms and key_id in (None, self.key_id)


class Keys(Protocol):
    """Finds the key of a token."""

    async def find(self, key_id: str | None, algorithm: str) -> SigningKey:
        """The key that a token names; raises `Unauthenticated`, or `IssuerUnavailable` when keys cannot be fetched."""
        ...


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The one key of HS256 tokens; their key ids are ignored."""

    secret: str

    async def find(self, key_id: str | None, algorithm: str) -> SigningKey:  # noqa: ARG002 - the protocol's
        """The secret; raises `Unauthenticated` for any algorithm but HS256."""
        if algorithm != HS256:
            raise unknown_key()
        return SigningKey(None, frozenset({HS256}), self.secret)


def read_key_set(document: Any) -> tuple[SigningKey, ...]:
    """The usable keys of a JSON Web Key Set (RFC 7517); raises `KeysUnusable` when it has none.

    Skipped are keys of other types, curves and algorithms than ours, keys for encryption, and short ones.
    """
    listed = cast("Mapping[str, Any]", document).get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise KeysUnusable("what it answers is no key set")
    keys = [key for each in cast("list[Any]", listed) if (key := _read_key(each)) is not None]
    if not keys:
        raise KeysUnusable("its key set has no key that could verify a token")
    return tuple(keys)


def choose(keys: Sequence[SigningKey], key_id: str | None, algorithm: str) -> SigningKey | None:
    """The one of `keys` that fits; None when none does, or several do and the token has no key id."""
    fitting = [key for key in keys if key.fits(key_id, algorithm)]
    return fitting[0] if len(fitting) == 1 or (fitting and key_id is not None) else None


def is_known(keys: Sequence[SigningKey], key_id: str | None, algorithm: str) -> bool:
    """Whether a newer key set cannot help a token: its key is for other algorithms, or several fit and it has no id."""
    if key_id is None:
        return any(algorithm in key.algorithms for key in keys)
    return any(key.key_id == key_id for key in keys)


def unknown_key() -> Unauthenticated:
    """The error for a token without a known key, in the same words as for any other invalid token."""
    return Unauthenticated("Your token is not valid; get a new one.")


def _read_key(entry: Any) -> SigningKey | None:
    if not isinstance(entry, dict):
        return None
    jwk = cast("dict[str, Any]", entry)
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
    """Whether a key is for signatures, by `use` and `key_ops` (RFC 7517, sections 4.2 and 4.3)."""
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations

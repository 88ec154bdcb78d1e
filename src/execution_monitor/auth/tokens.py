"""Verify and issue bearer tokens: JSON Web Tokens (RFC 7519) and the callers they name."""

import hashlib
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from execution_monitor.auth.caller import LEEWAY, Caller, Scope
from execution_monitor.auth.claims import ClaimReader
from execution_monitor.auth.credentials import credential_in
from execution_monitor.auth.keys import HS256, Keys, SigningKey
from execution_monitor.errors import Unauthenticated
from execution_monitor.lru_cache import LruCache

# Returns the caller of a request with these headers; raises what `Authenticator.authenticate` does.
Authenticate = Callable[[Mapping[str, str]], Awaitable[Caller]]

# Real tokens have 1 to 3 kB; most HTTP servers refuse headers of more than 8 to 16 kB.
_MAX_TOKEN_LENGTH = 8_192
# An algorithm, a type and a key id take 150 characters.
_MAX_HEADER_LENGTH = 2_048
# Verifying one costs a tenth of a list request; a cached caller takes half a kilobyte.
_CACHED_TOKENS = 4_096
DEVELOPMENT_CLAIM = "dev"
# JSON can hold numbers of any size and nest to any depth; Python can not.
_MALFORMED = (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError)


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What tokens must claim, beside who their subject is.

    Attributes:
        issuer: the expected `iss`; None for any.
        audience: the expected `aud`; None for any.
        max_lifetime: from `iat`, or from now for a token without it, to `exp`.
        accepts_development: whether tokens of development servers are accepted.
    """

    issuer: str | None = None
    audience: str | None = None
    max_lifetime: timedelta = timedelta(days=1)
    accepts_development: bool = False


@dataclass(frozen=True, slots=True)
class _Verified:
    """A verified token: its caller, and the key that verified it."""

    algorithm: str
    key_id: str | None
    key: SigningKey
    caller: Caller


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Verifies tokens and caches their callers, so that a token which comes again is not verified twice."""

    keys: Keys
    rules: TokenRules = TokenRules()
    reader: ClaimReader = ClaimReader()  # noqa: RUF009 - a value
    _cache: LruCache[_Verified] = field(
        default_factory=lambda: LruCache(_CACHED_TOKENS), init=False, repr=False, compare=False
    )

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """The caller of a request with `Authorization: Bearer ...` (RFC 6750); raises what `verify` raises."""
        return await self.verify(credential_in(headers))

    async def verify(self, token: str) -> Caller:
        """The caller that `token` names.

        Raises:
            Unauthenticated: it is not valid now; the message says what to do.
            IssuerUnavailable: the issuer's keys cannot be fetched.
        """
        if len(token) > _MAX_TOKEN_LENGTH:
            raise Unauthenticated(f"Your token is longer than {_MAX_TOKEN_LENGTH:,} characters; ask for a smaller one.")
        # Not the token itself: a dump of our memory holds none that could be sent.
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        known = self._cache.get(digest)
        # A key that the issuer has withdrawn verifies nothing any more.
        if (
            known is not None
            and _is_valid_now(known.caller)
            and known.key == await self.keys.find(known.key_id, known.algorithm)
        ):
            return known.caller
        verified = await self._verify(token)
        self._cache.put(digest, verified)
        return verified.caller

    async def _verify(self, token: str) -> _Verified:
        try:
            algorithm, key_id = _read_header(token)
        except _MALFORMED as error:
            raise _invalid() from error
        key = await self.keys.find(key_id, algorithm)
        try:
            claims = self._decode(token, key, algorithm)
            self._refuse_others(claims)
            caller = self.reader.read(claims)
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("Your token has expired; get a new one.") from error
        except jwt.InvalidAudienceError as error:
            raise Unauthenticated("Your token is for another server; get one whose aud names this one.") from error
        except _MALFORMED as error:
            raise _invalid() from error
        return _Verified(algorithm, key_id, key, caller)

    def _decode(self, token: str, key: SigningKey, algorithm: str) -> dict[str, Any]:
        rules = self.rules
        return jwt.decode(  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's
            token,
            key.key,
            # The algorithms of this key, not any that the token names.
            algorithms=[each for each in key.algorithms if each == algorithm],
            leeway=LEEWAY,
            issuer=rules.issuer,
            audience=rules.audience,
            options={"require": ["exp", "sub"], "verify_aud": rules.audience is not None},
        )

    def _refuse_others(self, claims: Mapping[str, Any]) -> None:
        begins = int(claims["iat"]) if "iat" in claims else int(time.time())
        if int(claims["exp"]) - begins > self.rules.max_lifetime.total_seconds():
            raise Unauthenticated(f"Your token lives longer than {_hours(self.rules.max_lifetime)}; get a shorter one.")
        if claims.get(DEVELOPMENT_CLAIM, False) is not False and not self.rules.accepts_development:
            raise Unauthenticated("Your token is of a development server; get one of this server's own.")


def _is_valid_now(caller: Caller) -> bool:
    return caller.valid_until is not None and datetime.now(UTC) < caller.valid_until


def _read_header(token: str) -> tuple[str, str | None]:
    """The algorithm and the key id that `token` names, not verified yet."""
    if len(token.partition(".")[0]) > _MAX_HEADER_LENGTH:
        raise ValueError("a header that is too long")
    header = jwt.get_unverified_header(token)
    # A critical extension must be understood (RFC 7515, section 4.1.11), and none is here.
    if "crit" in header or not isinstance(header.get("alg"), str):
        raise ValueError("a critical extension, or no algorithm")
    return header["alg"], header.get("kid")


def _invalid() -> Unauthenticated:
    return Unauthenticated("Your token is not valid; get a new one.")


def _hours(lifetime: timedelta) -> str:
    return f"{lifetime.total_seconds() / 3600:g} hours"


def issue_token(  # noqa: PLR0913 - the claims of a token
    secret: str,
    *,
    user: str,
    tenant: str,
    scopes: Iterable[str],
    lifetime: timedelta,
    roles: Iterable[str] = (),
    rules: TokenRules = TokenRules(),
) -> str:
    """A token for `user` of `tenant` that is valid for `lifetime` from now, for servers with this `secret` and `rules`.

    It carries `executions:read` and `scopes`; with `roles` and without scopes it carries the roles alone.
    """
    now = datetime.now(UTC)
    roles, scopes = list(roles), set(scopes)
    claims = {
        "sub": user,
        "tenant_id": tenant,
        "iat": now,
        "exp": now + lifetime,
        "jti": uuid.uuid4().hex,
        "iss": rules.issuer,
        "aud": rules.audience,
        DEVELOPMENT_CLAIM: rules.accepts_development or None,
        "roles": roles or None,
        "scope": " ".join(sorted({Scope.EXECUTIONS_READ.value, *scopes})) if scopes or not roles else None,
    }
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, secret, algorithm=HS256)  # pyright: ignore[reportUnknownMemberType] - likewise

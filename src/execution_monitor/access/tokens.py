"""Bearer tokens: JSON Web Tokens (RFC 7519) signed with HS256, read into a `Caller`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import jwt

from execution_monitor.access.caller import Caller, Scope
from execution_monitor.errors import Unauthenticated

_ALGORITHM = "HS256"
_LEEWAY = timedelta(seconds=30)
# Real tokens have 1 to 3 kB; HTTP servers refuse headers of more than 8 to 16.
_MAX_TOKEN_LENGTH = 8_192
_TENANT_CLAIMS = ("tenant_id", "tenant")


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Turns tokens signed with one secret into callers."""

    secret: str

    def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """Whoever sent `Authorization: Bearer ...` (RFC 6750); raises `Unauthenticated` with what to do."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send a token in the header Authorization: Bearer <token>.")
        return self.verify(token.strip())

    def verify(self, token: str) -> Caller:
        """The caller that `token` names; raises `Unauthenticated` when it is not valid now."""
        if len(token) > _MAX_TOKEN_LENGTH:
            raise Unauthenticated(f"Your token is longer than {_MAX_TOKEN_LENGTH:,} characters; ask for a smaller one.")
        try:
            claims = jwt.decode(  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's
                token,
                self.secret,
                algorithms=[_ALGORITHM],
                leeway=_LEEWAY,
                options={"require": ["exp", "sub"], "verify_aud": False},
            )
            return _caller_from(claims)
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("Your token has expired; get a new one.") from error
        # JSON spells numbers of any size and nests to any depth; Python does neither.
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError) as error:
            raise Unauthenticated("Your token is not valid; get a new one.") from error


def issue_token(secret: str, *, user: str, tenant: str, scopes: Iterable[str], lifetime: timedelta) -> str:
    """A token for `user` of `tenant` that is valid for `lifetime` from now."""
    now = datetime.now(UTC)
    claims = {
        "sub": user,
        "tenant_id": tenant,
        "scope": " ".join(sorted({Scope.EXECUTIONS_READ.value, *scopes})),
        "iat": now,
        "exp": now + lifetime,
    }
    return jwt.encode(claims, secret, algorithm=_ALGORITHM)  # pyright: ignore[reportUnknownMemberType] - likewise


def _caller_from(claims: Mapping[str, Any]) -> Caller:
    return Caller(
        subject=_required(claims, ("sub",)),
        tenant=_required(claims, _TENANT_CLAIMS),
        scopes=_scopes_in(claims),
        roles=tuple(_texts(claims.get("roles"))),
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
    )


def _required(claims: Mapping[str, Any], names: Iterable[str]) -> str:
    # The first that is stated decides: a claim that says nothing usable must not be overruled by a vaguer one.
    value = next((claims[name] for name in names if name in claims), None)
    # MongoDB keeps UTF-8: a lone surrogate, which JSON can spell, belongs to nobody.
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise Unauthenticated(f"Your token lacks the claim {' or '.join(names)}; get one that names it.")


def _scopes_in(claims: Mapping[str, Any]) -> frozenset[str]:
    """The scopes of RFC 8693's `scope`, spaces between them; whoever has none may read what is their own."""
    stated = claims.get("scope", claims.get("scopes"))
    scopes = frozenset(stated.split() if isinstance(stated, str) else _texts(stated))
    if not scopes or Scope.EXECUTIONS_READ_TENANT in scopes:
        return scopes | {Scope.EXECUTIONS_READ.value}
    return scopes


def _texts(value: Any) -> list[str]:
    return [each for each in cast("list[Any]", value) if isinstance(each, str)] if isinstance(value, list) else []

"""Bearer tokens: JSON Web Tokens (RFC 7519) signed with HS256, read into a `Caller`."""

import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from execution_monitor.access.caller import Caller, Scope
from execution_monitor.access.claims import ClaimReader
from execution_monitor.errors import Unauthenticated

# Whoever sent a request with these headers; raises `Unauthenticated`.
Authenticate = Callable[[Mapping[str, str]], Awaitable[Caller]]

_ALGORITHM = "HS256"
_LEEWAY = timedelta(seconds=30)
# Real tokens have 1 to 3 kB; HTTP servers refuse headers of more than 8 to 16.
_MAX_TOKEN_LENGTH = 8_192


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Turns tokens signed with one secret into callers."""

    secret: str
    reader: ClaimReader = ClaimReader()  # noqa: RUF009 - a value

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """Whoever sent `Authorization: Bearer ...` (RFC 6750); raises `Unauthenticated` with what to do."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send a token in the header Authorization: Bearer <token>.")
        return await self.verify(token.strip())

    async def verify(self, token: str) -> Caller:
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
            return self.reader.read(claims)
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("Your token has expired; get a new one.") from error
        # JSON spells numbers of any size and nests to any depth; Python does neither.
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, OSError, RecursionError) as error:
            raise Unauthenticated("Your token is not valid; get a new one.") from error


def issue_token(  # noqa: PLR0913 - the claims of a token
    secret: str, *, user: str, tenant: str, scopes: Iterable[str], lifetime: timedelta, roles: Iterable[str] = ()
) -> str:
    """A token for `user` of `tenant` that is valid for `lifetime` from now.

    It carries `scopes` and `executions:read`; with `roles` and no scopes, all that the roles stand for.
    """
    now = datetime.now(UTC)
    roles, scopes = list(roles), set(scopes)
    claims: dict[str, Any] = {
        "sub": user,
        "tenant_id": tenant,
        "iat": now,
        "exp": now + lifetime,
        "jti": uuid.uuid4().hex,
    }
    if roles:
        claims["roles"] = roles
    if scopes or not roles:
        claims["scope"] = " ".join(sorted({Scope.EXECUTIONS_READ.value, *scopes}))
    return jwt.encode(claims, secret, algorithm=_ALGORITHM)  # pyright: ignore[reportUnknownMemberType] - likewise

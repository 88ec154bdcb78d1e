"""Who may ask, as the settings say: where keys come from, and what tokens must state."""

from datetime import timedelta
from typing import Self

from pydantic import SecretStr

from execution_monitor.access.claims import ClaimNames, ClaimReader
from execution_monitor.access.issuer import Issuer
from execution_monitor.access.key_cache import KeyCache
from execution_monitor.access.keys import SharedSecret
from execution_monitor.access.tokens import TokenRules, TokenVerifier
from execution_monitor.errors import SetupError
from execution_monitor.settings import Settings


class Identity:
    """The verifier of one process; an async context manager, in which the issuer's keys are fetched and kept."""

    def __init__(self, settings: Settings) -> None:
        self._cache = (
            KeyCache(Issuer(settings.issuer, settings.jwks_url).fetch_keys) if settings.trusts_an_issuer else None
        )
        names = ClaimNames.named(tenant=settings.tenant_claim, roles=settings.roles_claim, scopes=settings.scopes_claim)
        keys = self._cache or SharedSecret(shared_secret(settings))
        self.authenticate = TokenVerifier(keys, token_rules(settings), ClaimReader(names, settings.roles)).authenticate
        # Whoever may make tokens may read cursors as well, not the other way round.
        self.cursor_secret = (settings.cursor_secret or SecretStr(shared_secret(settings))).get_secret_value().encode()

    async def __aenter__(self) -> Self:
        if self._cache is not None:
            self._cache.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._cache is not None:
            await self._cache.close()

    async def check(self) -> None:
        """Raise `IssuerUnavailable` while no token can be verified."""
        if self._cache is not None:
            await self._cache.check()

    @property
    def warnings(self) -> list[str]:
        """What is wrong while tokens can still be verified, a sentence each."""
        warning = self._cache and self._cache.warning
        return [warning] if warning else []


def token_rules(settings: Settings) -> TokenRules:
    """What tokens must state, and what those that are made here do state."""
    return TokenRules(
        issuer=settings.issuer,
        audience=settings.audience,
        longest=timedelta(seconds=settings.token_lifetime_seconds),
        accepts_development=settings.is_development,
    )


def shared_secret(settings: Settings) -> str:
    """The secret that signs tokens; raises `SetupError` where an issuer signs them, or nobody."""
    if settings.trusts_an_issuer:
        raise SetupError("Tokens come from the issuer that is configured; unset it to sign tokens here.")
    if settings.jwt_secret is None:
        raise SetupError("Set EXECUTION_MONITOR_JWT_SECRET, EXECUTION_MONITOR_ISSUER or EXECUTION_MONITOR_JWKS_URL.")
    return settings.jwt_secret.get_secret_value()

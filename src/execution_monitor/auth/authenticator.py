"""Who may ask, as the settings say: where keys come from, what tokens must state, and which are revoked."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Self

from pydantic import SecretStr

from execution_monitor.asgi.origin import proxies_in
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.claims import ClaimNames, ClaimReader
from execution_monitor.auth.key_cache import KeyCache
from execution_monitor.auth.keys import SharedSecret
from execution_monitor.auth.oidc import Issuer
from execution_monitor.auth.revocation_poller import RevocationPoller
from execution_monitor.auth.revocations import Revocations
from execution_monitor.auth.tokens import TokenRules, TokenVerifier
from execution_monitor.errors import SetupError
from execution_monitor.limits.streams import OpenStreams, StreamLimits
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.tasks import end_tasks


class Identity:
    """Who asks, as far as one process can tell; an async context manager, in which that is kept up to date."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._cache = (
            KeyCache(Issuer(settings.issuer, settings.jwks_url).fetch_keys) if settings.trusts_an_issuer else None
        )
        keys = self._cache or SharedSecret(shared_secret(settings))
        names = ClaimNames.named(tenant=settings.tenant_claim, roles=settings.roles_claim, scopes=settings.scopes_claim)
        reader = ClaimReader(names, settings.roles, roles_required=settings.roles_required)
        self._verifier = TokenVerifier(keys, token_rules(settings), reader)
        self._revocations = Revocations()
        self._watch = RevocationPoller(database, self._revocations)
        self._watching: asyncio.Task[None] | None = None
        limits = StreamLimits(settings.max_connections, settings.max_connections_address, settings.max_waiting_sockets)
        # Where every address is believed, none is known to be a proxy's.
        proxies = settings.forwarded_allow_ips if settings.forwarded_allow_ips != "*" else ""
        self.sessions = OpenStreams(self._revocations, limits, proxies_in(proxies))
        # Whoever may make tokens may read cursors as well, not the other way round.
        self.cursor_secret = (settings.cursor_secret or SecretStr(shared_secret(settings))).get_secret_value().encode()

    async def __aenter__(self) -> Self:
        if self._cache is not None:
            self._cache.begin()
        self._watching = asyncio.create_task(self._watch.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watching is not None:
            await end_tasks(self._watching)
        if self._cache is not None:
            await self._cache.close()

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """Whoever sent a request with these headers.

        Raises `Unauthenticated` for a token that is not valid or is revoked, `IssuerUnavailable` or
        `DatabaseUnavailable` when one of the two cannot be known.
        """
        caller = await self.recognise(headers)
        await self._watch.check()
        self._revocations.refuse(caller)
        return caller

    async def recognise(self, headers: Mapping[str, str]) -> Caller:
        """As `authenticate`, by the revocations that are known: for what must be answered while MongoDB is down."""
        caller = await self._verifier.authenticate(headers)
        self._revocations.refuse(caller)
        return caller

    async def check(self) -> None:
        """Raise what a request with a good token would be refused with."""
        if self._cache is not None:
            await self._cache.check()
        await self._watch.check()

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

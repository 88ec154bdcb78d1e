"""Authenticate requests: verify their tokens and access keys, refuse revoked ones, and keep revocations up to date."""

import asyncio
from collections.abc import Mapping
from typing import Self

from execution_monitor.auth.access_key_verifier import AccessKeyVerifier
from execution_monitor.auth.caller import Caller
from execution_monitor.auth.credentials import credential_in, is_access_key
from execution_monitor.auth.key_cache import KeyCache
from execution_monitor.auth.revocation_poller import RevocationPoller
from execution_monitor.auth.revocations import Revocations
from execution_monitor.auth.tokens import TokenVerifier
from execution_monitor.storage.database import Database
from execution_monitor.tasks import end_tasks


class Authenticator:
    """Finds the caller of a request; an async context manager that fetches keys and reads revocations meanwhile.

    `key_cache` holds the keys of `verifier` where an issuer publishes them.
    """

    def __init__(self, verifier: TokenVerifier, database: Database, key_cache: KeyCache | None = None) -> None:
        self.revocations = Revocations()
        self._verifier = verifier
        self._key_cache = key_cache
        self._access_keys = AccessKeyVerifier(database)
        self._poller = RevocationPoller(database, self.revocations)
        self._polling: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._key_cache is not None:
            self._key_cache.begin()
        self._polling = asyncio.create_task(self._poller.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._polling is not None:
            await end_tasks(self._polling)
        await self._access_keys.close()
        if self._key_cache is not None:
            await self._key_cache.close()

    async def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """The caller of a request with `headers`.

        Raises:
            Unauthenticated: there is no token or access key, or it is invalid or revoked.
            IssuerUnavailable: the issuer's keys cannot be fetched.
            DatabaseUnavailable: the revocations, or an access key, cannot be read.
            ServerBusy: too many access keys that do not exist are being sent.
        """
        caller = await self.authenticate_offline(headers)
        await self._poller.check()
        self.revocations.refuse(caller)
        return caller

    async def authenticate_offline(self, headers: Mapping[str, str]) -> Caller:
        """As `authenticate`, by the revocations in memory: for what must be served while MongoDB is down.

        Access keys are looked up as ever: none has a scope that such things need.
        """
        credential = credential_in(headers)
        if is_access_key(credential):
            caller = await self._access_keys.verify(credential)
        else:
            caller = await self._verifier.verify(credential)
        self.revocations.refuse(caller)
        return caller

    async def recheck(self, caller: Caller) -> None:
        """Raise `Unauthenticated` if the token of `caller` has been revoked, as the database says now.

        Raises:
            DatabaseUnavailable: the revocations cannot be read.
        """
        await self._poller.poll()
        self.revocations.refuse(caller)

    async def check(self) -> None:
        """Raise the error that a request with a valid token would get now."""
        if self._key_cache is not None:
            await self._key_cache.check()
        await self._poller.check()

    @property
    def warnings(self) -> list[str]:
        """What is wrong while tokens can still be verified, a sentence each."""
        warning = self._key_cache and self._key_cache.warning
        return [warning] if warning else []

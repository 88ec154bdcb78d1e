"""Revoke tokens and record who did it: what the command `revoke` does."""

from datetime import datetime, timedelta
from typing import NamedTuple

from execution_monitor.alerts.owned_rules import RULES
from execution_monitor.audit.events import AuditRow, describe_revocation
from execution_monitor.audit.writer import AuditWriter
from execution_monitor.auth.access_keys import revoke_keys_of
from execution_monitor.errors import AuditUnavailable, DatabaseUnavailable
from execution_monitor.storage.database import Database
from execution_monitor.storage.revocations import revoke
from execution_monitor.webhooks.owners import pause_all_of
from execution_monitor.webhooks.tenants import WEBHOOKS


class Revoked(NamedTuple):
    """What was revoked: since when by the database's time, how many access keys, and how much of the user is paused."""

    at: datetime
    keys: int = 0
    webhooks: int = 0
    rules: int = 0


async def revoke_and_record(  # noqa: PLR0913 - the options of the command
    database: Database,
    *,
    by: str | None,
    user: str | None = None,
    tenant: str | None = None,
    token_id: str | None = None,
    keep: timedelta,
) -> Revoked:
    """Revoke tokens for the time `keep`, and the access keys made by or for `user`; pause what `user` owns.

    The audit trail records who did it, unless `by` is None.

    Raises:
        AuditUnavailable: the tokens are revoked, but that could not be recorded.
    """
    # In this order: trouble with the trail must not keep a stolen token alive, and a token that makes a key meanwhile
    # is refused before the keys are looked for.
    at = await revoke(subject=user, tenant=tenant, token_id=token_id, keep=keep)
    revoked = Revoked(at)
    if user is not None:
        revoked = Revoked(
            at,
            await revoke_keys_of(database, user, tenant),
            await pause_all_of(database, WEBHOOKS, user, tenant),
            await pause_all_of(database, RULES, user, tenant),
        )
    if by is not None:
        row = describe_revocation(by=by, tenant=tenant, user=user, token_id=token_id)
        unrecorded = "The tokens are revoked, but the audit trail could not record that; run this again."
        await record(database, row, unrecorded)
    return revoked


async def record(database: Database, row: AuditRow, unrecorded: str) -> None:
    """Add `row` to the audit trail; raises `AuditUnavailable` with the sentence `unrecorded` when that fails."""
    try:
        refused = await AuditWriter(database).write([row])
    except DatabaseUnavailable as error:
        raise AuditUnavailable(unrecorded) from error
    if refused:
        raise AuditUnavailable(unrecorded)

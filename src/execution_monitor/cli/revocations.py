"""Revoke tokens and record who did it: what the command `revoke` does."""

from datetime import datetime, timedelta

from execution_monitor.audit.events import AuditRow, describe_revocation
from execution_monitor.audit.writer import AuditWriter
from execution_monitor.auth.access_keys import revoke_keys_of
from execution_monitor.errors import AuditUnavailable, DatabaseUnavailable
from execution_monitor.storage.database import Database
from execution_monitor.storage.revocations import revoke
from execution_monitor.webhooks.owners import pause_webhooks_of


async def revoke_and_record(  # noqa: PLR0913 - the options of the command
    database: Database,
    *,
    by: str | None,
    user: str | None = None,
    tenant: str | None = None,
    token_id: str | None = None,
    keep: timedelta,
) -> tuple[datetime, int, int]:
    """Revoke tokens for the time `keep`, and the access keys made by or for `user`; pause the webhooks of `user`.

    The audit trail records who did it, unless `by` is None.

    Returns:
        The database's time of the revocation, how many access keys are revoked, and how many webhooks are paused.

    Raises:
        AuditUnavailable: the tokens are revoked, but that could not be recorded.
    """
    # In this order: trouble with the trail must not keep a stolen token alive, and a token that makes a key meanwhile
    # is refused before the keys are looked for.
    at = await revoke(subject=user, tenant=tenant, token_id=token_id, keep=keep)
    keys = 0 if user is None else await revoke_keys_of(database, user, tenant)
    webhooks = 0 if user is None else await pause_webhooks_of(database, user, tenant)
    if by is not None:
        row = describe_revocation(by=by, tenant=tenant, user=user, token_id=token_id)
        unrecorded = "The tokens are revoked, but the audit trail could not record that; run this again."
        await record(database, row, unrecorded)
    return at, keys, webhooks


async def record(database: Database, row: AuditRow, unrecorded: str) -> None:
    """Add `row` to the audit trail; raises `AuditUnavailable` with the sentence `unrecorded` when that fails."""
    try:
        refused = await AuditWriter(database).write([row])
    except DatabaseUnavailable as error:
        raise AuditUnavailable(unrecorded) from error
    if refused:
        raise AuditUnavailable(unrecorded)

"""Revoking tokens, so that the audit trail tells who did."""

from datetime import datetime, timedelta

from execution_monitor.audit.events import describe_revocation
from execution_monitor.audit.writer import AuditEvents
from execution_monitor.errors import AuditUnavailable, DatabaseUnavailable
from execution_monitor.storage.database import Database
from execution_monitor.storage.revocations import revoke


async def revoke_and_record(  # noqa: PLR0913 - what is revoked, by whom, and for how long
    database: Database,
    *,
    by: str | None,
    user: str | None = None,
    tenant: str | None = None,
    token_id: str | None = None,
    keep: timedelta,
) -> datetime:
    """`revoke`, and record that `by` did it, unless that is None; the database's time of it.

    Raises `AuditUnavailable` when the tokens are refused and the trail cannot say so.
    """
    # In this order: no trouble with the trail may keep a stolen token alive.
    at = await revoke(subject=user, tenant=tenant, token_id=token_id, keep=keep)
    if by is not None:
        row = describe_revocation(by=by, tenant=tenant, user=user, token_id=token_id)
        unrecorded = "The tokens are refused, but the audit trail does not take that this was done; run this again."
        try:
            refused = await AuditEvents(database).write([row])
        except DatabaseUnavailable as error:
            raise AuditUnavailable(unrecorded) from error
        if refused:
            raise AuditUnavailable(unrecorded)
    return at

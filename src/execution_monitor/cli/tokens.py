"""Issue and revoke tokens: what the commands `token` and `revoke` do."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from execution_monitor.audit.events import describe_revocation
from execution_monitor.audit.writer import AuditWriter
from execution_monitor.auth.caller import Scope
from execution_monitor.auth.tokens import issue_token
from execution_monitor.errors import AuditUnavailable, DatabaseUnavailable, SetupError
from execution_monitor.settings import Settings
from execution_monitor.storage.database import Database
from execution_monitor.storage.revocations import revoke

_LIFETIME = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def issue(  # noqa: PLR0913 - the options of the command
    settings: Settings, *, user: str, tenant: str, scopes: Sequence[str], roles: Sequence[str], ttl: str
) -> str:
    """A token that servers with these `settings` accept; raises `SetupError` for an option that is wrong."""
    for given, known, kind in ((scopes, Scope, "scope"), (roles, settings.roles, "role")):
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise SetupError(f"{unknown[0]} is no {kind}; choose from {', '.join(known)}.")
    if not (user.strip() and user.isprintable() and tenant.strip() and tenant.isprintable()):
        raise SetupError("The user and the tenant must not be empty, nor hold line breaks or tabs.")
    rules, lifetime = settings.token_rules, _parse_lifetime(ttl)
    if lifetime > rules.max_lifetime:
        raise SetupError(
            f"A token may live for {settings.token_lifetime_seconds:,} seconds; "
            "choose a shorter --ttl, or raise EXECUTION_MONITOR_TOKEN_LIFETIME_SECONDS."
        )
    secret = settings.require_jwt_secret()
    return issue_token(secret, user=user, tenant=tenant, scopes=scopes, roles=roles, lifetime=lifetime, rules=rules)


async def revoke_and_record(  # noqa: PLR0913 - the options of the command
    database: Database,
    *,
    by: str | None,
    user: str | None = None,
    tenant: str | None = None,
    token_id: str | None = None,
    keep: timedelta,
) -> datetime:
    """Revoke tokens for the time `keep`, and record in the audit trail who did it, unless `by` is None.

    Returns:
        The database's time of the revocation.

    Raises:
        AuditUnavailable: the tokens are revoked, but that could not be recorded.
    """
    # In this order: trouble with the trail must not keep a stolen token alive.
    at = await revoke(subject=user, tenant=tenant, token_id=token_id, keep=keep)
    if by is not None:
        row = describe_revocation(by=by, tenant=tenant, user=user, token_id=token_id)
        unrecorded = "The tokens are revoked, but the audit trail could not record that; run this again."
        try:
            refused = await AuditWriter(database).write([row])
        except DatabaseUnavailable as error:
            raise AuditUnavailable(unrecorded) from error
        if refused:
            raise AuditUnavailable(unrecorded)
    return at


def _parse_lifetime(text: str) -> timedelta:
    parsed = _LIFETIME.fullmatch(text)
    if parsed is None or int(parsed[1]) == 0:
        raise SetupError(f"{text} is no duration; write a number and s, m, h or d, such as 1h.")
    return timedelta(**{_UNITS[parsed[2]]: int(parsed[1])})

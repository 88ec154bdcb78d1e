"""Make, list and revoke access keys, and record who did it: what the command `key` does."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bson import ObjectId

from execution_monitor.audit.events import describe_created_key, describe_revocation
from execution_monitor.auth.access_key_text import id_in
from execution_monitor.auth.access_keys import (
    MAX_LIFETIME,
    AccessKeyRecord,
    MadeAccessKey,
    NewAccessKey,
    make_key,
    require_scopes,
    revoke_keys,
)
from execution_monitor.cli.revocations import record
from execution_monitor.cli.tokens import parse_lifetime
from execution_monitor.errors import SetupError
from execution_monitor.storage.access_keys import delete_access_key, find_access_key, find_access_keys
from execution_monitor.storage.database import Database

_TIME = "%Y-%m-%d %H:%M"


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """The options of `key create`, checked: whose key, what it is called, allows, and for how long."""

    user: str
    tenant: str
    name: str
    scopes: Sequence[str]
    lifetime: timedelta

    @classmethod
    def from_command(cls, *, user: str, tenant: str, name: str, scopes: Sequence[str], ttl: str) -> "KeyOptions":
        """The options as given; raises `SetupError` or `BadUserInput` for one that is wrong."""
        require_scopes(scopes)
        if not (tenant.strip() and tenant.isprintable()):
            raise SetupError("The tenant must not be empty, nor hold line breaks or tabs.")
        lifetime = parse_lifetime(ttl)
        if lifetime > MAX_LIFETIME:
            raise SetupError(f"A key may live for {MAX_LIFETIME.days} days; choose a shorter --ttl.")
        return cls(user, tenant, name, scopes, lifetime)


async def create_key(database: Database, options: KeyOptions, *, by: str, is_audited: bool) -> MadeAccessKey:
    """Make a key, and record in the audit trail that `by` did so.

    Raises:
        BadUserInput: an option is wrong.
        AuditUnavailable: that could not be recorded, and no key is made.
    """
    wanted = NewAccessKey(options.name, options.scopes, expires_at=datetime.now(UTC) + options.lifetime)
    made = await make_key(database, wanted, tenant=options.tenant, user=options.user, maker=by)
    if is_audited:
        key = AccessKeyRecord(made.row)
        row = describe_created_key(
            by=by, tenant=key.tenant, user=key.user_id, access_key=key.prefix, name=key.name, scopes=key.scopes
        )
        try:
            await record(database, row, "The key is not made, since the audit trail could not record it; try again.")
        except Exception:
            await delete_access_key(database, made.row["_id"])
            raise
    return made


async def list_keys(database: Database, *, user: str | None, tenant: str | None) -> list[str]:
    """The keys, or those of `user` and `tenant`, as lines of a table: headings, then the newest key first."""
    now = datetime.now(UTC)
    rows = [
        _HEADINGS,
        *(_columns_of(AccessKeyRecord(row), now) for row in await find_access_keys(database, user, tenant)),
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEADINGS))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


async def revoke_key(database: Database, given: str, *, by: str | None) -> AccessKeyRecord:
    """Revoke the key that `given` names: its id, the part of it that is shown, or all of it.

    Raises:
        SetupError: there is no such key.
        AuditUnavailable: it is revoked, but that could not be recorded.
    """
    key_id = id_in(given.strip())
    row = None if key_id is None else await find_access_key(database, ObjectId(key_id))
    if row is None:
        # Not what was given: it may be a whole key with a typing error.
        raise SetupError("There is no such key; execution-monitor key list shows the ids of all keys.")
    key = AccessKeyRecord(row)
    await revoke_keys(database, [row])
    if by is not None:
        described = describe_revocation(by=by, tenant=key.tenant, access_key=key.prefix)
        await record(
            database, described, "The key is revoked, but the audit trail could not record that; run this again."
        )
    return key


_HEADINGS = ("KEY", "NAME", "TENANT", "USER", "SCOPES", "MADE BY", "EXPIRES (UTC)", "LAST USED", "STATE")


def _columns_of(key: AccessKeyRecord, now: datetime) -> Sequence[str]:
    state = "revoked" if key.revoked_at else "expired" if key.expires_at <= now else "valid"
    last_used = f"{key.last_used_at:{_TIME}}" if key.last_used_at else "never"
    scopes = ",".join(key.scopes)
    expires = f"{key.expires_at:{_TIME}}"
    return key.prefix, key.name, key.tenant, key.user_id, scopes, key.made_by, expires, last_used, state

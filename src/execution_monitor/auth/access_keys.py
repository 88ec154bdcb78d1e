"""Access keys, with which programs authenticate: who may make which, and which of them a caller may list and revoke."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from execution_monitor.auth.access_key_text import AccessKeyText, shown_part, signing_secret_of
from execution_monitor.auth.caller import KEY_SCOPES, READING_SCOPES, Caller, Scope
from execution_monitor.errors import BadUserInput, Forbidden, NotFound
from execution_monitor.storage.access_keys import (
    delete_access_key,
    find_active_keys,
    insert_access_key,
    revoke_access_keys,
)
from execution_monitor.storage.coercion import to_datetime
from execution_monitor.storage.database import Database
from execution_monitor.storage.filters import EVERYTHING, Filter, OneOf, all_of, equals
from execution_monitor.storage.mongodb_errors import failing_as_unavailable
from execution_monitor.storage.pagination import Listing, Page, PageRequest, PageSelection
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.record_fields import Attribute, required_text, texts, timestamp
from execution_monitor.storage.records import Record
from execution_monitor.storage.revocations import revoke
from execution_monitor.storage.rows import Row
from execution_monitor.storage.server_documents import AccessKey
from execution_monitor.storage.sorting import Order, SortKey

NEWEST_FIRST = Order((SortKey("created", descending=True),))
DEFAULT_LIFETIME = timedelta(days=90)
# A leap year's.
MAX_LIFETIME = timedelta(days=366)
MAX_NAME = 100
_MAX_USER = 256
# Clocks of servers differ: a revocation must not be forgotten before its key has expired.
_CLOCK_DIFFERENCE = timedelta(hours=1)

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class NewAccessKey:
    """What a key is made with; None for the maker and for 90 days from now."""

    name: str
    scopes: Sequence[str]
    user: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MadeAccessKey:
    """A key that was made: as stored, and its text, which can never be read again."""

    row: Row
    text: str = field(repr=False)


class AccessKeyRecord(Record):
    """A stored access key."""

    key_id = Attribute(lambda row: str(row.get("_id")))
    prefix = Attribute(lambda row: shown_part(str(row.get("_id"))))
    tenant = required_text("tenant_id")
    name = required_text("name")
    user_id = required_text("user_id")
    made_by = required_text("made_by")
    scopes = texts("scopes")
    created_at = Attribute(lambda row: to_datetime(row.get("created")) or _EPOCH)
    expires_at = Attribute(lambda row: to_datetime(row.get("expires_at")) or _EPOCH)
    last_used_at = timestamp("last_used_at")
    revoked_at = timestamp("revoked_at")


def keys_visible_to(caller: Caller) -> Filter:
    """The filter for the keys that `caller` may see and revoke: those they made, or all of the tenant with `manage`.

    Raises:
        Forbidden: the caller lacks the scope `keys:write`.
    """
    caller.require(Scope.KEYS_WRITE)
    in_tenant = equals("tenant_id", caller.tenant)
    return in_tenant if caller.may(Scope.MANAGE) else all_of(in_tenant, equals("made_by", caller.subject))


@dataclass(frozen=True, slots=True)
class AccessKeys:
    """The access keys of one database, as callers may make, see and revoke them.

    Attributes:
        server_key: the secret of the server from which signing secrets are derived.
        recheck: raises `Unauthenticated` for a caller whose token has been revoked, as the database says now.
    """

    reader: Reader
    server_key: bytes = field(repr=False)
    recheck: Callable[[Caller], Awaitable[None]]

    async def make(self, caller: Caller, wanted: NewAccessKey) -> MadeAccessKey:
        """Make a key.

        Raises:
            Forbidden: the caller may not make keys, or not this one.
            BadUserInput: a value is wrong.
            Unauthenticated: the caller's token has been revoked meanwhile.
        """
        caller.require(Scope.KEYS_WRITE)
        user = caller.subject if wanted.user is None else wanted.user
        require_scopes(wanted.scopes)
        for each in KEY_SCOPES:
            if each in wanted.scopes:
                _require_own(caller, each)
        if user != caller.subject and not _holds_for_all(caller, Scope.EXECUTIONS_READ_TENANT):
            raise Forbidden(
                "A key for another user needs the scope executions:read:tenant for all executions of the tenant."
            )
        made = await make_key(self.reader.database, wanted, tenant=caller.tenant, user=user, maker=caller.subject)
        try:
            # A token that is revoked while this runs must leave no key behind: revoking it looks for keys to revoke,
            # and either finds this one or has been recorded before this look.
            await self.recheck(caller)
        except Exception:
            await delete_access_key(self.reader.database, made.row["_id"])
            raise
        return made

    async def revoke(self, caller: Caller, key_id: str) -> Row:
        """Revoke a key, and return it as stored; one that is revoked already is left as it is.

        Raises:
            NotFound: there is none with this id that the caller may see.
        """
        found = await self.find_many(caller, [key_id])
        if key_id not in found:
            raise NotFound("There is no such key, or you may not see it.")
        if found[key_id].get("revoked_at") is None:
            with failing_as_unavailable():
                await revoke_keys(self.reader.database, [found[key_id]])
        return (await self.find_many(caller, [key_id]))[key_id]

    async def list(self, caller: Caller, page: PageRequest, wanted: PageSelection) -> Page:
        """One keyset page of the keys that `caller` may see, newest first."""
        return await self.reader.read_page(AccessKey, Listing(keys_visible_to(caller), NEWEST_FIRST), page, wanted)

    async def find_many(self, caller: Caller, key_ids: Iterable[str]) -> Mapping[str, Row]:
        """Those of the keys that `caller` may see, by id."""
        visible = keys_visible_to(caller)
        wanted = tuple(ObjectId(each) for each in key_ids if ObjectId.is_valid(each))
        if not wanted:
            return {}
        where = all_of(visible, OneOf("_id", wanted))
        rows = await self.reader.read_some(AccessKey, where, None, limit=len(wanted))
        return {str(row["_id"]): row for row in rows}

    def signing_secret(self, key_id: str) -> str:
        """The secret for senders that sign with HMAC on behalf of a key."""
        return signing_secret_of(key_id, self.server_key)


async def make_key(database: Database, wanted: NewAccessKey, *, tenant: str, user: str, maker: str) -> MadeAccessKey:
    """Make a key without asking whether the maker may.

    Raises:
        BadUserInput: a value is wrong.
    """
    require_scopes(wanted.scopes)
    name = wanted.name.strip()
    if not (0 < len(name) <= MAX_NAME and name.isprintable()):
        raise BadUserInput(f"Give the key a name of 1 to {MAX_NAME} characters without line breaks and tabs.")
    if not (0 < len(user.strip()) <= _MAX_USER and user.isprintable()):
        raise BadUserInput(f"The user of a key has 1 to {_MAX_USER} characters, without line breaks and tabs.")
    now = datetime.now(UTC)
    expires_at = now + DEFAULT_LIFETIME if wanted.expires_at is None else wanted.expires_at
    if not now < expires_at <= now + MAX_LIFETIME:
        raise BadUserInput("A key expires in the future, and in a year at most; choose another expiry.")
    key_id = ObjectId()
    text = AccessKeyText.make(str(key_id))
    fields: dict[str, Any] = {
        "tenant_id": tenant,
        "user_id": user,
        "made_by": maker,
        "name": name,
        "scopes": sorted(set(wanted.scopes)),
        "hash": text.hash,
        "expires_at": expires_at,
    }
    with failing_as_unavailable():
        return MadeAccessKey(await insert_access_key(database, key_id, fields), text.text)


def require_scopes(scopes: Sequence[str]) -> None:
    """Raise `BadUserInput` unless `scopes` are some that a key may hold."""
    unknown = sorted(set(scopes) - set(KEY_SCOPES))
    if unknown or not scopes:
        what = f"{unknown[0]} is no scope of a key" if unknown else "A key needs a scope"
        raise BadUserInput(f"{what}; choose from {', '.join(KEY_SCOPES)}.")


async def revoke_keys(database: Database, rows: Sequence[Mapping[str, Any]]) -> None:
    """Revoke stored keys, which must have their `_id` and `expires_at`, on every server and on open streams."""
    now = datetime.now(UTC)
    for row in rows:
        # The revocations that every server reads twice a second; streams that are open are ended by them.
        expires_at = to_datetime(row.get("expires_at")) or now
        keep = max(expires_at - now, timedelta(0)) + _CLOCK_DIFFERENCE
        await revoke(token_id=shown_part(str(row["_id"])), keep=keep)
    await revoke_access_keys(database, [row["_id"] for row in rows])


async def revoke_keys_of(database: Database, user: str, tenant: str | None) -> int:
    """Revoke the keys that were made by or for `user`, in `tenant` or in every one (None); returns how many."""
    rows = await find_active_keys(database, user=user, tenant=tenant)
    await revoke_keys(database, rows)
    return len(rows)


def _require_own(caller: Caller, scope: Scope) -> None:
    """Raise `Forbidden` unless `caller` has `scope` as a key would: for all executions, not by a filter of a role."""
    caller.require(scope)
    if not _holds_for_all(caller, scope):
        raise Forbidden(
            f"Your roles give {scope.value} for some executions alone, and a key would have it for all of its user's; "
            "make a key without it."
        )


def _holds_for_all(caller: Caller, scope: Scope) -> bool:
    if not caller.may(scope) or not caller.grants:
        return caller.may(scope)
    # Where roles have filters, other scopes hold for the executions that the caller reads.
    reading = scope if scope in READING_SCOPES else Scope.EXECUTIONS_READ
    return any(grant.scope is reading and grant.visible is EVERYTHING for grant in caller.grants)

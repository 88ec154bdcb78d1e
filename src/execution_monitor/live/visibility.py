"""What a caller may see, as a value that subscribers, routes and cursors are keyed by."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.executions.visibility import visible_to
from execution_monitor.storage.filters import AllOf, Filter, OneOf

_DIGEST_BYTES = 16


@dataclass(frozen=True)
class Visibility:
    """The condition on every execution that a caller may see; callers with the same one share work."""

    visible: Filter
    tenant: str

    @classmethod
    def of(cls, caller: Caller) -> "Visibility":
        """The rights of `caller`; raises `Forbidden` without `executions:read`."""
        caller.require(Scope.EXECUTIONS_READ)
        visible = visible_to(caller)
        tenant = pinned(visible, "tenant_id")
        if tenant is None:
            raise ValueError("A caller sees the executions of one tenant.")
        return cls(visible, tenant)

    @cached_property
    def digest(self) -> bytes:
        """A fingerprint, the same on every replica; cursors are of use with it alone."""
        return fingerprint(self.visible)


def fingerprint(*belongings: object) -> bytes:
    """A fingerprint of values whose `repr` tells all of them."""
    # As equality does not: to Python, True equals 1.
    return hashlib.blake2b(repr(belongings).encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()


def pinned(where: Filter, field: str) -> str | None:
    """The one text that `field` must equal in whatever matches `where`; None where that is not plain to see."""
    for part in where.parts if isinstance(where, AllOf) else (where,):
        if isinstance(part, OneOf) and part.field == field and len(part.values) == 1:
            value = part.values[0]
            return value if isinstance(value, str) else None
    return None

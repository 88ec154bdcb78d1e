"""Revocations in memory: tokens that are refused before they expire, without a query for each request."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import Unauthenticated

REVOKED = "Your token has been revoked; sign in again."
REVOKED_KEY = "Your access key has been revoked; send another one."


@dataclass(frozen=True, slots=True)
class RevokedTokens:
    """The tokens of a subject that were issued before a time, in one tenant or in all (None); or one token."""

    before: datetime
    subject: str | None = None
    tenant: str | None = None
    token_id: str | None = None


@dataclass(frozen=True, slots=True)
class RevocationSet:
    """An index of revocations: the latest time of each subject, and the ids of single tokens."""

    subjects: Mapping[tuple[str | None, str], datetime] = field(default_factory=lambda: MappingProxyType({}))
    token_ids: frozenset[str] = frozenset()

    def with_more(self, revoked: Iterable[RevokedTokens]) -> "RevocationSet":
        """The union of this set and `revoked`."""
        subjects, token_ids = dict(self.subjects), set(self.token_ids)
        for each in revoked:
            if each.token_id is not None:
                token_ids.add(each.token_id)
            if each.subject is not None:
                key = (each.tenant, each.subject)
                subjects[key] = max(each.before, subjects.get(key, each.before))
        return RevocationSet(subjects, frozenset(token_ids))

    def includes(self, caller: Caller) -> bool:
        """Whether the token of `caller` is revoked.

        `iat` counts whole seconds, so all tokens of the second of a revocation are refused; so are tokens without
        `iat`, which may be of any time.
        """
        if caller.token_id in self.token_ids:
            return True
        times = (self.subjects.get((tenant, caller.subject)) for tenant in (caller.tenant, None))
        return any(time is not None and (caller.issued_at is None or caller.issued_at < time) for time in times)


def reason_for(caller: Caller) -> str:
    """What to tell `caller`, whose token or access key has been revoked."""
    return REVOKED_KEY if caller.is_key else REVOKED


class Revocations:
    """The revocations that this process knows, and listeners that are called when there are more."""

    def __init__(self) -> None:
        self._known = RevocationSet()
        self._listeners: set[Callable[[], None]] = set()

    def add(self, revoked: Iterable[RevokedTokens], *, replace: bool = False) -> None:
        """Add `revoked`, or `replace` all by them; listeners are called when that changes anything."""
        before = self._known
        self._known = (RevocationSet() if replace else before).with_more(revoked)
        if self._known != before:
            for listener in tuple(self._listeners):
                listener()

    def include(self, caller: Caller) -> bool:
        """Whether the token of `caller` is revoked."""
        return self._known.includes(caller)

    def refuse(self, caller: Caller) -> None:
        """Raise `Unauthenticated` when the token of `caller` is revoked."""
        if self._known.includes(caller):
            raise Unauthenticated(reason_for(caller))

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the revocations change."""
        self._listeners.add(listener)

    def remove_listener(self, listener: Callable[[], None]) -> None:
        """Do not call `listener` any more."""
        self._listeners.discard(listener)

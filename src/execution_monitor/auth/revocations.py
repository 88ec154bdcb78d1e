"""Tokens that are refused before they expire: known in memory, so that no request has to ask for them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from execution_monitor.auth.caller import Caller
from execution_monitor.errors import Unauthenticated

REVOKED = "Your token has been revoked; sign in again."


@dataclass(frozen=True, slots=True)
class RevokedTokens:
    """The tokens of a subject of a tenant, or of every tenant (None), that were issued before a time; or one token."""

    before: datetime
    subject: str | None = None
    tenant: str | None = None
    token_id: str | None = None


@dataclass(frozen=True, slots=True)
class RevocationSet:
    """Revocations as they are looked up: the latest time for each subject, and the ids of single tokens."""

    subjects: Mapping[tuple[str | None, str], datetime] = field(default_factory=lambda: MappingProxyType({}))
    token_ids: frozenset[str] = frozenset()

    def with_more(self, revoked: Iterable[RevokedTokens]) -> "RevocationSet":
        """What is in either: this set or `revoked`."""
        subjects, token_ids = dict(self.subjects), set(self.token_ids)
        for each in revoked:
            if each.token_id is not None:
                token_ids.add(each.token_id)
            if each.subject is not None:
                key = (each.tenant, each.subject)
                subjects[key] = max(each.before, subjects.get(key, each.before))
        return RevocationSet(subjects, frozenset(token_ids))

    def holds(self, caller: Caller) -> bool:
        """Whether the token of `caller` is revoked.

        `iat` counts whole seconds, so that of the second of a revocation all tokens are refused; and so is one without
        `iat`, which may be of any time.
        """
        if caller.token_id in self.token_ids:
            return True
        times = (self.subjects.get((tenant, caller.subject)) for tenant in (caller.tenant, None))
        return any(time is not None and (caller.issued_at is None or caller.issued_at < time) for time in times)


class Revocations:
    """The revocations that this process knows of, and who wants to hear of more."""

    def __init__(self) -> None:
        self._known = RevocationSet()
        self._listeners: set[Callable[[], None]] = set()

    def learn(self, revoked: Iterable[RevokedTokens], *, anew: bool = False) -> None:
        """Add `revoked`, or `anew` have nothing but them; listeners are called when that changes anything."""
        before = self._known
        self._known = (RevocationSet() if anew else before).with_more(revoked)
        if self._known != before:
            for listener in tuple(self._listeners):
                listener()

    def hold(self, caller: Caller) -> bool:
        """Whether the token of `caller` is revoked."""
        return self._known.holds(caller)

    def refuse(self, caller: Caller) -> None:
        """Raise `Unauthenticated` when the token of `caller` is revoked."""
        if self._known.holds(caller):
            raise Unauthenticated(REVOKED)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever more is known, until it is forgotten."""
        self._listeners.add(listener)

    def forget(self, listener: Callable[[], None]) -> None:
        """Call `listener` no more."""
        self._listeners.discard(listener)

"""Consumers: what the feeder hands changes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from execution_monitor.live.changes import Change, GapReason
from execution_monitor.live.resume_tokens import StreamPosition


class Superseded(Exception):
    """Another process feeds with a later term: this one must write nothing more."""


class FieldsChanged(Exception):
    """A consumer needs other fields than the changes were read with: they must be read again."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Changes that no one can read any more.

    Attributes:
        since: after this position; None at the first start, when all that is stored counts as lost.
        until: up to this one.
        reason: why.
    """

    since: StreamPosition | None
    until: StreamPosition
    reason: GapReason


class Consumer(Protocol):
    """What must see every change of executions once.

    After a crash the feeder hands over again what came behind the last position that it has stored. So a consumer
    stores `until` with its own data, in one transaction, for each tenant, and skips changes up to there. A write must
    require that no later term has written, or raise `Superseded`.

    Every method raises `PyMongoError` or `ExecutionMonitorError` where the database fails, and is then called again.
    """

    @property
    def name(self) -> str:
        """What its position is stored as."""
        ...

    @property
    def fields(self) -> frozenset[str] | None:
        """The stored fields that it reads, without dots; None for whole documents."""
        ...

    async def prepare(self) -> None:
        """Decide on `fields`, which then stay as they are until changes are read anew.

        A consumer that finds later that it needs others raises `FieldsChanged` from `take` or `work`.
        """
        ...

    async def take(self, tenant: str, changes: Sequence[Change], until: StreamPosition, term: int) -> None:
        """Take the changes of a tenant up to `until`, in their order; some may have been taken before.

        A document that moves from one tenant to another is handed over for both. Tenants are handed over at the same
        time, each one's changes one after another. Where `until` is not after everything of its time, further changes
        of that time follow.
        """
        ...

    async def lose(self, gap: Gap, term: int, /) -> None:
        """Get over changes that are lost, of whichever tenants; the next changes lie behind `gap.until`.

        After a crash the same gap comes again: with the same `until`, and unless it is a break in what was read between
        other changes, with the same `since`.
        """
        ...

    async def work(self, position: StreamPosition, term: int, /) -> bool:
        """Do a piece of work of its own, of less than a second, now that all up to `position` was handed over.

        Returns whether more is left to do.
        """
        ...


@runtime_checkable
class RegistryConsumer(Consumer, Protocol):
    """A consumer that keeps what users of a tenant have made, in a registry; see `Registry`."""

    @property
    def registry(self) -> "RevisionFollower":
        """What learns of new revisions."""
        ...


class RevisionFollower(Protocol):
    """What is kept of tenants, each as of a revision of its document in one collection."""

    @property
    def collection(self) -> str:
        """The collection of these documents."""
        ...

    def begin_following(self) -> None:
        """From now on `forget` is called of each new revision, before a change that follows it is handed over."""
        ...

    def end_following(self) -> None:
        """From now on it is not."""
        ...

    def forget(self, tenant: object) -> None:
        """Take note of a new revision of a tenant."""
        ...


@runtime_checkable
class PromptConsumer(Consumer, Protocol):
    """A consumer that takes changes as soon as they come, though others of their time may follow.

    Its position in the database may be behind by what it has taken since the last whole batch: it must know again what
    it has taken, and must not need a position after everything of a time.
    """

    @property
    def is_prompt(self) -> bool:
        """Whether it has a use for that, as of `prepare`."""
        ...

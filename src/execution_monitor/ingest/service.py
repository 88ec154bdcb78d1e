"""Ingest: the service that endpoints and mutations store reports with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.ingest.writer.claims import NOT_YOURS
from execution_monitor.ingest.writer.facts import Clean, Facts
from execution_monitor.ingest.writer.group_commit import GroupCommit, GroupLimits
from execution_monitor.ingest.writer.owner import Owner
from execution_monitor.ingest.writer.writer import Writer, Written
from execution_monitor.storage.database import Database


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of the facts of a request.

    Attributes:
        changed: ids of the executions of which the write changed something: the execution, a step or a log line. Where
            others report the same execution at the same moment, it is not known whose change it was.
        refused: by id, why the reports of an execution were not stored. An execution of another owner, one that an
            engine wrote itself, and an id that cannot be had are refused with the same words.
        left_out: steps beyond the limit of an execution, by the ids of the execution and the step; not stored.
    """

    changed: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    left_out: frozenset[tuple[str, str]] = frozenset()


class Ingest:
    """Stores reports; an async context manager, open while the application is.

    Args:
        clean: makes the value of a stored field fit to be kept.
        limits: of what is written at once, and of what may wait.
    """

    def __init__(self, database: Database, clean: Clean, limits: GroupLimits | None = None) -> None:
        self._clean = clean
        self._commits = GroupCommit(Writer(database), limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._commits.close()

    def begin(self) -> Facts:
        """Empty facts, for one request, that mask and cut values as the settings say."""
        return Facts(self._clean)

    async def store(self, caller: Caller, facts: Facts) -> Stored:
        """Store `facts` as the caller's, with others' that arrive meanwhile; returns once that is durable.

        Raises:
            Forbidden: the caller lacks `executions:write`.
            BadUserInput: a value can never be stored; what else was reported may have been stored.
            ServerBusy: too many reports wait; send the same again later.
            DatabaseUnavailable: nothing, or a part, was stored; send the same again later.
        """
        caller.require(Scope.EXECUTIONS_WRITE)
        if not (facts.executions or facts.steps or facts.log_lines or facts.runs):
            return Stored()
        written = await self._commits.write(Owner(caller.tenant, caller.subject), facts)
        return _of_member(facts, written)


def _of_member(facts: Facts, written: Written) -> Stored:
    """What became of the `facts` of one request, which were written with those of others."""
    own = frozenset(facts.execution_ids)
    return Stored(
        changed=written.changed & own,
        refused=dict.fromkeys(written.refused & own, NOT_YOURS),
        left_out=frozenset(key for key in written.uncounted if key in facts.steps),
    )

"""Ingest: the service that endpoints and mutations store reports with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from execution_monitor.auth.caller import Caller
from execution_monitor.ingest.writer.facts import Facts


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of the facts of a request.

    Attributes:
        changed: ids of the executions of which the write changed something: the execution, a step or a log line.
        refused: by id, why the reports of an execution were not stored. An execution of another owner, one that an
            engine wrote itself, and an id that cannot be had are refused with the same words.
        uncounted_steps: by execution id, how many steps beyond the limit were not stored.
    """

    changed: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    uncounted_steps: Mapping[str, int] = field(default_factory=dict[str, int])


class Ingest:
    """Stores reports; an async context manager, open while the application is."""

    def begin(self) -> Facts:
        """Empty facts, for one request, that mask and cut values as the settings say."""
        raise NotImplementedError

    async def store(self, caller: Caller, facts: Facts) -> Stored:
        """Store `facts` as the caller's, with others' that arrive meanwhile; returns once that is durable.

        Raises:
            Forbidden: the caller lacks `executions:write`.
            ServerBusy: too many reports wait; send the same again later.
            DatabaseUnavailable: nothing, or a part, was stored; send the same again later.
        """
        raise NotImplementedError

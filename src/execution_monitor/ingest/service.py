"""Ingest: the service that endpoints and mutations store reports with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import structlog
from bson.errors import BSONError
from pymongo.errors import OperationFailure, PyMongoError

from execution_monitor.auth.caller import Caller, Scope
from execution_monitor.errors import BadUserInput, DatabaseUnavailable
from execution_monitor.ingest.writer.facts import Clean, Facts
from execution_monitor.ingest.writer.group_commit import GroupCommit
from execution_monitor.ingest.writer.ownership import Owner
from execution_monitor.ingest.writer.writer import Outcome, Writer
from execution_monitor.storage.database import Database
from execution_monitor.storage.deadlines import await_reply
from execution_monitor.storage.mongodb_errors import explain, reason_of

log = structlog.get_logger()

# Longer than an election takes, and than most senders wait.
_WRITE_MS = 30_000
# BadValue, TypeMismatch, DocumentValidationFailure, BSONObjectTooLarge, and documents that an update makes too large.
_REFUSALS = frozenset({2, 14, 121, 10334, 17419, 17420})


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of the facts of a request.

    Attributes:
        changed: ids of the executions of which the write changed something: the execution, a step or a log line. It
            may name those that others changed in the same write.
        refused: by id, why the reports of an execution were not stored. An execution of another owner, one that an
            engine wrote itself, and an id that cannot be had are refused with the same words.
        uncounted_steps: by execution id, how many steps beyond the limit were not stored.
    """

    changed: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    uncounted_steps: Mapping[str, int] = field(default_factory=dict[str, int])


class Ingest:
    """Stores reports; an async context manager, open while the application is.

    Args:
        clean: makes the value of a stored field fit to be kept.
    """

    def __init__(self, database: Database, clean: Clean) -> None:
        self._clean = clean
        self._writer = Writer(database)
        self._group_commit = GroupCommit(self._write)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._group_commit.close()

    def begin(self) -> Facts:
        """Empty facts, for one request, that mask and cut values as the settings say."""
        return Facts(self._clean)

    async def store(self, caller: Caller, facts: Facts) -> Stored:
        """Store `facts` as the caller's, with others' that arrive meanwhile; returns once that is durable.

        Raises:
            Forbidden: the caller lacks `executions:write`.
            BadUserInput: MongoDB cannot hold a value.
            ServerBusy: too many reports wait; send the same again later.
            DatabaseUnavailable: nothing, or a part, was stored; send the same again later.
        """
        caller.require(Scope.EXECUTIONS_WRITE)
        reported = set(facts.execution_ids)
        if not reported:
            return Stored()
        outcome = await self._group_commit.submit(Owner(caller.tenant, caller.subject), facts)
        steps = {execution_id for execution_id, _ in facts.steps}
        return Stored(
            changed=frozenset(outcome.changed & reported),
            refused={each: reason for each, reason in outcome.refused.items() if each in reported},
            uncounted_steps={each: count for each, count in outcome.uncounted_steps.items() if each in steps},
        )

    async def _write(self, owner: Owner, facts: Facts) -> Outcome:
        try:
            return await await_reply(self._writer.write(owner, facts), _WRITE_MS)
        except (BSONError, OverflowError) as error:
            raise BadUserInput(f"MongoDB cannot hold a value of this report ({error}).") from error
        except PyMongoError as error:
            if _codes_of(error) & _REFUSALS:
                raise BadUserInput("MongoDB cannot hold a value of this report; send less in one document.") from error
            log.warning("reports_not_stored", reason=reason_of(error))
            raise DatabaseUnavailable(explain(error)) from error


def _codes_of(error: PyMongoError) -> set[int]:
    """The codes of an error of MongoDB, or of each of the writes that failed."""
    details = (error.details or {}) if isinstance(error, OperationFailure) else {}
    codes = {each["code"] for each in details.get("writeErrors", ())}
    return codes | ({error.code} if isinstance(error, OperationFailure) and error.code is not None else set())

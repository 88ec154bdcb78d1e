"""Retries: executions that repeat another one, and the one that recovered it.

An engine names the repeated execution in `retry_of_execution_id`; or it starts a later attempt of the same workflow as
a child of the one that failed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from execution_monitor.auth.caller import Caller
from execution_monitor.executions.executions import Executions
from execution_monitor.storage.documents import TERMINAL_STATUSES, Execution, ExecutionStatus
from execution_monitor.storage.filters import MAX_VALUES, OneOf, Range, all_of
from execution_monitor.storage.reader import Reader
from execution_monitor.storage.records import ExecutionRecord
from execution_monitor.storage.rows import Row

# Of one execution. Engines give up long before.
MAX_RETRIES = 20
# Attempts after the one that failed. Each takes a query, but only where all attempts before have failed as well.
MAX_ATTEMPTS_AFTER = 5
# Why an execution is tried again.
WITHOUT_SUCCESS = TERMINAL_STATUSES - {ExecutionStatus.COMPLETED}

# The stored fields of an execution that its recovery is found by.
READ_FOR_RECOVERY = ("execution_id", "status", "workflow_name", "attempt")
_OLDEST_FIRST = {"created": 1, "_id": 1}
_COMPLETED_FIRST = {"is_completed": -1, **_OLDEST_FIRST}
_IS_COMPLETED = {"is_completed": {"$eq": ["$status", ExecutionStatus.COMPLETED.value]}}
# Thousands may have these in common, of which the first few are enough.
_ALIKE = ("retry_of_execution_id", "parent_execution_id", "workflow_name")
_OLDEST_IDS = {"$topN": {"n": MAX_RETRIES, "sortBy": _OLDEST_FIRST, "output": "$execution_id"}}
_FIRST_OF_GROUP = {"$topN": {"n": MAX_RETRIES, "sortBy": _COMPLETED_FIRST, "output": "$$ROOT"}}


@dataclass(frozen=True, slots=True)
class EndedRun:
    """An execution that ended without success."""

    execution_id: str
    workflow_name: str
    attempt: int

    @classmethod
    def of(cls, row: Row) -> "EndedRun | None":
        """The execution of `row`, read with `READ_FOR_RECOVERY`; None where it has not ended, or has completed."""
        record = ExecutionRecord(row)
        # A stored id that is not text is nobody's reference.
        if record.status not in WITHOUT_SUCCESS or type(row.get("execution_id")) is not str:
            return None
        return cls(record.execution_id, record.workflow_name, record.attempt)


@dataclass(frozen=True, slots=True)
class Retries:
    """The retries of executions, as callers may see them."""

    reader: Reader

    async def list(
        self, caller: Caller, execution_ids: Sequence[str], fields: frozenset[str]
    ) -> Mapping[str, Sequence[Row]]:
        """Find the first `MAX_RETRIES` executions that name each of these in `retry_of_execution_id`, oldest first.

        Two queries for all of them: which there are, and the executions, which may be large.
        """
        groups = await self.reader.aggregate(
            Execution,
            [
                {"$project": {"execution_id": 1, "retry_of_execution_id": 1, "created": 1}},
                {"$group": {"_id": "$retry_of_execution_id", "ids": _OLDEST_IDS}},
            ],
            Executions.visible(caller, OneOf("retry_of_execution_id", tuple(execution_ids))),
        )
        # An array or an object that an engine wrote there is nobody's reference.
        ids_by_execution = {
            group["_id"]: [each for each in group["ids"] if isinstance(each, str)]
            for group in groups
            if isinstance(group["_id"], str)
        }
        found = await self._find(caller, [each for ids in ids_by_execution.values() for each in ids], fields)
        return {
            each: [found[retry] for retry in ids_by_execution.get(each, ()) if retry in found] for each in execution_ids
        }

    async def _find(self, caller: Caller, execution_ids: Sequence[str], fields: frozenset[str]) -> Mapping[str, Row]:
        found: dict[str, Row] = {}
        for start in range(0, len(execution_ids), MAX_VALUES):
            ids = tuple(execution_ids[start : start + MAX_VALUES])
            where = Executions.visible(caller, OneOf("execution_id", ids))
            rows = await self.reader.read_some(Execution, where, fields | {"execution_id"}, limit=len(ids))
            found.update((row["execution_id"], row) for row in rows)
        return found

    async def find_recoveries(self, caller: Caller, runs: Sequence[EndedRun]) -> Mapping[str, str]:
        """Find the execution that repeated each of `runs` and completed: its id, by that of the one that it recovered.

        Where a retry failed as well, its own retries count, up to `MAX_ATTEMPTS_AFTER` deep. One query for all runs,
        and one more for each further attempt.
        """
        attempts = _Attempts()
        unread = {run.execution_id: run for run in runs}
        recovered: dict[str, str] = {}
        for _ in range(MAX_ATTEMPTS_AFTER):
            if not unread:
                break
            rows = await self._find_repetitions(caller, list(unread.values())[:MAX_VALUES])
            unread = attempts.add(unread, rows)
            recovered = attempts.recoveries(run.execution_id for run in runs)
            if len(recovered) == len(runs):
                break
        return recovered

    async def _find_repetitions(self, caller: Caller, runs: Sequence[EndedRun]) -> Sequence[Row]:
        """Ended executions that may repeat one of `runs`: the completed ones first, and the oldest of each."""
        ids = tuple(run.execution_id for run in runs)
        names = tuple({run.workflow_name for run in runs})
        ended = OneOf("status", tuple(sorted(each.value for each in TERMINAL_STATUSES)))
        named = Executions.visible(caller, all_of(ended, OneOf("retry_of_execution_id", ids)))
        later = all_of(OneOf("parent_execution_id", ids), Range("attempt", gt=1), OneOf("workflow_name", names))
        children = Executions.visible(caller, all_of(ended, later))
        return await self.reader.aggregate(
            Execution,
            [
                # Not one query with `$or`: MongoDB uses no partial indexes for that.
                {
                    "$unionWith": {
                        "coll": Execution.get_collection_name(),
                        "pipeline": [{"$match": children.to_mongo()}],
                    }
                },
                {"$project": {**dict.fromkeys((*READ_FOR_RECOVERY, *_ALIKE, "created"), 1), **_IS_COMPLETED}},
                {"$group": {"_id": {each: f"${each}" for each in _ALIKE}, "row": _FIRST_OF_GROUP}},
                {"$unwind": "$row"},
                {"$replaceRoot": {"newRoot": "$row"}},
                {"$sort": _COMPLETED_FIRST},
            ],
            named,
        )


class _Attempts:
    """Which executions repeat which, as far as that has been read."""

    def __init__(self) -> None:
        # By the id of the repeated execution: the ids of those that repeat it. An entry without any was read as well.
        self._later: dict[str, list[str]] = {}
        self._completed: set[str] = set()

    def add(self, runs: Mapping[str, EndedRun], rows: Sequence[Row]) -> dict[str, EndedRun]:
        """Add the `rows` that repeat one of `runs`; return those that failed in turn and whose retries are unread."""
        self._later.update((each, []) for each in runs)
        failed: dict[str, EndedRun] = {}
        for row in rows:
            own_id, again = ExecutionRecord(row).execution_id, EndedRun.of(row)
            for each in _repeated_by(row, runs):
                self._later[each].append(own_id)
            if again is None:
                self._completed.add(own_id)
            else:
                failed[own_id] = again
        return {each: run for each, run in failed.items() if each not in self._later}

    def recoveries(self, execution_ids: Iterable[str]) -> dict[str, str]:
        """What recovered these executions, as far as it is known."""
        found = ((each, self._recovery_of(each)) for each in execution_ids)
        return {each: recovery for each, recovery in found if recovery is not None}

    def _recovery_of(self, execution_id: str) -> str | None:
        attempts = [execution_id]
        for _ in range(MAX_ATTEMPTS_AFTER):
            attempts = list(dict.fromkeys(later for each in attempts for later in self._later.get(each, ())))
            for each in attempts:
                if each in self._completed:
                    return each
        return None


def _repeated_by(row: Row, runs: Mapping[str, EndedRun]) -> Iterator[str]:
    """The ids of those of `runs` that the execution of `row` repeats."""
    record = ExecutionRecord(row)
    named, parent = runs.get(record.retry_of_execution_id or ""), runs.get(record.parent_execution_id or "")
    if named is not None:
        yield named.execution_id
    if parent is not None and record.workflow_name == parent.workflow_name and record.attempt > parent.attempt:
        yield parent.execution_id

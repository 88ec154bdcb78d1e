"""Facts: what a request reports of executions, their steps and their log lines, in registers that can be joined.

Joining registers is commutative, associative and idempotent (`registers.py`): reports may come in any order, repeatedly
and over several processes. What a report means must therefore follow from that report alone, never from what is stored.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from execution_monitor.errors import BadUserInput
from execution_monitor.ingest.writer.registers import NO_CONSTANTS, Constants, Register, rank_of, time_of
from execution_monitor.storage.documents import ExecutionStatus, LogLevel
from execution_monitor.storage.rows import BsonDocument

Measure = int | float | datetime

# Makes the value of a stored field fit to be kept: masks secrets and cuts what is too long.
Clean = Callable[[str, Any], Any]

MAX_ID_LENGTH = 1_024
MAX_ATTEMPT = 1_000_000

_NO_MEASURES: Mapping[str, Measure | None] = {}

# What outcomes of one attempt are ranked by. An end that is assumed ranks as running does: a later sign of life undoes
# it, and so does the real end, whenever that was.
_RANK_PENDING, _RANK_RUNNING, _RANK_ENDED = 0, 1, 2
_RANKS_OF_ATTEMPT = 4
_MAX_PLAIN_OUTCOMES = 1_000

# Where an execution keeps the ids of the runs that started it and that it repeats: the executions that these belong
# to may become known later.
PARENT_RUN, RETRY_OF_RUN = "ingest.parent_run_id", "ingest.retry_of_run_id"

# Who speaks of a document: the engine of the document itself, or that of a child, which knows its parent by hearsay.
OWN_WORD = 5
HEARSAY = 1


@dataclass(frozen=True, slots=True)
class OutcomeStamp:
    """What the stamp of an outcome says: of which attempt it is, at which time of the sender, and whether it is final.

    An end that is not final was assumed.
    """

    attempt: int
    at: datetime
    is_final: bool

    @classmethod
    def of(cls, stamp: bytes) -> "OutcomeStamp":
        """The parts of `stamp`, that of a register `outcome`."""
        attempt, rank = divmod(rank_of(stamp), _RANKS_OF_ATTEMPT)
        return cls(attempt, time_of(stamp), rank == _RANK_ENDED)


class DocumentFacts:
    """What is reported of one document: its registers by their names.

    A register has the same fields in every report, with None for those without a value, and no field is in two.

    Attributes:
        since: the earliest time that anything was reported as of.
    """

    __slots__ = ("_clean", "registers", "since")

    def __init__(self, clean: Clean) -> None:
        self._clean = clean
        self.registers: dict[str, Register] = {}
        self.since: datetime | None = None

    def set(  # noqa: PLR0913 - what belongs together
        self,
        name: str,
        fields: Mapping[str, Any],
        *,
        at: datetime,
        rank: int = OWN_WORD,
        earliest: bool = False,
        measures: Mapping[str, Measure | None] = _NO_MEASURES,
    ) -> None:
        """Report the `fields` of the register `name`, as of the time `at` of the sender.

        `measures` are more of its fields, which need no cleaning: they hold no text, times are in UTC and whole
        milliseconds, and numbers are finite and within 64 bits.
        """
        self.see(at)
        # Cleaned before the digest is made: that of a secret would tell it to whoever tries some.
        cleaned = {each: None if value is None else self._clean(each, value) for each, value in fields.items()}
        cleaned |= measures
        register = Register.of(cleaned, rank=rank, at=at, earliest=earliest)
        # A payload that is not kept would only leave its stamp.
        if register.elements or all(value is None for value in fields.values()):
            self._join(name, register)

    def _set_time(  # noqa: PLR0913 - what `Register.of_time` takes
        self,
        name: str,
        field: str,
        at: datetime,
        *,
        rank: int = OWN_WORD,
        earliest: bool = False,
        constants: Constants = NO_CONSTANTS,
    ) -> None:
        """Report the time `at` in the `field` of the register `name`, as of itself."""
        self.see(at)
        cleaned = self._clean(field, at)
        self._join(name, Register.of_time(field, cleaned, rank=rank, earliest=earliest, constants=constants))

    def set_known(self, values: Mapping[str, Any], *, at: datetime, rank: int = OWN_WORD) -> None:
        """Report each of `values` that is not None, in a register of its own, named as the field."""
        for name, value in values.items():
            if value is not None:
                self.set(name, {name: value}, at=at, rank=rank)

    def created(self, at: datetime) -> None:
        """Report that it existed `at` a time; the earliest is kept."""
        self._set_time("created", "created", at, earliest=True)

    def started(self, started_at: datetime, *, attempt: int = 1) -> None:
        """Report when an attempt began; of the last attempt the earliest time is kept."""
        self._set_time("started", "started_at", started_at, rank=attempt, earliest=True)

    def alive(self, at: datetime) -> None:
        """Report a sign of life; the latest is kept."""
        self._set_time("last_heartbeat_at", "last_heartbeat_at", at)

    def beat(self, at: datetime) -> None:
        """Report a heartbeat: a sign of life that comes regularly, so that two minutes without one mean an end."""
        self.alive(at)
        # Its stamp alone says that heartbeats are to be expected.
        self.set("beats", {}, at=at, earliest=True)

    def outcome(  # noqa: PLR0913 - what belongs together and must not be mixed from several reports
        self,
        status: ExecutionStatus,
        *,
        at: datetime,
        attempt: int = 1,
        completed_at: datetime | None = None,
        error: Mapping[str, Any] | None = None,
        detail: str | None = None,
        is_assumed: bool = False,
    ) -> None:
        """Report the status of an attempt, with its end and its error.

        A late start or sign of life of an attempt does not undo its end; those of the next attempt do. What a child
        reports of its parent is of the attempt 0. An `is_assumed` end is undone by any later report.
        """
        if status is ExecutionStatus.PENDING:
            rank = _RANK_PENDING
        elif status.is_terminal and not is_assumed:
            rank = _RANK_ENDED
        else:
            rank = _RANK_RUNNING
        rank += min(attempt, MAX_ATTEMPT) * _RANKS_OF_ATTEMPT
        if completed_at == at and error is None and detail is None:
            constants = _plain_outcome(status.value, max(attempt, 1))
            self._set_time("outcome", "completed_at", at, rank=rank, constants=constants)
            return
        fields = {
            "status": status.value,
            "attempt": max(attempt, 1),
            "error_details": error,
            "status_detail": detail,
            "completed_at": completed_at,
        }
        self.set("outcome", fields, at=at, rank=rank)

    def parent_run(self, run_id: str, *, at: datetime) -> None:
        """Report the run that started this execution, which belongs to another one (`Facts.run`)."""
        self.set("parent_run", {PARENT_RUN: run_id}, at=at)

    def retry_of_run(self, run_id: str, *, at: datetime) -> None:
        """Report the run that this execution repeats, which belongs to another one."""
        self.set("retry_of_run", {RETRY_OF_RUN: run_id}, at=at)

    def joined_with(self, other: "DocumentFacts") -> "DocumentFacts":
        """What both report of the same document."""
        joined = DocumentFacts(self._clean)
        joined.join(self)
        joined.join(other)
        return joined

    def join(self, other: "DocumentFacts") -> None:
        """Add what `other` reports of the same document."""
        for name, register in other.registers.items():
            self._join(name, register)
        if other.since is not None:
            self.see(other.since)

    def see(self, at: datetime) -> None:
        """Report that it existed `at` a time, where no report says when it was created."""
        if self.since is None or at < self.since:
            self.since = at

    def _join(self, name: str, register: Register) -> None:
        known = self.registers.get(name)
        if known is None or known.stamp < register.stamp:
            self.registers[name] = register


@functools.lru_cache(_MAX_PLAIN_OUTCOMES)
def _plain_outcome(status: str, attempt: int) -> Constants:
    """What is the same in all reports that an attempt ended without more."""
    return Constants.of({"status": status, "attempt": attempt, "error_details": None, "status_detail": None})


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log line of an execution; the same `line_id` is the same line, which is stored once."""

    execution_id: str
    line_id: str
    fields: BsonDocument


@dataclass(slots=True)
class Facts:
    """What a request reports. Its documents are those of one tenant and one owner, the caller's.

    Attributes:
        executions: by `execution_id`. Where there is none for a step or a log line, that alone makes it known.
        steps: by `execution_id` and `step_id`.
        log_lines: by `execution_id` and `line_id`.
        runs: the execution that a run belongs to, by the run's id, for engines whose runs name another's run as parent.
        recounted: executions whose totals over their steps are made anew, though none of their steps is reported.
    """

    clean: Clean
    executions: dict[str, DocumentFacts] = field(default_factory=dict[str, DocumentFacts])
    steps: dict[tuple[str, str], DocumentFacts] = field(default_factory=dict[tuple[str, str], DocumentFacts])
    log_lines: dict[tuple[str, str], LogLine] = field(default_factory=dict[tuple[str, str], LogLine])
    runs: dict[str, str] = field(default_factory=dict[str, str])
    recounted: set[str] = field(default_factory=set[str])

    def execution(self, execution_id: str) -> DocumentFacts:
        """What is reported of this execution; raises `BadUserInput` where the id cannot be stored."""
        found = self.executions.get(execution_id)
        if found is None:
            found = self.executions[check_id(execution_id, "executionId")] = DocumentFacts(self.clean)
        return found

    def step(self, execution_id: str, step_id: str) -> DocumentFacts:
        """What is reported of this step; raises `BadUserInput` where an id cannot be stored."""
        found = self.steps.get((execution_id, step_id))
        if found is None:
            key = check_id(execution_id, "executionId"), check_id(step_id, "stepId")
            found = self.steps[key] = DocumentFacts(self.clean)
        return found

    def log(  # noqa: PLR0913 - the fields of a line
        self,
        execution_id: str,
        line_id: str,
        *,
        at: datetime,
        message: str,
        level: LogLevel | str = LogLevel.INFO,
        step_id: str | None = None,
        attributes: Any = None,
    ) -> None:
        """Report a log line; `level` is stored as the sender spells it."""
        values = {
            "timestamp": at,
            "level": str(level),
            "message": message,
            "step_id": step_id,
            "attributes": attributes,
        }
        fields = {name: self.clean(name, value) for name, value in values.items() if value is not None}
        key = check_id(execution_id, "executionId"), check_id(line_id, "id")
        self._log(LogLine(*key, fields))

    def run(self, run_id: str, execution_id: str) -> None:
        """Report that the run with this id belongs to an execution."""
        self.runs[check_id(run_id, "run id")] = check_id(execution_id, "executionId")

    def join(self, other: "Facts") -> None:
        """Add what `other` reports, which is of the same owner."""
        for execution_id, execution in other.executions.items():
            self.execution(execution_id).join(execution)
        for key, step in other.steps.items():
            known = self.steps.get(key)
            # Nothing is added to that of `other`, which goes on being its own.
            self.steps[key] = step if known is None else known.joined_with(step)
        for line in other.log_lines.values():
            self._log(line)
        self.runs |= other.runs
        self.recounted |= other.recounted

    def _log(self, line: LogLine) -> None:
        known = self.log_lines.setdefault((line.execution_id, line.line_id), line)
        # Where a sender gives two lines one id, the same one is kept whichever came first.
        if repr(line.fields) < repr(known.fields):
            self.log_lines[line.execution_id, line.line_id] = line

    @property
    def execution_ids(self) -> Sequence[str]:
        """The executions that it is about, each once."""
        of_steps = (execution_id for execution_id, _ in (*self.steps, *self.log_lines))
        return list(dict.fromkeys([*self.executions, *of_steps]))


def check_id(value: str, name: str) -> str:
    """Return the id `value`; raises `BadUserInput` where it is empty, too long, or no text that MongoDB can hold."""
    if not 0 < len(value) <= MAX_ID_LENGTH:
        raise BadUserInput(f"{name} has {len(value):,} characters; it must have 1 to {MAX_ID_LENGTH:,}.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadUserInput(f"{name} is not valid Unicode text.") from error
    return value

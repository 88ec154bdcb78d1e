"""Reports by mutation: what they return, and how they are stored. The owner and the tenant are the caller's."""

from collections.abc import Callable
from datetime import datetime

import strawberry

from execution_monitor.auth.caller import Scope
from execution_monitor.errors import BadUserInput, Forbidden
from execution_monitor.graphql.context import ContextInfo
from execution_monitor.graphql.selection import selected_by
from execution_monitor.graphql.types.connection import IDENTITY, fields_to_read
from execution_monitor.graphql.types.execution import Execution
from execution_monitor.graphql.types.report_facts import add_execution, add_log_line, add_running, add_step
from execution_monitor.graphql.types.report_inputs import AppendLogsInput, ReportExecutionInput, ReportStepsInput
from execution_monitor.ingest.service import Stored
from execution_monitor.ingest.writer.facts import Facts, check_id
from execution_monitor.ingest.writer.step_limit import MAX_STEPS

# Of one request.
MAX_ENTRIES = 1_000
_TOO_MANY_STEPS = f"An execution has at most {MAX_STEPS:,} steps; this one is beyond them, and was not stored."


@strawberry.type(description="An entry of a report that was not stored; the others were.")
class Rejection:
    """Which entry, and why."""

    index: int = strawberry.field(description="Its place in the list that was sent, from 0.")
    code: str = strawberry.field(description="The code that an error would have, such as BAD_USER_INPUT.")
    message: str = strawberry.field(description="What is wrong with it, and what to send instead.")


@strawberry.type(description="A report of an execution that was stored.")
class ReportExecutionPayload:
    """The result of `reportExecution`."""

    changed: bool = strawberry.field(
        description="Whether anything of the execution changed; false for a report that was stored before, or is older."
    )
    execution: Execution | None = strawberry.field(
        description="The execution as it is now; null without the right to read it."
    )


@strawberry.type(description="Steps that were stored.")
class ReportStepsPayload:
    """The result of `reportSteps`."""

    accepted: int = strawberry.field(description="How many were stored, those among them that change nothing.")
    rejected: list[Rejection] = strawberry.field(description="Those that were not.")


@strawberry.type(description="Log lines that were stored.")
class AppendLogsPayload:
    """The result of `appendLogs`."""

    accepted: int = strawberry.field(description="How many were stored, those among them that were stored before.")
    rejected: list[Rejection] = strawberry.field(description="Those that were not.")


async def resolve_report_execution(info: ContextInfo, report: ReportExecutionInput) -> ReportExecutionPayload:
    """Store what a program knows of an execution.

    Raises:
        BadUserInput: a value is wrong.
        Forbidden: the id is taken, or cannot be had.
    """
    facts = info.context.ingest.begin()
    add_execution(facts, report)
    stored = await _store(info, facts, report.execution_id)
    execution = await _find(info, report.execution_id)
    return ReportExecutionPayload(changed=report.execution_id in stored.changed, execution=execution)


async def resolve_report_steps(info: ContextInfo, report: ReportStepsInput) -> ReportStepsPayload:
    """Store what a program knows of the steps of an execution.

    Raises:
        BadUserInput: there are too many, or the id of the execution cannot be stored.
        Forbidden: the id is taken, or cannot be had.
    """
    execution_id = report.execution_id
    entries = _Entries(info, execution_id, "steps", len(report.steps))
    for index, step in enumerate(report.steps):
        entries.add(index, lambda facts, step=step: add_step(facts, execution_id, step))
    stored = await entries.store()
    if stored.left_out:
        for index, step in enumerate(report.steps):
            if (execution_id, step.step_id) in stored.left_out:
                entries.reject(index, BadUserInput(_TOO_MANY_STEPS))
    return ReportStepsPayload(accepted=len(report.steps) - len(entries.rejected), rejected=entries.rejected)


async def resolve_append_logs(info: ContextInfo, report: AppendLogsInput) -> AppendLogsPayload:
    """Store log lines of an execution.

    Raises:
        BadUserInput: there are too many, or the id of the execution cannot be stored.
        Forbidden: the id is taken, or cannot be had.
    """
    execution_id = report.execution_id
    entries = _Entries(info, execution_id, "entries", len(report.entries))
    for index, entry in enumerate(report.entries):
        entries.add(index, lambda facts, entry=entry: add_log_line(facts, execution_id, entry))
    await entries.store()
    return AppendLogsPayload(accepted=len(report.entries) - len(entries.rejected), rejected=entries.rejected)


class _Entries:
    """The entries of a report of one execution: those that are right are stored, and the others rejected."""

    def __init__(self, info: ContextInfo, execution_id: str, name: str, count: int) -> None:
        self._execution_id = check_id(execution_id, "executionId")
        if count > MAX_ENTRIES:
            raise BadUserInput(f"{name} has {count:,} entries; send at most {MAX_ENTRIES:,} at once.")
        self._info = info
        self._facts = info.context.ingest.begin()
        self._times: list[datetime] = []
        self._rejected: dict[int, Rejection] = {}

    @property
    def rejected(self) -> list[Rejection]:
        """Those that are not stored, in the order in which they were sent."""
        return [self._rejected[index] for index in sorted(self._rejected)]

    def add(self, index: int, describe: Callable[[Facts], datetime]) -> None:
        """Add an entry, which `describe` adds to facts and says the time of; or reject it."""
        try:
            self._times.append(describe(self._facts))
        except BadUserInput as error:
            self.reject(index, error)

    def reject(self, index: int, error: BadUserInput) -> None:
        """Reject an entry, once."""
        self._rejected.setdefault(index, Rejection(index=index, code=error.code, message=error.message))

    async def store(self) -> Stored:
        """Store those that were added; raises `Forbidden` where the execution is not the caller's."""
        if not self._times:
            return Stored()
        add_running(self._facts, self._execution_id, min(self._times), max(self._times))
        return await _store(self._info, self._facts, self._execution_id)


async def _store(info: ContextInfo, facts: Facts, execution_id: str) -> Stored:
    """Store `facts` of one execution."""
    stored: Stored = await info.context.ingest.store(info.context.caller, facts)
    refusal = stored.refused.get(execution_id)
    if refusal is not None:
        raise Forbidden(refusal)
    info.context.outcome.answer_with(*stored.changed)
    return stored


async def _find(info: ContextInfo, execution_id: str) -> Execution | None:
    context, selected = info.context, selected_by(info, "execution")
    if not selected or not context.caller.may(Scope.EXECUTIONS_READ):
        return None
    fields = fields_to_read(Execution, selected) | IDENTITY | {"_id"}
    row = await context.monitor.executions.find(context.caller, execution_id, fields)
    return None if row is None else Execution.of(row)

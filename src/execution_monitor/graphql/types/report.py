"""Reports by mutation: what they return, and how they are stored. The owner and the tenant are the caller's."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

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

# Of one request.
MAX_ENTRIES = 1_000

Entry = TypeVar("Entry")


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
    changed = await _store(info, facts, report.execution_id)
    return ReportExecutionPayload(changed=changed, execution=await _find(info, report.execution_id))


async def resolve_report_steps(info: ContextInfo, report: ReportStepsInput) -> ReportStepsPayload:
    """Store what a program knows of the steps of an execution.

    Raises:
        BadUserInput: there are too many, or the id of the execution cannot be stored.
        Forbidden: the id is taken, or cannot be had.
    """
    execution_id = report.execution_id
    accepted, rejected = await _store_entries(
        info, execution_id, report.steps, "steps", lambda facts, step: add_step(facts, execution_id, step)
    )
    return ReportStepsPayload(accepted=accepted, rejected=rejected)


async def resolve_append_logs(info: ContextInfo, report: AppendLogsInput) -> AppendLogsPayload:
    """Store log lines of an execution.

    Raises:
        BadUserInput: there are too many, or the id of the execution cannot be stored.
        Forbidden: the id is taken, or cannot be had.
    """
    execution_id = report.execution_id
    accepted, rejected = await _store_entries(
        info, execution_id, report.entries, "entries", lambda facts, entry: add_log_line(facts, execution_id, entry)
    )
    return AppendLogsPayload(accepted=accepted, rejected=rejected)


async def _store_entries(
    info: ContextInfo,
    execution_id: str,
    entries: Sequence[Entry],
    name: str,
    add: Callable[[Facts, Entry], datetime],
) -> tuple[int, list[Rejection]]:
    """Store the entries that are right; returns how many these are, and the others."""
    check_id(execution_id, "executionId")
    if len(entries) > MAX_ENTRIES:
        raise BadUserInput(f"{name} has {len(entries):,} entries; send at most {MAX_ENTRIES:,} at once.")
    facts = info.context.ingest.begin()
    times, rejected = list[datetime](), list[Rejection]()
    for index, entry in enumerate(entries):
        try:
            times.append(add(facts, entry))
        except BadUserInput as error:
            rejected.append(Rejection(index=index, code=error.code, message=error.message))
    if times:
        add_running(facts, execution_id, min(times), max(times))
        await _store(info, facts, execution_id)
    return len(times), rejected


async def _store(info: ContextInfo, facts: Facts, execution_id: str) -> bool:
    """Store `facts` of one execution; returns whether anything changed."""
    stored: Stored = await info.context.ingest.store(info.context.caller, facts)
    refusal = stored.refused.get(execution_id)
    if refusal is not None:
        raise Forbidden(refusal)
    has_changed = execution_id in stored.changed
    if has_changed:
        info.context.outcome.answer_with(execution_id)
    return has_changed


async def _find(info: ContextInfo, execution_id: str) -> Execution | None:
    context, selected = info.context, selected_by(info, "execution")
    if not selected or not context.caller.may(Scope.EXECUTIONS_READ):
        return None
    fields = fields_to_read(Execution, selected) | IDENTITY | {"_id"}
    row = await context.monitor.executions.find(context.caller, execution_id, fields)
    return None if row is None else Execution.of(row)

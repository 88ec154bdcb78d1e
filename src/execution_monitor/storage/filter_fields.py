"""Filter fields: one table of what executions and audit events can be filtered by.

The GraphQL inputs, the redaction of the audit trail and the advice in QUERY_TIMEOUT errors follow from it. To add a
field, add an entry; it need not be indexed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache

from beanie import Document

from execution_monitor.storage.documents import Execution
from execution_monitor.storage.server_documents import AuditEvent


class FilterKind(Enum):
    """The type of a field's values, which decides its operators: one GraphQL input per kind."""

    ID = auto()
    TEXT = auto()
    STATUS = auto()
    TIME = auto()
    NUMBER = auto()
    INTEGER = auto()
    BIG_INTEGER = auto()
    DURATION = auto()  # a number that grows while an execution runs
    TAG = auto()
    AUDIT_KIND = auto()
    AUDIT_OUTCOME = auto()
    MEMBER = auto()  # a text in a list of texts
    ERROR_GROUP = auto()  # ids that each hold a condition on several fields


# Operators whose values the audit trail may keep. `contains` is free text, as are the texts that it searches.
_EXACT = frozenset({"eq", "in", "notIn", "isNull"})
_NAME = _EXACT | {"startsWith"}
_RANGE = frozenset({"eq", "gt", "gte", "lt", "lte", "withinSeconds", "isNull"})


@dataclass(frozen=True, slots=True)
class FilterField:
    """One field of a filter.

    Attributes:
        name: The name in GraphQL.
        stored: The dotted path in the stored document.
        kind: The type of its values, and so its operators.
        description: The description in the GraphQL schema.
        indexed: An index has the rows of each value in the default order; QUERY_TIMEOUT errors recommend the field.
        audited: The operators whose values the audit trail may keep; by default it keeps none.
    """

    name: str
    stored: str
    kind: FilterKind
    description: str
    indexed: bool = False
    audited: frozenset[str] = frozenset()


EXECUTION_FIELDS = (
    FilterField(
        "executionId", "execution_id", FilterKind.ID, "The id that the engine gave the execution.", audited=_EXACT
    ),
    FilterField("status", "status", FilterKind.STATUS, "The state it is in.", indexed=True, audited=_EXACT),
    FilterField(
        "workflowName", "workflow_name", FilterKind.TEXT, "The name of the workflow.", indexed=True, audited=_NAME
    ),
    FilterField(
        "workflowTemplateId",
        "workflow_template_id",
        FilterKind.ID,
        "The template that the workflow was made from.",
        indexed=True,
        audited=_EXACT,
    ),
    FilterField("userId", "user_id", FilterKind.ID, "The owner.", audited=_EXACT),
    FilterField(
        "triggeredBy",
        "triggered_by",
        FilterKind.TEXT,
        "The person, schedule or event that started it.",
        indexed=True,
        audited=_NAME,
    ),
    FilterField("sessionId", "session_id", FilterKind.ID, "The session it belongs to.", indexed=True, audited=_EXACT),
    FilterField(
        "parentExecutionId",
        "parent_execution_id",
        FilterKind.ID,
        "The execution that started it; `isNull: true` finds those at the top.",
        indexed=True,
        audited=_EXACT,
    ),
    FilterField("createdAt", "created", FilterKind.TIME, "When it was submitted.", indexed=True, audited=_RANGE),
    FilterField("startedAt", "started_at", FilterKind.TIME, "When its first step began.", audited=_RANGE),
    FilterField("completedAt", "completed_at", FilterKind.TIME, "When it reached a final state.", audited=_RANGE),
    FilterField("updatedAt", "updated", FilterKind.TIME, "When it last changed.", audited=_RANGE),
    FilterField(
        "durationSeconds",
        "total_duration",
        FilterKind.DURATION,
        "Seconds from start to end; of an execution that has not ended, from its start to now. Now is the moment at "
        "which the first page of a list was read, or that of the change in live updates: time alone sends no update.",
        audited=_RANGE,
    ),
    FilterField("totalCost", "total_cost", FilterKind.NUMBER, "What it has cost.", audited=_RANGE),
    FilterField(
        "tokensUsed",
        "tokens_used",
        FilterKind.INTEGER,
        "As `tokens`, with bounds up to 2147483647.",
        audited=_RANGE,
    ),
    FilterField(
        "tokens",
        "tokens_used",
        FilterKind.BIG_INTEGER,
        "Tokens of language models used by all steps.",
        audited=_RANGE,
    ),
    FilterField("tags", "tags", FilterKind.TAG, "A tag that it has.", audited=frozenset({"key"})),
    FilterField(
        "errorMessage",
        "error_details.message",
        FilterKind.TEXT,
        "The message of its error.",
        audited=frozenset({"isNull"}),
    ),
    FilterField(
        "errorCode", "error_details.code", FilterKind.ID, "The code of its error.", indexed=True, audited=_EXACT
    ),
    # An id holds the pattern of a message, so the audit trail keeps none.
    FilterField(
        "errorGroup",
        "error_details",
        FilterKind.ERROR_GROUP,
        "The group of failures that it is in, by code, type and message pattern of its error.",
    ),
)

AUDIT_EVENT_FIELDS = (
    FilterField("at", "at", FilterKind.TIME, "When the event happened.", indexed=True, audited=_RANGE),
    FilterField("kind", "kind", FilterKind.AUDIT_KIND, "What the event records.", audited=_EXACT),
    FilterField("outcome", "outcome", FilterKind.AUDIT_OUTCOME, "The result of the request.", audited=_EXACT),
    FilterField("code", "codes", FilterKind.MEMBER, "The error codes of the event.", audited=_EXACT),
    FilterField("subject", "subject", FilterKind.ID, "The user who made the request.", indexed=True, audited=_EXACT),
    FilterField("operationName", "operation_name", FilterKind.ID, "The name of the GraphQL operation.", audited=_EXACT),
    FilterField(
        "executionId",
        "execution_ids",
        FilterKind.MEMBER,
        "The ids of the first 100 executions of the response or stream.",
        indexed=True,
        audited=_EXACT,
    ),
)

FILTER_FIELDS: Mapping[type[Document], tuple[FilterField, ...]] = {
    Execution: EXECUTION_FIELDS,
    AuditEvent: AUDIT_EVENT_FIELDS,
}


@cache
def indexed_filters(document: type[Document]) -> Mapping[str, str]:
    """The names in GraphQL of the indexed filter fields of `document`, by their stored paths; the time comes first."""
    indexed = [each for each in FILTER_FIELDS.get(document, ()) if each.indexed]
    return {each.stored: each.name for each in sorted(indexed, key=lambda each: each.kind is not FilterKind.TIME)}

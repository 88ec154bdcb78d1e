"""Redacts the arguments of operations for the audit trail: only values that identify or measure are kept.

The free text of a filter may quote inputs, results and error messages. The trail must not hold these, since reading it
does not take the scope `executions:payload`. So a value is kept only where the table below allows it; the values of a
new argument are left out until the table has it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, Literal, cast

from execution_monitor.storage.filter_fields import AUDIT_EVENT_FIELDS, EXECUTION_FIELDS

LEFT_OUT = "[left out]"
CUT = "[cut]"

MAX_TEXT = 200  # characters, of which an id or a name has fewer
MAX_LISTED = 20  # values of one list
MAX_FIELDS = 50  # arguments or fields side by side
MAX_VALUES = 100  # values of one operation: 20 kB at most
_INT_64 = 2**63

# Keys that are stored: names of the schema, and query parameters that have the form of one.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MAX_FIELD = 128  # characters of a root field and its alias

COUNTED: Final = "counted"  # of a list, how many values it has
MASKED: Final = "masked"  # of a text, what is left without the secrets in it

# The rule for an argument: whether its value is kept, counted or masked, or the rules for the fields of its value.
Rule = bool | Literal["counted", "masked"] | Mapping[str, "Rule"]
# Masks the secrets in a text.
Mask = Callable[[str], str]


def _shown(*names: str) -> Mapping[str, Rule]:
    return dict.fromkeys(names, True)


_FILTER: dict[str, Rule] = {each.name: _shown(*each.audited) for each in (*EXECUTION_FIELDS, *AUDIT_EVENT_FIELDS)}


def _with_combinators(fields: dict[str, Rule]) -> Mapping[str, Rule]:
    """The rules of a filter, and the same for the filters in it."""
    fields.update(dict.fromkeys(("and", "or", "not"), fields))
    return fields


ARGUMENTS: Mapping[str, Rule] = {
    "filter": _with_combinators(_FILTER),
    "sort": _shown("field", "direction"),
    # Of GraphQL. A cursor holds the values that a list is sorted by.
    **_shown("id", "ids", "executionId", "webhookId", "ruleId", "days", "state", "first", "last", "minLevel"),
    # Of statistics.
    **_shown("timeZone", "interval", "allowSampling"),
    # Of mutations.
    "input": {
        **_shown("scopes", "userId", "expiresAt", "executionId", "reportedAt", "status", "attempt"),
        # What they are stored as is masked, too.
        **dict.fromkeys(("name", "workflowName"), MASKED),
        **dict.fromkeys(("steps", "entries"), COUNTED),
        # Of webhooks: never the address.
        "filter": _with_combinators(_FILTER),
        **_shown("on", "includePayloads", "enabled", "keepOldSeconds", "ids", "from", "to"),
        # Of alerts: never where they are sent to.
        "condition": {
            "event": {"match": _with_combinators(_FILTER)},
            "rate": {
                "match": _with_combinators(_FILTER),
                **_shown("windowSeconds", "shareAbove", "countAbove", "minimumEnded"),
            },
            "duration": _shown("longerThanSeconds", "longerThanPercentile"),
            "silence": {"cron": MASKED, **_shown("everySeconds", "timeZone", "graceSeconds")},
            "sum": _shown("of", "windowSeconds", "above"),
        },
        "channels": COUNTED,
        **_shown("groupBy", "forSeconds", "repeatAfterSeconds", "until"),
        # Of saved views and error groups: neither the address, which holds a filter, nor the note.
        **_shown("id", "isShared", "assignee", "mutedUntil"),
    },
    # Of what engines report: how many there were in a request.
    **_shown("events", "unreadable", "spans", "logRecords", "dataPoints"),
    # Of REST.
    **_shown("status", "workflow_id", "workflow_template_id", "start_date", "end_date", "sort_by", "order"),
    **_shown("page", "page_size", "limit", "execution_id"),
    **_shown("interval", "timezone", "group_by", "allow_sampling"),
}
# Of single root fields, beside these: the id of an error group holds the pattern of a message.
_OF_FIELD: Mapping[str, Mapping[str, Rule]] = {"annotateErrorGroup": {**ARGUMENTS, "id": False}}


def leave_out(_: str) -> str:
    """Mask the whole of a text."""
    return LEFT_OUT


def show_arguments(fields: Mapping[str, Mapping[str, Any]], mask: Mask = leave_out) -> dict[str, Any]:
    """Redact the arguments of each root field, named `name` or `alias: name`; the result is bounded and is BSON."""
    budget = _Budget(MAX_VALUES, mask)
    return {
        name[-_MAX_FIELD:]: _show_object(arguments, _OF_FIELD.get(name.rpartition(": ")[2], ARGUMENTS), budget)
        for name, arguments in list(fields.items())[:MAX_LISTED]
        if all(map(_NAME.fullmatch, name.split(": ")))
    }


def shorten(text: str | None, limit: int = MAX_TEXT) -> str | None:
    """Cut `text` to `limit` characters, and replace what UTF-8 cannot encode."""
    if text is None or (len(text) <= limit and text.isascii()):
        return text
    return text[:limit].encode("utf-8", "replace").decode()


def shorten_all(texts: Sequence[str]) -> Sequence[str | None]:
    """`shorten` each of `texts`; nearly always they are returned as they are."""
    if max(map(len, texts), default=0) <= MAX_TEXT and "".join(texts).isascii():
        return texts
    return list(map(shorten, texts))


@dataclass(slots=True)
class _Budget:
    left: int  # values that may still be kept
    mask: Mask


def _show_object(given: Mapping[str, Any], rules: Mapping[str, Rule], budget: _Budget) -> dict[str, Any]:
    named = [each for each in given.items() if _NAME.fullmatch(each[0])]
    return {name: _show(value, rules.get(name, False), budget) for name, value in named[:MAX_FIELDS]}


def _show(value: Any, rule: Rule, budget: _Budget) -> Any:
    if value is None:
        return None
    if rule is False:
        return LEFT_OUT
    if budget.left <= 0:
        return CUT
    if isinstance(value, list | tuple):
        return _show_list(cast("Sequence[Any]", value), rule, budget)
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return _show_object(fields, rule, budget) if isinstance(rule, Mapping) else LEFT_OUT
    budget.left -= 1
    if rule == MASKED and isinstance(value, str):
        value = budget.mask(value)
    # A value where the table expects fields is left out.
    return _show_scalar(value) if rule is True or rule == MASKED else LEFT_OUT


def _show_list(given: Sequence[Any], rule: Rule, budget: _Budget) -> Any:
    if rule == COUNTED:
        return len(given)
    kept = [_show(each, rule, budget) for each in given[:MAX_LISTED]]
    return kept if len(kept) == len(given) else [*kept, CUT]


def _show_scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str):
        return shorten(value)
    if isinstance(value, int) and not -_INT_64 <= value < _INT_64:
        return CUT
    return value if isinstance(value, bool | int | float | datetime) else LEFT_OUT

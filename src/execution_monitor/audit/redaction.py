"""Arguments as the audit trail keeps them: what is known to identify or to measure is shown, all else is left out.

A filter's free text may quote inputs, results and error messages, which the trail must not hold: its readers need no
`executions:payload`. So a value is shown only where the table below says so; whoever adds an argument to the API and
forgets this table leaves its values out of the trail.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, cast

from execution_monitor.storage.filter_fields import AUDIT_EVENT_FIELDS, EXECUTION_FIELDS

LEFT_OUT = "[left out]"
CUT = "[cut]"

MAX_TEXT = 200  # characters, of which an id or a name has fewer
MAX_LISTED = 20  # values of one list
MAX_FIELDS = 50  # arguments or fields side by side
MAX_VALUES = 100  # values of one operation: 20 kB at most
_INT_64 = 2**63

# What may be a key in the database: a name of the schema, or a query parameter that is written like one.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MAX_FIELD = 128  # characters of a root field and its alias

# What is said of an argument: whether its value is shown, or what is said of the fields in it.
Rule = bool | Mapping[str, "Rule"]


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
    **_shown("id", "ids", "executionId", "first", "last", "minLevel"),
    # Of REST.
    **_shown("status", "workflow_id", "workflow_template_id", "start_date", "end_date", "sort_by", "order"),
    **_shown("page", "page_size", "limit", "execution_id"),
}


def show_arguments(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The arguments of each root field, `name` or `alias: name`, as they may be kept: bounded, redacted, BSON."""
    budget = _Budget(MAX_VALUES)
    return {
        name[-_MAX_FIELD:]: _show_object(arguments, ARGUMENTS, budget)
        for name, arguments in list(fields.items())[:MAX_LISTED]
        if all(map(_NAME.fullmatch, name.split(": ")))
    }


def shorten(text: str | None, limit: int = MAX_TEXT) -> str | None:
    """`text`, cut where it is longer, as UTF-8 can spell it."""
    if text is None or (len(text) <= limit and text.isascii()):
        return text
    return text[:limit].encode("utf-8", "replace").decode()


def shorten_all(texts: Sequence[str]) -> Sequence[str | None]:
    """`texts`, each as `shorten` leaves it; nearly always that is as it was."""
    if max(map(len, texts), default=0) <= MAX_TEXT and "".join(texts).isascii():
        return texts
    return list(map(shorten, texts))


@dataclass(slots=True)
class _Budget:
    left: int  # values that may still be shown


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
        given = cast("list[Any]", value)
        kept = [_show(each, rule, budget) for each in given[:MAX_LISTED]]
        return kept if len(kept) == len(given) else [*kept, CUT]
    if isinstance(value, Mapping):
        return LEFT_OUT if rule is True else _show_object(cast("Mapping[str, Any]", value), rule, budget)
    budget.left -= 1
    # A value where fields were expected is none that the table speaks of.
    return _show_scalar(value) if rule is True else LEFT_OUT


def _show_scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, str):
        return shorten(value)
    if isinstance(value, int) and not -_INT_64 <= value < _INT_64:
        return CUT
    return value if isinstance(value, bool | int | float | datetime) else LEFT_OUT

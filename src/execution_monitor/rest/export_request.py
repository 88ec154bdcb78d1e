"""The query parameters of the export of executions: their declarations, and the request that they make."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from starlette.datastructures import QueryParams

from execution_monitor.errors import BadUserInput
from execution_monitor.rest.list_request import FILTER_PARAMETERS, ORDER, SORT_BY, read_filter, read_order
from execution_monitor.rest.parameters import Choice, Parameter, Text, refuse_unknown
from execution_monitor.storage.filters import Filter, all_of
from execution_monitor.storage.sorting import Order

# Reads the JSON of GraphQL's `ExecutionFilter`; raises `ValueError`.
ReadArgumentFilter = Callable[[object], Filter]


class ExportFormat(StrEnum):
    """The formats of an export."""

    CSV = "csv"
    JSONL = "jsonl"


FORMAT = Parameter(
    "format",
    Choice(tuple(ExportFormat)),
    "`csv`: RFC 4180 with a line of names first, for spreadsheets; `jsonl`: one JSON object a line.",
    ExportFormat.CSV.value,
)
FILTER: Parameter[str | None] = Parameter(
    "filter",
    Text(),
    "A condition beside the other parameters: the JSON of GraphQL's `ExecutionFilter`, such as "
    '`{"workflowName": {"eq": "nightly"}}`.',
    None,
)

EXPORT_PARAMETERS = (FORMAT, *FILTER_PARAMETERS, FILTER, SORT_BY, ORDER)


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """A request for all executions that match `where`, in `order`."""

    format: ExportFormat
    where: Filter
    order: Order


def read_export_request(query: QueryParams, read_argument: ReadArgumentFilter) -> ExportRequest:
    """Read an export request; raises `BadUserInput` for a parameter that is not valid or not known."""
    refuse_unknown(query, EXPORT_PARAMETERS)
    where, given = read_filter(query), FILTER.read(query)
    if given is not None:
        where = all_of(where, _read_argument(given, read_argument))
    return ExportRequest(ExportFormat(FORMAT.read(query)), where, read_order(query))


def _read_argument(text: str, read_argument: ReadArgumentFilter) -> Filter:
    try:
        # A name that is given twice would hide a condition.
        return read_argument(json.loads(text, object_pairs_hook=_without_repeats))
    except (ValueError, RecursionError) as error:
        cause = "it is nested too deep." if isinstance(error, RecursionError) else str(error)
        if isinstance(error, json.JSONDecodeError):
            cause = "it is not JSON."
        raise BadUserInput(
            f'filter must be the JSON of an ExecutionFilter, such as {{"status": {{"eq": "FAILED"}}}}: {cause}'
        ) from error


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice in one object.")
    return found

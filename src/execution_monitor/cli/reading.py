"""Read executions over the public API: a list of them, and one in detail."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from execution_monitor.cli.api_client import ApiClient
from execution_monitor.cli.output import (
    cells,
    console,
    duration,
    is_terminal,
    local_time,
    print_fields,
    print_json,
    state,
    table,
)
from execution_monitor.cli.server_address import CommandFailed

_PAGE = 100
_ERROR = ("code", "type", "message", "stepId")
NOT_FOUND = "There is no such execution, or you may not see it."

_LIST = """query List($filter: ExecutionFilter, $first: Int, $after: String) {
  executions(filter: $filter, first: $first, after: $after) {
    nodes {
      executionId status statusDetail workflowName createdAt durationSeconds userId error { code message }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
_SHOW = """query Show($id: String!) {
  execution(executionId: $id) {
    executionId name workflowName workflowTemplateId status statusDetail createdAt startedAt completedAt updatedAt
    durationSeconds progress { currentStep totalSteps percentage } triggeredBy userId sessionId attempt
    parentExecutionId retryOfExecutionId recoveredBy tags { key value } totalCost tokens
    error { code type message stepId }
    steps(first: 1000) {
      nodes { stepId name status attempt startedAt durationSeconds error { message } }
      pageInfo { hasNextPage }
    }
  }
}"""


def list_executions(client: ApiClient, where: Mapping[str, Any] | None, first: int, *, as_json: bool) -> None:
    """Print the newest executions that match."""
    rows = _executions(client, where, first)
    if as_json:
        for row in rows:
            print_json(row)
    elif is_terminal():
        shown = table("Created", "Status", "Workflow", "Execution", "Duration", "Error", right=["Duration"])
        for row in rows:
            shown.add_row(
                *cells(
                    local_time(row["createdAt"]),
                    state(row["status"]),
                    row["workflowName"],
                    row["executionId"],
                    duration(row["durationSeconds"]),
                    _message_of(row),
                )
            )
        console().print(shown if shown.row_count else "No execution matches.")
    else:
        for row in rows:
            names = ("executionId", "status", "workflowName", "createdAt", "durationSeconds", "userId")
            print_fields(*(row[name] for name in names), _message_of(row))


def _executions(client: ApiClient, where: Mapping[str, Any] | None, first: int) -> Iterator[Mapping[str, Any]]:
    left, after = first, None
    while left > 0:
        page = client.execute(_LIST, filter=where, first=min(left, _PAGE), after=after)["executions"]
        yield from page["nodes"]
        left -= len(page["nodes"])
        after = page["pageInfo"]["endCursor"]
        # A page may be empty where the server searched for as long as it may.
        if not page["pageInfo"]["hasNextPage"] or after is None:
            return


def show_execution(client: ApiClient, execution_id: str, *, as_json: bool) -> None:
    """Print one execution with its steps."""
    found = client.execute(_SHOW, id=execution_id)["execution"]
    if found is None:
        raise CommandFailed(NOT_FOUND)
    if as_json:
        print_json(found)
    elif is_terminal():
        _show_in_terminal(found)
    else:
        for name, value in _facts_of(found):
            print_fields(name, value)
        for step in found["steps"]["nodes"]:
            names = ("stepId", "status", "name", "attempt", "startedAt", "durationSeconds")
            print_fields("step", *(step[name] for name in names), _message_of(step))


def _show_in_terminal(found: Mapping[str, Any]) -> None:
    out = console()
    facts = table("", "")
    facts.show_header = False
    for name, value in _facts_of(found):
        match name:
            case "status":
                shown: Any = state(str(value))
            case "durationSeconds":
                shown = duration(value)
            case "createdAt" | "startedAt" | "completedAt" | "updatedAt":
                shown = local_time(value)
            case _:
                shown = value
        facts.add_row(Text(name, "dim"), *cells(shown))
    out.print(facts)
    steps = table("Step", "Status", "Name", "Started", "Duration", "Error", right=["Duration"])
    for step in found["steps"]["nodes"]:
        steps.add_row(
            *cells(
                step["stepId"],
                state(step["status"]),
                step["name"],
                local_time(step["startedAt"]),
                duration(step["durationSeconds"]),
                _message_of(step),
            )
        )
    if steps.row_count:
        out.print()
        out.print(steps)
    if found["steps"]["pageInfo"]["hasNextPage"]:
        out.print("There are more steps than these 1,000.")


def _facts_of(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The names and values of an execution that there are, its steps left out."""
    for name, value in found.items():
        if name == "steps" or value is None:
            continue
        if name == "tags":
            yield from (("tag", f"{tag['key']}={tag['value']}") for tag in value)
        elif name == "error":
            yield from ((f"error.{inner}", value[inner]) for inner in _ERROR if value[inner] is not None)
        elif name != "progress":
            yield name, value
        elif value["totalSteps"]:
            yield name, f"{value['currentStep']}/{value['totalSteps']} {value['percentage']:.0f} %"


def _message_of(row: Mapping[str, Any]) -> str | None:
    return row["error"] and row["error"]["message"]

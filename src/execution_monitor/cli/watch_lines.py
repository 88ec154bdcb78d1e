"""Render events as lines of a terminal: time, state in colour, what it is about, and details."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.text import Text

STYLES = {
    "PENDING": "dim",
    "RUNNING": "cyan",
    "PAUSED": "yellow",
    "COMPLETED": "green",
    "FAILED": "bold red",
    "CANCELLED": "magenta",
    "TIMED_OUT": "bold yellow",
    "ERROR": "red",
    "CRITICAL": "bold red",
    "WARNING": "yellow",
}
_WIDTH = max(map(len, STYLES))
_REMOVALS = {"LEFT": "no longer matches", "DELETED": "was deleted"}


def render_event(event: Mapping[str, Any]) -> Text:
    """One event of a subscription as a line."""
    if event["__typename"] == "StepUpdate":
        step = event["step"]
        return _line(event, step["status"], f"step {step['name']}", _details(step))
    if event["__typename"] == "LogAppended":
        entry = event["entry"]
        return _line(event, entry["level"], entry["message"], ())
    if event["kind"] == "GAP":
        return _line(event, "GAP", "Events were missed; read the list again.", ())
    execution, execution_id = event["execution"], event["executionId"]
    if execution is None or event["kind"] in _REMOVALS:
        return _line(event, event["kind"], f"{execution_id} {_REMOVALS.get(event['kind'], '')}".rstrip(), ())
    return _line(event, execution["status"], f"{execution['workflowName']} {execution_id}", _details(execution))


def _line(event: Mapping[str, Any], state: str, what: str, details: Iterator[str] | tuple[()]) -> Text:
    at = datetime.fromisoformat(event["occurredAt"]).astimezone()
    line = Text(f"{at:%H:%M:%S} ")
    line.append(state.ljust(_WIDTH), STYLES.get(state, ""))
    line.append(f" {printable(what)}")
    for each in details:
        line.append(f"  {printable(each)}", "dim")
    return line


def _details(shown: Mapping[str, Any]) -> Iterator[str]:
    if shown.get("statusDetail"):
        yield f"({shown['statusDetail']})"
    progress = shown.get("progress")
    if progress and progress["totalSteps"]:
        yield f"{progress['currentStep']}/{progress['totalSteps']} {progress['percentage']:.0f} %"
    if shown["durationSeconds"] is not None:
        yield f"{shown['durationSeconds']:.1f} s"
    if shown["error"]:
        yield shown["error"]["message"]


def printable(text: str) -> str:
    """`text` of an engine without line breaks and control characters, which a terminal would obey."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)

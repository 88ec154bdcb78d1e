"""The content of messages: what one says of an event of an alert, whatever it is sent by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from execution_monitor.storage.coercion import to_datetime, to_text
from execution_monitor.storage.predicates import as_mapping

MAX_TITLE = 150  # Slack's headers have no more
MAX_SUMMARY = 1_000
_MAX_FACT = 300
_TITLES = {"fired": "Firing", "repeated": "Still firing", "resolved": "Resolved"}


@dataclass(frozen=True, slots=True)
class Content:
    """What is said of one event of one alert, in texts of one line each without control characters.

    Attributes:
        rule_id: of the rule, as `rule.id` of the stored message.
        rule_name: of the rule.
        alert_id: of the alert.
        event: `fired`, `repeated` or `resolved`.
        group: which group of the rule it is about; None where the rule has none.
        summary: what happened, as a sentence.
        count: how many executions it is about; None where that is no matter of counting.
        fired_at: since when it fires.
        resolved_at: when it ended; None while it fires.
        newest_execution_id: of the newest of the executions.
        list_url: the filtered list; None where no address of the dashboard is set.
        execution_url: the page of the newest execution.
    """

    rule_id: str
    rule_name: str
    alert_id: str
    event: str
    group: str | None
    summary: str
    count: int | None
    fired_at: datetime | None
    resolved_at: datetime | None
    newest_execution_id: str | None
    list_url: str | None
    execution_url: str | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Content":
        """The content of a message with this `data`, as it is stored."""
        rule: Mapping[str, Any] = as_mapping(data.get("rule")) or {}
        count = data.get("count")
        return cls(
            rule_id=_line(rule.get("id"), _MAX_FACT) or "",
            rule_name=_line(rule.get("name"), _MAX_FACT) or "A rule without a name",
            alert_id=_line(data.get("alert_id"), _MAX_FACT) or "",
            event=str(data.get("event")),
            group=_line(data.get("group"), _MAX_FACT),
            summary=_line(data.get("summary"), MAX_SUMMARY) or "",
            count=int(count) if isinstance(count, int | float) and not isinstance(count, bool) else None,
            fired_at=_time(data.get("fired_at")),
            resolved_at=_time(data.get("resolved_at")),
            newest_execution_id=_line(data.get("newest_execution_id"), _MAX_FACT),
            list_url=to_text(data.get("list_url")),
            execution_url=to_text(data.get("execution_url")),
        )

    @property
    def title(self) -> str:
        """What happened to which rule: `Firing: Nightly runs (invoices)`."""
        # A message that comes late must not say that it still fires.
        is_over = self.resolved_at is not None and self.event != "resolved"
        begun = "Fired and resolved" if is_over else _TITLES.get(self.event, "Alert")
        return _cut(f"{begun}: {self.rule_name}" + (f" ({self.group})" if self.group else ""), MAX_TITLE)

    @property
    def facts(self) -> Sequence[tuple[str, str]]:
        """Since when, until when, how many, and which is the newest, with a name for each."""
        found = [
            ("Since", None if self.fired_at is None else show_time(self.fired_at)),
            ("Until", None if self.resolved_at is None else show_time(self.resolved_at)),
            ("Executions", None if self.count is None else f"{self.count:,}"),
            ("Newest execution", self.newest_execution_id),
        ]
        return [(name, text) for name, text in found if text]

    @property
    def links(self) -> Sequence[tuple[str, str]]:
        """Where there is more, with a text for each link."""
        found = [("Open the list", self.list_url), ("Open the newest execution", self.execution_url)]
        return [(text, url) for text, url in found if url]


def show_time(time: datetime) -> str:
    """A time in UTC, to the second: `2026-11-01 10:30:00 UTC`."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _time(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return to_datetime(value)


def _line(value: Any, most: int) -> str | None:
    """`value` as one line: names of engines may have line breaks, or characters that turn what follows around."""
    text = to_text(value)
    if text is None:
        return None
    return _cut(" ".join("".join(each if each.isprintable() else " " for each in text).split()), most) or None


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"

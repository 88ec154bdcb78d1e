"""Statistics over the public API: in a terminal with bars and sparklines, else as lines of tab-separated text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from execution_monitor.cli.api_client import ApiClient
from execution_monitor.cli.charts import bar, fitted, sparkline
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

_MEASURED = "count byStatus { status count } successRate duration { p50 p95 } totalCost tokens"
_STATISTICS = f"""query Stats(
  $filter: ExecutionFilter, $timeZone: String!, $interval: StatisticsInterval, $allowSampling: Boolean!
  $isGrouped: Boolean!, $by: StatisticsGroupField!, $order: StatisticsGroupOrder!, $first: Int!
) {{
  executionStatistics(filter: $filter, timeZone: $timeZone, interval: $interval, allowSampling: $allowSampling) {{
    count byStatus {{ status count }} successRate totalCost tokens
    duration {{ count mean p50 p90 p95 p99 max }}
    series {{ start end {_MEASURED} }}
    groups(by: $by, order: $order, first: $first) @include(if: $isGrouped) {{ value tag {{ key value }} {_MEASURED} }}
    asOf basis relativeError
  }}
}}"""

_FAILED = ("FAILED", "TIMED_OUT")
_BAR = 40
_LABEL = 12
# Columns of a terminal that a name has at least, before others are left out; between two columns; of the shortest bar.
_NAME = 24
_GAP = 2
_SHORTEST_BAR = 8

Sums = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StatsOptions:
    """What to add up, in which buckets and groups.

    Attributes:
        where: the filter.
        since: what --since says, for the title.
        interval, by, order: names of GraphQL; None for the server's interval, and for no groups.
        first: how many groups.
    """

    where: Mapping[str, Any] | None
    since: str | None
    interval: str | None
    time_zone: str
    by: str | None
    order: str
    first: int
    allow_sampling: bool


def print_statistics(client: ApiClient, options: StatsOptions, *, as_json: bool) -> None:
    """Print what the executions add up to."""
    found: Sums = client.execute(
        _STATISTICS,
        filter=options.where,
        timeZone=options.time_zone,
        interval=options.interval,
        allowSampling=options.allow_sampling,
        isGrouped=options.by is not None,
        by=options.by or "WORKFLOW_NAME",
        order=options.order,
        first=options.first,
    )["executionStatistics"]
    if as_json:
        print_json(found)
    elif is_terminal():
        _Page(console(), options, found).print()
    else:
        _print_lines(found)


def _print_lines(found: Sums) -> None:
    """What each line says is its first field."""
    for name in ("asOf", "basis", "relativeError", "count", "successRate", "totalCost", "tokens"):
        print_fields(name, found[name])
    for each in found["byStatus"]:
        print_fields("status", each["status"], each["count"])
    for name, value in found["duration"].items():
        print_fields("duration", name, value)
    for bucket in found["series"]:
        print_fields("bucket", bucket["start"], bucket["end"], *_facts_of(bucket))
    for group in found.get("groups", ()):
        print_fields("group", _name_of(group), *_facts_of(group))


def _facts_of(sums: Sums) -> Sequence[Any]:
    measured = sums["duration"]
    return (
        sums["count"],
        _failed(sums),
        sums["successRate"],
        measured["p50"],
        measured["p95"],
        sums["totalCost"],
        sums["tokens"],
    )


@dataclass(frozen=True, slots=True)
class _Page:
    """The statistics as a page of a terminal."""

    out: Console
    options: StatsOptions
    found: Sums

    def print(self) -> None:
        """Print the page."""
        self._print_head()
        if self.found["count"]:
            self._print_statuses()
            self._print_durations()
            self._print_series()
        if self.found.get("groups"):
            self._print_groups()

    def _print_head(self) -> None:
        when = "" if self.options.since is None else f" of the last {self.options.since}"
        how = self.found["basis"].lower()
        if self.found["relativeError"] is not None:
            how += f", ± {self.found['relativeError']:.1%}"
        self.out.print(Text(f"Executions{when}", "bold"), Text(f"as of {local_time(self.found['asOf'])}, {how}", "dim"))
        self.out.print(
            f"{self.found['count']:,} executions   {_share(self.found['successRate']) or 'none'} successful   "
            f"cost {self.found['totalCost']:,.2f}   {self.found['tokens']:,} tokens\n"
        )

    def _print_statuses(self) -> None:
        counts = {each["status"]: each["count"] for each in self.found["byStatus"] if each["count"]}
        shown = table("Status", "Executions", "", right=["Executions"])
        width = max(1, min(_BAR, self.out.width - max(map(len, counts)) - len("Executions") - 2 * _GAP))
        for status, count in counts.items():
            drawn = Text(self._bar(count, max(counts.values()), width), state(status).style)
            shown.add_row(state(status), f"{count:,}", drawn)
        self.out.print(shown)
        self.out.print()

    def _print_durations(self) -> None:
        measured = self.found["duration"]
        if measured["count"]:
            shown = "   ".join(f"{name} {duration(measured[name])}" for name in ("p50", "p90", "p95", "p99", "max"))
            self.out.print(Text("Duration".ljust(_LABEL), "dim"), shown, sep="")

    def _print_series(self) -> None:
        series = self.found["series"]
        width = max(1, self.out.width - _LABEL)
        for label, values in (
            ("Executions", [bucket["count"] for bucket in series]),
            ("Failed", [_failed(bucket) for bucket in series]),
        ):
            shown = fitted(values, width)
            drawn = sparkline(shown, max(shown, default=0), is_ascii=self._is_ascii)
            style = "cyan" if label == "Executions" else "red"
            self.out.print(Text(label.ljust(_LABEL), "dim") + Text(drawn, style), no_wrap=True, overflow="crop")
        if series:
            times = f"{local_time(series[0]['start'])} to {local_time(series[-1]['end'])}, {len(series)} buckets"
            self.out.print(Text(" " * _LABEL + times, "dim"))
        self.out.print()

    def _print_groups(self) -> None:
        groups: Sequence[Sums] = self.found["groups"]
        names = cells(*(_name_of(group) or "(none)" for group in groups))
        title = (self.options.by or "").replace("_", " ").capitalize()
        room = self.out.width - min(_NAME, max(len(title), *(name.cell_len for name in names)))
        right: dict[str, Sequence[Text]] = {}
        for header, column in _columns_of(groups).items():
            room -= _GAP + max(len(header), *(cell.cell_len for cell in column))
            if room < 0:
                break
            right[header] = column
        width = min(_BAR // 2, room - _GAP)
        has_bars = width >= _SHORTEST_BAR
        greatest = max(group["count"] for group in groups)
        shown = table(title, *right, *([""] if has_bars else []), right=right)
        for place, group in enumerate(groups):
            drawn = [Text(self._bar(group["count"], greatest, width), "cyan")] if has_bars else []
            shown.add_row(names[place], *(column[place] for column in right.values()), *drawn)
        self.out.print(shown)

    def _bar(self, value: float, greatest: float, width: int) -> str:
        return bar(value, greatest, width, is_ascii=self._is_ascii)

    @property
    def _is_ascii(self) -> bool:
        return self.out.options.ascii_only


def _columns_of(groups: Sequence[Sums]) -> dict[str, Sequence[Text]]:
    """The columns of numbers, those first that a narrow terminal shows, too."""
    return {
        "Executions": cells(*(f"{group['count']:,}" for group in groups)),
        "Failed": [Text(f"{failed:,}", "red" if failed else "") for failed in map(_failed, groups)],
        "Success": cells(*(_share(group["successRate"]) for group in groups)),
        "p50": cells(*(duration(group["duration"]["p50"]) for group in groups)),
        "p95": cells(*(duration(group["duration"]["p95"]) for group in groups)),
        "Cost": cells(*(f"{group['totalCost']:,.2f}" for group in groups)),
    }


def _name_of(group: Sums) -> str | None:
    tag = group["tag"]
    return group["value"] if tag is None else f"{tag['key']}={tag['value']}"


def _failed(sums: Sums) -> int:
    return sum(each["count"] for each in sums["byStatus"] if each["status"] in _FAILED)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"

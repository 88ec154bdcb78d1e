"""The tables of faults: printed after every run; those of full runs are saved, and written into pages of src/docs."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).with_name("results.json")
_DOCS = Path(__file__).parents[2] / "src" / "docs"
# The pages that have a table, by the names that rows give.
PAGES = {name: _DOCS / f"{name}.md" for name in ("live", "webhooks", "alerts")}
_HEAD = ("fault", "trials", "lost", "repeated", "worst")
_OVER = "**over its limit**"


@dataclass(frozen=True, slots=True)
class FaultResult:
    """One fault: its trials, the changes lost and repeated in all of them, and the worst measurement in `unit`."""

    fault: str
    trials: int
    lost: int
    repeated: int
    measure: str = ""  # what was measured
    worst: float | None = None
    limit: float | None = None
    unit: str = "s"
    note: str = ""
    page: str = "live"  # which documents it

    @property
    def is_within_limit(self) -> bool:
        """Whether the worst measurement is within the limit, if there is one."""
        return self.worst is None or self.limit is None or self.worst <= self.limit

    def cells(self) -> tuple[str, ...]:
        """The row as the table shows it."""
        worst = ""
        if self.worst is not None:
            worst = f"{self.measure} {self.worst:.3g} {self.unit}"
        if self.limit is not None:
            worst += f" (limit {self.limit:g} {self.unit})" if self.is_within_limit else f" {_OVER} {self.limit:g}"
        if self.note:
            worst += f"; {self.note}" if worst else self.note
        return (self.fault, f"{self.trials:,}", str(self.lost), str(self.repeated), worst)


def save(rows: Iterable[FaultResult], path: Path = RESULTS) -> None:
    """Replace the saved rows of the same faults on the same page; rows of new faults come last."""
    saved = {(row.page, row.fault): row for row in (*load(path), *rows)}
    text = json.dumps([asdict(row) for row in saved.values()], indent=2)
    path.write_text(f"{text}\n", encoding="utf-8")


def load(path: Path = RESULTS) -> list[FaultResult]:
    """The saved rows of full runs."""
    return [FaultResult(**row) for row in json.loads(path.read_text(encoding="utf-8"))] if path.exists() else []


def table_of(rows: Sequence[FaultResult]) -> str:
    """`rows` in Markdown."""
    lines = [_HEAD, ("---",) * len(_HEAD), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n".replace("|  |", "| |") for cells in lines)


def write_page(name: str, path: Path | None = None) -> None:
    """Write the saved rows of the page `name` into the table there, or in `path`."""
    path = path or PAGES[name]
    head = table_of([]).splitlines()[0]
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.rstrip() == head)
    end = next((number for number in range(start, len(lines)) if not lines[number].startswith("|")), len(lines))
    table = table_of([row for row in load() if row.page == name])
    path.write_text("".join([*lines[:start], table, *lines[end:]]), encoding="utf-8")


if __name__ == "__main__":
    for page in PAGES:
        write_page(page)
    sys.exit(0 if all(row.is_within_limit for row in load()) else 1)

"""Generates the table of settings in src/docs/configuration.md from `Settings`: `make docs`."""

from pathlib import Path

from pydantic.fields import FieldInfo

from execution_monitor.settings import Settings

CONFIGURATION = Path(__file__).parents[2] / "src" / "docs" / "configuration.md"
_HEAD = ("variable", "default", "meaning")
# Defaults that are computed, or written in another way.
_COMPUTED = {
    "data_dir": "the user's data folder, e.g. `~/.local/share/execution-monitor`",
    "roles": "the four roles below",
    "ingest_otlp_roots": "`agents,workflows,jobs`",
    "ingest_prices": "none",
}


def table() -> str:
    """The settings as a table in Markdown, in the order of `Settings`."""
    rows = [_HEAD, ("---",) * len(_HEAD)]
    for name, field in Settings.model_fields.items():
        rows.append((f"`EXECUTION_MONITOR_{name.upper()}`", _default(name, field), field.description or ""))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _default(name: str, field: FieldInfo) -> str:
    if name in _COMPUTED:
        return _COMPUTED[name]
    return "none" if field.default is None or field.default == () else f"`{field.default}`"


def write(path: Path = CONFIGURATION) -> None:
    """Replace the table in `path`; the text around it stays."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    head = f"| {' | '.join(_HEAD)} |"
    start = next(number for number, line in enumerate(lines) if line.rstrip() == head)
    end = next((number for number in range(start, len(lines)) if not lines[number].startswith("|")), len(lines))
    path.write_text("".join([*lines[:start], table(), *lines[end:]]), encoding="utf-8")


if __name__ == "__main__":
    write()

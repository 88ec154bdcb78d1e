"""The table of settings in src/docs/configuration.md, generated from `Settings`: `make docs` writes it."""

from pathlib import Path

from pydantic.fields import FieldInfo

from execution_monitor.settings import Settings

CONFIGURATION = Path(__file__).parents[2] / "src" / "docs" / "configuration.md"
_HEAD = ("variable", "default", "meaning")
# Defaults that are no single value.
_COMPUTED = {
    "data_dir": "the user's data folder, e.g. `~/.local/share/execution-monitor`",
    "roles": "the four roles below",
}


def table() -> str:
    """The settings in Markdown, one row each, in the order in which `Settings` declares them."""
    rows = [_HEAD, ("---",) * len(_HEAD)]
    for name, field in Settings.model_fields.items():
        rows.append((f"`EXECUTION_MONITOR_{name.upper()}`", _default(name, field), field.description or ""))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)


def _default(name: str, field: FieldInfo) -> str:
    if field.default_factory is not None:
        return _COMPUTED[name]
    return "none" if field.default is None or field.default == () else f"`{field.default}`"


def write(path: Path = CONFIGURATION) -> None:
    """Put the table in place of the old one in `path`; the text around it stays."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    head = f"| {' | '.join(_HEAD)} |"
    start = next(number for number, line in enumerate(lines) if line.rstrip() == head)
    end = next((number for number in range(start, len(lines)) if not lines[number].startswith("|")), len(lines))
    path.write_text("".join([*lines[:start], table(), *lines[end:]]), encoding="utf-8")


if __name__ == "__main__":
    write()

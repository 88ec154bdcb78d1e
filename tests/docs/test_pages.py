"""Pages in Markdown: their links, make goals and paths exist, and the top level has no other files."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "src" / "README.md",
    *(ROOT / "src" / "docs").glob("*.md"),
    *ROOT.glob(".github/*.md"),
]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
_LINK = re.compile(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path):
    links = _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))

    assert [f"{path}#{anchor}" for path, anchor in links if not _leads(page, path, anchor)] == []


def _leads(page: Path, path: str, anchor: str) -> bool:
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in _anchors_of(target))


def _anchors_of(page: Path) -> set[str]:
    headings = _HEADING.findall(_CODE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_goal_on_a_page_exists(page: Path):
    named = re.findall(r"(?:`|^    )make ([a-z][a-z-]*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    goals = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))

    assert set(named) - goals == set()


# A column of paths, each below the package unless it begins at the top level.
_PATHS = re.compile(r"^\| (`[^|]*/[^|]*|`[\w.]+\.\w+`[^|]*) \|", re.MULTILINE)


def test_the_recipes_name_files_that_exist():
    recipes = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Recipes")[2]
    paths = [path for cell in _PATHS.findall(recipes) for path in re.findall(r"`([^`]*)`", cell)]
    package = ROOT / "src" / "execution_monitor"

    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists() and not (package / path).exists()] == []


def test_the_top_level_has_only_what_a_newcomer_looks_for():
    tracked = subprocess.run(
        ["git", "ls-files"],  # noqa: S607 - whichever git is on PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    shown = {path.partition("/")[0] for path in tracked if not path.startswith(".")}

    assert shown == {"src", "tests", "schema.graphql", "pyproject.toml", "Makefile", "README.md"}


def test_the_commit_hooks_run_what_make_check_runs():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    check = "".join(re.findall(r"^check(?:-python|-dashboard)?:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE))
    linters = ("ruff check", "ruff format --check", "pyright", "export-schema", "npm run --silent check")

    assert [linter for linter in linters if linter not in check] == []
    assert [linter for linter in linters if linter not in hooks] == []
    assert len(re.findall(r"- id:", hooks)) == len(linters)

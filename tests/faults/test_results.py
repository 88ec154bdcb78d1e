from pathlib import Path

import pytest

from tests.faults.results import PAGES, FaultResult, load, save, table_of, write_page

_KILL = FaultResult("kill", 20, 0, 0, "first event after", 1.234, 3)


@pytest.mark.parametrize(
    ("row", "line"),
    [
        pytest.param(_KILL, "| kill | 20 | 0 | 0 | first event after 1.23 s (limit 3 s) |", id="within its limit"),
        pytest.param(
            FaultResult("kill", 20, 0, 0, "silence", 4.5, 4),
            "| kill | 20 | 0 | 0 | silence 4.5 s **over its limit** 4 |",
            id="over its limit",
        ),
        pytest.param(
            FaultResult("stop", 5, 0, 0, "silence", 13.74, 15, note="all of it MongoDB's"),
            "| stop | 5 | 0 | 0 | silence 13.7 s (limit 15 s); all of it MongoDB's |",
            id="with a note",
        ),
        pytest.param(FaultResult("moves", 100_000, 1, 2), "| moves | 100,000 | 1 | 2 | |", id="nothing measured"),
    ],
)
def test_a_row_says_whether_the_limit_was_kept(row: FaultResult, line: str):
    assert table_of([row]).splitlines()[-1] == line


def test_a_new_result_replaces_the_old_one(tmp_path: Path):
    path = tmp_path / "results.json"
    other = FaultResult("other", 1, 0, 0)
    elsewhere = FaultResult("kill", 1, 0, 0, page="webhooks")
    save([FaultResult("kill", 20, 9, 9), other, elsewhere], path)

    save([_KILL], path)

    assert load(path) == [_KILL, other, elsewhere]


@pytest.mark.parametrize("name", PAGES)
def test_the_table_of_a_page_replaces_the_old_one(tmp_path: Path, name: str):
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{table_of([_KILL])}\nafter\n")

    write_page(name, page)

    rows = [row for row in load() if row.page == name]
    assert page.read_text() == f"before\n\n{table_of(rows)}\nafter\n"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_the_last_full_run(tmp_path: Path, name: str):
    page = tmp_path / "page.md"
    page.write_bytes(PAGES[name].read_bytes())

    write_page(name, page)

    assert page.read_text(encoding="utf-8") == PAGES[name].read_text(encoding="utf-8"), (
        "run python -m tests.faults.results"
    )


def test_every_saved_row_has_a_page():
    assert {row.page for row in load()} <= set(PAGES)

from pathlib import Path

import pytest

from tests.faults.results import PAGE, Row, keep, kept, show, table_of

_KILL = Row("kill", 20, 0, 0, "first event after", 1.234, 3)


@pytest.mark.parametrize(
    ("row", "line"),
    [
        pytest.param(_KILL, "| kill | 20 | 0 | 0 | first event after 1.23 s (limit 3 s) |", id="within its limit"),
        pytest.param(
            Row("kill", 20, 0, 0, "silence", 4.5, 4),
            "| kill | 20 | 0 | 0 | silence 4.5 s **over its limit** 4 |",
            id="over its limit",
        ),
        pytest.param(
            Row("stop", 5, 0, 0, "silence", 13.74, 15, note="all of it MongoDB's"),
            "| stop | 5 | 0 | 0 | silence 13.7 s (limit 15 s); all of it MongoDB's |",
            id="with a note",
        ),
        pytest.param(Row("moves", 100_000, 1, 2), "| moves | 100,000 | 1 | 2 | |", id="nothing measured"),
    ],
)
def test_a_row_says_whether_the_promise_was_kept(row: Row, line: str):
    assert table_of([row]).splitlines()[-1] == line


def test_a_new_run_takes_the_place_of_the_old_one(tmp_path: Path):
    path = tmp_path / "results.json"
    other = Row("other", 1, 0, 0)
    keep([Row("kill", 20, 9, 9), other], path)

    keep([_KILL], path)

    assert kept(path) == [_KILL, other]


def test_the_table_stands_in_the_place_of_the_old_one(tmp_path: Path):
    page = tmp_path / "live.md"
    page.write_text(f"before\n\n{table_of([_KILL])}\nbehind\n")

    show(page)

    assert page.read_text() == f"before\n\n{table_of(kept())}\nbehind\n"


def test_the_page_shows_the_last_full_run(tmp_path: Path):
    page = tmp_path / "live.md"
    page.write_bytes(PAGE.read_bytes())

    show(page)

    assert page.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8"), "run python -m tests.faults.results"

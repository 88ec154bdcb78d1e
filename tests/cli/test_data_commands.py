"""`load`, `replay` and `seed`, in this process: that their options reach the work, and what they exit with."""

import signal
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog
from pymongo import MongoClient

from execution_monitor.cli.main import main
from execution_monitor.settings import Settings
from tests.ingest.recordings import small_run, write

Documents = Callable[[], list[dict[str, Any]]]


class Outcome(NamedTuple):
    code: object
    out: str
    err: str


Run = Callable[..., Outcome]


def _ignore(*_: object) -> None:
    """In place of what a command does to SIGTERM, which must not reach pytest."""


@pytest.fixture
def documents(mongodb_uri: str, database_name: str) -> Generator[Documents]:
    """The executions that are stored, oldest first; none at the beginning."""
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        database = client[database_name]
        for name in ("workflow_executions", "workflow_step_executions", "execution_logs"):
            database[name].delete_many({})
        yield lambda: database["workflow_executions"].find().sort("created").to_list()


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    mongodb_uri: str,
    database_name: str,
    documents: Documents,
) -> Generator[Run]:
    """`run(*arguments)`: what the command prints and exits with, on the emptied database."""
    assert documents() == []
    for name in Settings.model_fields:
        monkeypatch.delenv(f"EXECUTION_MONITOR_{name.upper()}", raising=False)
    monkeypatch.setenv("EXECUTION_MONITOR_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("EXECUTION_MONITOR_DATABASE", database_name)
    monkeypatch.setenv("EXECUTION_MONITOR_JWT_SECRET", "a secret of more than thirty-two bytes")
    monkeypatch.setattr(signal, "signal", _ignore)

    def run(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["execution-monitor", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        out, err = capsys.readouterr()
        return Outcome(exit_.value.code, out, err)

    yield run
    structlog.reset_defaults()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write(tmp_path, "good.json", small_run())


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return write(tmp_path, "bad.json", b"{")


def owners_of(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["tenant_id"], row["user_id"]) for row in rows]


@pytest.mark.parametrize(
    ("options", "owner"),
    [
        pytest.param([], ("acme", "ada"), id="of the demo's owner"),
        pytest.param(["--user", "grace", "--tenant", "globex"], ("globex", "grace"), id="of who is named"),
    ],
)
@pytest.mark.parametrize("command", [["load"], ["replay", "--speed", "100000"]], ids=["load", "replay"])
def test_recorded_runs_are_stored_for_their_owner(  # noqa: PLR0913, PLR0917 - a row of the table
    run: Run, documents: Documents, good: Path, command: list[str], options: list[str], owner: tuple[str, str]
):
    outcome = run(*command, good, *options)

    assert (outcome.code, owners_of(documents())) == (0, [owner])


@pytest.mark.parametrize(
    ("command", "line"),
    [
        pytest.param(["load"], "1 loaded, 0 unchanged, 0 replaced, 1 rejected; 3 steps.\n", id="load"),
        pytest.param(["replay", "--speed", "100000"], "1 replayed, 1 rejected.\n", id="replay"),
    ],
)
def test_a_file_that_is_rejected_is_named_and_the_others_are_stored(  # noqa: PLR0913, PLR0917 - likewise
    run: Run, documents: Documents, good: Path, bad: Path, command: list[str], line: str
):
    outcome = run(*command, bad, good)

    assert (outcome.code, outcome.out) == (1, line)
    assert "bad.json" in outcome.err
    assert len(documents()) == 1


def test_a_run_that_is_loaded_again_is_unchanged(run: Run, documents: Documents, good: Path):
    run("load", good)

    outcome = run("load", good)

    assert (outcome.code, outcome.out) == (0, "0 loaded, 1 unchanged, 0 replaced, 0 rejected; 3 steps.\n")
    assert len(documents()) == 1


def test_a_replay_is_as_fast_as_it_is_told(run: Run, documents: Documents, good: Path):
    refused = run("replay", good, "--speed", "0")
    run("replay", good, "--speed", "100")

    (row,) = documents()
    assert (refused.code, refused.err) == (1, "The speed must be a number above 0.\n")
    # It took 30 seconds when it was recorded.
    assert 0.3 <= (row["completed_at"] - row["started_at"]).total_seconds() < 30


def test_the_same_random_seed_generates_the_same_executions(run: Run, documents: Documents):
    arguments = ("seed", "--executions", "40", "--no-steps", "--random-seed", "7")
    assert run(*arguments, "--users", "3", "--tenants", "2").code == 0
    first = documents()
    again = run(*arguments, "--tenants", "2")

    owners = set(owners_of(first))
    assert len(first) == 40
    assert {tenant for tenant, _ in owners} == {"acme", "globex"}
    assert len(owners) == 2 * 3
    assert again.code == 1
    assert "The random seed 7 has been used on this database before" in again.err


def test_an_incident_is_added_to_the_executions(run: Run, documents: Documents):
    assert run("seed", "--executions", "5", "--no-steps", "--incident").code == 0

    failed = [row for row in documents() if "certificate" in str(row.get("error_details"))]
    assert len(documents()) == 5 + len(failed)
    assert len(failed) > 3


def test_seeds_without_a_number_generate_others(run: Run, documents: Documents):
    arguments = ("seed", "--executions", "5", "--no-steps", "--days", "2")

    assert [run(*arguments).code for _ in range(2)] == [0, 0]
    rows = documents()
    assert len({row["execution_id"] for row in rows}) == 10
    assert (rows[-1]["created"] - rows[0]["created"]).days < 2
    assert set(owners_of(rows)) <= {("acme", "ada"), ("acme", "grace")}

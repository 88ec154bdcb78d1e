"""The table of formats: each file is parsed by the format whose marker it contains."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from execution_monitor.cli.main import app
from execution_monitor.errors import BadUserInput
from execution_monitor.ingest import formats
from execution_monitor.ingest.core.importer import load_files
from execution_monitor.ingest.core.recorded_run import RecordedRun, Span
from execution_monitor.ingest.formats import FORMATS, Format, describe_formats, parse_run
from execution_monitor.storage.database import Database
from execution_monitor.storage.documents import Execution, collection_of
from execution_monitor.storage.rows import BsonDocument
from tests.ingest.recordings import BACASS, CHAIN, SRASEARCH, write

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def parse_toy(content: bytes) -> RecordedRun:
    name = content.decode().removeprefix("toy ")
    times = {"started_at": NEW_YEAR, "completed_at": NEW_YEAR, "duration": 0.0}
    steps: list[BsonDocument] = [{"step_id": "only", "step_name": "only", "depends_on": [], "version": 1, **times}]
    execution = {"workflow_name": name, "version": 1}
    return RecordedRun(f"toy-{name}", NEW_YEAR, NEW_YEAR, 0.0, execution, steps, {"only": Span(0, 0)})


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, Format("Toy files", b"toy ", parse_toy)))


@pytest.mark.parametrize("path", [CHAIN, BACASS, SRASEARCH], ids=lambda path: path.stem)
def test_real_files_contain_the_marker_of_one_format(path: Path):
    assert len([each for each in FORMATS if each.marker in path.read_bytes()]) == 1


@pytest.mark.usefixtures("toy")
async def test_files_of_several_formats_are_loaded_together(database: Database, tmp_path: Path):
    report = await load_files([CHAIN, write(tmp_path, "run.toy", b"toy train")], tenant="acme", user="ada")

    stored: list[Any] = await collection_of(Execution).distinct("workflow_name")
    assert report.rejected == ()
    assert "train" in stored
    assert len(stored) == 2


@pytest.mark.usefixtures("toy")
def test_a_file_without_a_marker_gets_the_error_of_the_first_format():
    with pytest.raises(BadUserInput, match="it is not JSON"):
        parse_run(b"hello")


@pytest.mark.usefixtures("toy")
def test_the_formats_are_described_together():
    assert describe_formats() == "WfFormat files (JSON, version 1.4 to 1.6) or Toy files."


@pytest.mark.parametrize("command", ["load", "replay"])
def test_the_help_of_a_command_describes_the_formats(command: str, capsys: pytest.CaptureFixture[str]):
    app([command, "--help"], standalone_mode=False)

    assert " ".join(describe_formats().split()) in " ".join(capsys.readouterr().out.replace("│", " ").split())

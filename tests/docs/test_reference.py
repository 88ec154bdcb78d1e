"""The reference in src/docs agrees with the code on settings and stored documents."""

import re
from pathlib import Path
from typing import Any

import pytest

from execution_monitor.settings import Settings
from execution_monitor.storage.documents import DOCUMENTS
from tests.docs.configuration import CONFIGURATION, write

STORED = (CONFIGURATION.parent / "documents.md").read_text(encoding="utf-8")


def test_the_configuration_table_is_generated_from_the_settings(tmp_path: Path):
    copy = tmp_path / "configuration.md"
    copy.write_bytes(CONFIGURATION.read_bytes())

    write(copy)

    assert copy.read_text(encoding="utf-8") == CONFIGURATION.read_text(encoding="utf-8"), "run make docs"


def test_the_configuration_table_replaces_the_old_one(tmp_path: Path):
    copy = tmp_path / "configuration.md"
    copy.write_text(
        "before\n\n| variable | default | meaning |\n| --- | --- | --- |\n| `OLD` | none | Old. |\n\nafter\n"
    )

    write(copy)

    text = copy.read_text()
    named = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert named == [f"EXECUTION_MONITOR_{name.upper()}" for name in Settings.model_fields]
    assert text.startswith("before\n\n| variable")
    assert text.endswith("|\n\nafter\n")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_description(name: str):
    assert Settings.model_fields[name].description


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.__name__)
def test_the_document_format_names_every_field_and_stars_what_is_required(document: Any):
    row = next(line for line in STORED.splitlines() if line.startswith(f"| `{document.Settings.name}` |"))
    required: dict[str, bool] = {
        name: field.is_required() for name, field in document.model_fields.items() if name not in ("id", "revision_id")
    }

    missing = [name for name in required if f"`{name}`" not in row]
    wrongly_starred = [name for name, needed in required.items() if (f"`{name}`\\*" in row) is not needed]
    assert (missing, wrongly_starred) == ([], [])

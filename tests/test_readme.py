import re
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import PydanticUndefined

from execution_monitor.settings import Settings
from execution_monitor.storage.documents import DOCUMENTS

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_configuration_table_names_every_setting_and_no_other():
    named = re.findall(r"^\| `(EXECUTION_MONITOR_\w+)` \|", README, re.MULTILINE)

    assert named == [f"EXECUTION_MONITOR_{name.upper()}" for name in Settings.model_fields]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_configuration_table_tells_defaults_and_meanings(name: str):
    field = Settings.model_fields[name]
    row = next(line for line in README.splitlines() if line.startswith(f"| `EXECUTION_MONITOR_{name.upper()}` |"))

    assert field.description
    assert field.description in row
    assert field.default in (None, PydanticUndefined) or f"| `{field.default}` |" in row


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.__name__)
def test_the_document_format_names_every_field_and_stars_what_is_required(document: Any):
    row = next(line for line in README.splitlines() if line.startswith(f"| `{document.Settings.name}` |"))
    required: dict[str, bool] = {
        name: field.is_required() for name, field in document.model_fields.items() if name not in ("id", "revision_id")
    }

    missing = [name for name in required if f"`{name}`" not in row]
    wrongly_starred = [name for name, needed in required.items() if (f"`{name}`\\*" in row) is not needed]
    assert (missing, wrongly_starred) == ([], [])

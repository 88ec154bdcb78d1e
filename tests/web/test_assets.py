from pathlib import Path

import pytest

from execution_monitor.web.assets import Assets


def test_a_file_is_read_once(tmp_path: Path):
    (tmp_path / "index-1a2b.js").write_bytes(b"plain")
    assets = Assets(tmp_path)
    assert assets.find("index-1a2b.js") == b"plain"

    (tmp_path / "index-1a2b.js").unlink()
    assert assets.find("index-1a2b.js") == b"plain"


def test_a_file_that_comes_later_is_found(tmp_path: Path):
    assets = Assets(tmp_path)
    assert assets.find("index-9z9z.js") is None

    (tmp_path / "index-9z9z.js").write_bytes(b"new")
    assert assets.find("index-9z9z.js") == b"new"


@pytest.mark.parametrize("name", ["..", "", "x" * 300, "a\0b", "\udcff"])
def test_a_name_that_no_file_has_is_not_found(tmp_path: Path, name: str):
    assert Assets(tmp_path).find(name) is None

"""The settings that src/docs/ingest.md gives for each engine, for a server of the tests."""

import re

from tests.engines.pythons import ROOT

PAGE = ROOT / "src" / "docs" / "ingest.md"
_URL = "https://monitor.example.org"
_KEY = "em_..."


def documented_block(section: str, language: str, *, url: str = _URL, key: str = _KEY) -> str:
    """The one block of `language` in the `section` of the page, with `url` and `key` in the places of the examples'."""
    page = PAGE.read_text(encoding="utf-8")
    (text,) = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return block.replace(_URL, url).replace(_KEY, key)

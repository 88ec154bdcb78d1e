"""Preloads: tags by which a browser loads the modules of a page beside the frame's, in place of one after the other.

The frame imports each page when it is visited, so a browser would learn of a page's scripts and styles when it has run
those of the frame. Which files they are stands in the manifest of the build (Vite, "Backend Integration").
"""

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import orjson

MANIFEST = "manifest.json"
_FRAME = "index.html"


class Preloads:
    """The tags for pages of the build in the folder `build`, which may be built anew while the server runs."""

    def __init__(self, build: Path) -> None:
        self._manifest = build / MANIFEST
        self._read_at = 0
        self._chunks: Mapping[str, Any] = {}
        self._tags: dict[tuple[str, ...], str] = {}

    def tags_for(self, modules: tuple[str, ...]) -> str:
        """The tags for `modules`, by their paths in the sources; none for those that the build does not have."""
        try:
            written_at = self._manifest.stat().st_mtime_ns
            if written_at != self._read_at:
                self._chunks, self._read_at, self._tags = orjson.loads(self._manifest.read_bytes()), written_at, {}
        except (OSError, orjson.JSONDecodeError):
            # The page loads the same without.
            return ""
        if modules not in self._tags:
            self._tags[modules] = "".join(self._find_tags(modules))
        return self._tags[modules]

    def _find_tags(self, modules: tuple[str, ...]) -> Iterator[str]:
        # The page itself names those of the frame.
        of_frame = set(self._chunks_of(_FRAME))
        chunks = dict.fromkeys(name for each in modules for name in self._chunks_of(each) if name not in of_frame)
        found = [self._chunks[name] for name in chunks]
        styles = dict.fromkeys(style for each in found for style in each.get("css", ()))
        styles_of_frame = {style for name in of_frame for style in self._chunks[name].get("css", ())}
        for each in found:
            yield f'<link rel="modulepreload" crossorigin href="/{escape(each["file"])}" />'
        for style in styles:
            if style not in styles_of_frame:
                yield f'<link rel="stylesheet" crossorigin href="/{escape(style)}" />'

    def _chunks_of(self, name: str) -> Iterator[str]:
        """The chunk `name` and those that it imports, each perhaps several times; nothing where it is not there."""
        waiting, seen = [name], set[str]()
        while waiting:
            name = waiting.pop()
            if name in seen or name not in self._chunks:
                continue
            seen.add(name)
            yield name
            waiting += reversed(self._chunks[name].get("imports", ()))

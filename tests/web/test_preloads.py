import json
import os
from pathlib import Path
from typing import Any

from execution_monitor.web.preloads import MANIFEST, Preloads

BUILT: dict[str, Any] = {
    "index.html": {"file": "assets/index-1.js", "imports": ["_shared.js"], "css": ["assets/index-1.css"]},
    "_shared.js": {"file": "assets/shared-1.js", "css": ["assets/shared-1.css"]},
    "src/list/ListPage.tsx": {
        "file": "assets/ListPage-1.js",
        "imports": ["_shared.js", "_table.js"],
        "dynamicImports": ["src/list/Facets.tsx"],
        "css": ["assets/shared-1.css", "assets/ListPage-1.css"],
    },
    "_table.js": {"file": "assets/table-1.js", "imports": ["src/list/ListPage.tsx"], "css": ["assets/ListPage-1.css"]},
    "src/list/Facets.tsx": {"file": "assets/Facets-1.js"},
}


def write(build: Path, chunks: dict[str, Any], modified: int = 1) -> None:
    (build / MANIFEST).write_text(json.dumps(chunks))
    os.utime(build / MANIFEST, (modified, modified))


def test_a_page_has_tags_for_all_it_imports_but_what_the_frame_has(tmp_path: Path):
    write(tmp_path, BUILT)

    assert Preloads(tmp_path).tags_for(("src/list/ListPage.tsx",)) == (
        '<link rel="modulepreload" crossorigin href="/assets/ListPage-1.js" />'
        '<link rel="modulepreload" crossorigin href="/assets/table-1.js" />'
        '<link rel="stylesheet" crossorigin href="/assets/ListPage-1.css" />'
    )


def test_a_new_build_has_other_tags(tmp_path: Path):
    write(tmp_path, BUILT)
    preloads = Preloads(tmp_path)
    assert "Facets-1" in preloads.tags_for(("src/list/Facets.tsx",))

    write(tmp_path, {**BUILT, "src/list/Facets.tsx": {"file": "assets/Facets-2.js"}}, modified=2)
    assert "Facets-2" in preloads.tags_for(("src/list/Facets.tsx",))


def test_a_page_without_a_manifest_or_a_module_has_no_tags(tmp_path: Path):
    preloads = Preloads(tmp_path)
    assert preloads.tags_for(("src/list/ListPage.tsx",)) == ""
    write(tmp_path, BUILT)
    assert preloads.tags_for(("src/gone.tsx",)) == ""
    (tmp_path / MANIFEST).write_text("{")
    assert preloads.tags_for(("src/list/ListPage.tsx",)) == ""

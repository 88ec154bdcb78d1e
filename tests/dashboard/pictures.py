"""The pictures of README.md, and digests of the sources that draw what they show: of components, styles and words.

Of each picture a digest is kept beside it, which leaves out comments, white space and modules that draw nothing, so
that few changes need new pictures. `make screenshots` takes them and writes the digests.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".pictures"
DIGESTS = FOLDER / "digests.json"
SOURCES = ROOT / "src" / "dashboard" / "src"

_FRAME = ("app/Shell.tsx", "styles/tokens.css", "styles/base.css")
# The modules of which each picture is drawn, with all that they import.
PICTURES = {
    "overview.png": ("overview/OverviewPage.tsx", *_FRAME),
    "timeline.png": ("detail/DetailPage.tsx", *_FRAME),
    "graphiql.png": ("graphiql/main.tsx",),
}
_DRAWS = {".tsx", ".css", ".svg"}
_IMPORT = re.compile(r"""(?:from|import\(?|@import) ?['"](\.[^'"?]+)['"]""")
_COMMENT = re.compile(r"^\s*//.*$|/\*.*?\*/", re.MULTILINE | re.DOTALL)


def digests() -> dict[str, str]:
    """A digest of what draws each picture, as the sources are now."""
    return {name: _digest_of(modules) for name, modules in PICTURES.items()}


def stored_digests() -> dict[str, str]:
    """The digests as they were when the pictures were taken."""
    return json.loads(DIGESTS.read_text())


def store_digests() -> None:
    """Keep the digests of now: the pictures have just been taken."""
    DIGESTS.write_text(json.dumps(digests(), indent=2) + "\n")


def _digest_of(modules: tuple[str, ...]) -> str:
    drawing = sorted(each for each in _imported_by(modules) if each.suffix in _DRAWS)
    words = {SOURCES / "messages" / "en" / f"{each.parent.name}.ts" for each in drawing}
    digest = hashlib.sha256()
    for path in (*drawing, *sorted(path for path in words if path.exists())):
        digest.update(f"{path.relative_to(SOURCES)}\n".encode())
        digest.update("".join(_COMMENT.sub("", path.read_text()).split()).encode())
    return digest.hexdigest()


def _imported_by(modules: tuple[str, ...]) -> set[Path]:
    found, waiting = set[Path](), [SOURCES / each for each in modules]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imports_of(path))
    return found


def _imports_of(path: Path) -> Iterator[Path]:
    # The catalogue has the words of all pages: those of a page are found by its folder.
    if path.suffix in {".ts", ".tsx", ".css"} and path.parent.name != "messages":
        for name in _IMPORT.findall(path.read_text()):
            imported = (path.parent / name).resolve()
            if imported.exists():
                yield imported

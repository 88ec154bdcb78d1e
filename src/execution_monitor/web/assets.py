"""Assets: the scripts, styles, fonts and images of the build, read from disk once."""

from pathlib import Path


class Assets:
    """The files in `folder`, whose names hold hashes of their contents: what was read stays true.

    All files of a build together are some megabytes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, bytes] = {}

    def find(self, name: str) -> bytes | None:
        """The content of the file `name`, which has no slash; None where there is none."""
        known = self._known.get(name)
        if known is not None:
            return known
        try:
            content = (self._folder / name).read_bytes()
        except (OSError, ValueError):
            # One that is not there, a folder, or a name that no file can have. Nothing is remembered of those.
            return None
        self._known[name] = content
        return content

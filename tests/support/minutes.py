"""How long each folder of tests takes: `pytest --minutes`, for the table in .github/CONTRIBUTING.md."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

import pytest


def minutes_by_folder(reports: Iterable[pytest.TestReport]) -> dict[str, float]:
    """The minutes of all set-ups, calls and teardowns of each folder directly below `tests`, the longest first.

    A fixture that several tests share counts for the test that sets it up.
    """
    seconds: defaultdict[str, float] = defaultdict(float)
    for report in reports:
        parts = PurePosixPath(report.nodeid.partition("::")[0]).parts
        seconds["/".join(parts[:2] if len(parts) > 2 else parts[:1])] += report.duration
    return {folder: seconds[folder] / 60 for folder in sorted(seconds, key=seconds.__getitem__, reverse=True)}

"""`results/latest.json`: figures of the last run of each benchmark, and the ratios of all of them by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

RESULTS = Path(__file__).parent / "results" / "latest.json"


def record(ratios: Mapping[str, float], **figures: Any) -> None:
    """Replace these `ratios`, and the `figures` of a benchmark by its name; all others are kept."""
    kept = orjson.loads(RESULTS.read_bytes())
    kept |= figures | {"ratios": kept["ratios"] | dict(ratios)}
    RESULTS.write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

"""Recorded runs for tests: real ones, and a small one that a test can change."""

from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).parent / "recorded_runs"
CHAIN = FOLDER / "helloworld-chain-5-chameleon.json"
BACASS = FOLDER / "bacass-dirt02-001.json"
SRASEARCH = FOLDER / "srasearch-chameleon-10a-001.json"


def small_run(**changes: Any) -> dict[str, Any]:
    """A run of three tasks: `split` before `left` and `right`; `changes` replace members at the top."""
    return {
        "name": "diamond",
        "schemaVersion": "1.5",
        "createdAt": "2026-01-02T03:04:05Z",
        "workflow": {
            "specification": {
                "tasks": [
                    {"id": "split", "name": "split", "parents": [], "children": ["left", "right"]},
                    {"id": "left", "name": "left", "parents": ["split"], "children": [], "inputFiles": ["a.txt"]},
                    {"id": "right", "name": "right", "parents": ["split"], "children": []},
                ],
                "files": [{"id": "a.txt", "sizeInBytes": 12}],
            },
            "execution": {
                "makespanInSeconds": 30,
                "executedAt": "2026-01-02T03:00:00Z",
                "tasks": [
                    {"id": "split", "runtimeInSeconds": 10, "command": {"program": "split", "arguments": ["-n", "2"]}},
                    {"id": "left", "runtimeInSeconds": 20.5, "coreCount": 2, "machines": ["m1"]},
                    {"id": "right", "runtimeInSeconds": 0},
                ],
                "machines": [{"nodeName": "m1", "cpu": {"coreCount": 8}}],
            },
        },
        **changes,
    }


def encode(run: Any) -> bytes:
    return orjson.dumps(run)


def write(folder: Path, name: str, run: Any) -> Path:
    path = folder / name
    path.write_bytes(run if isinstance(run, bytes) else encode(run))
    return path

"""Events that real engines sent, one JSON line each, in the order in which they came.

Facets that nothing reads were taken out, to keep the files small; values such as `hunter2` were planted, to see which
engines send secrets in the clear.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from execution_monitor.ingest.openlineage.events import read_event
from execution_monitor.ingest.openlineage.mapping import map_event
from execution_monitor.ingest.writer.facts import Clean, DocumentFacts, Facts

DATA = Path(__file__).parent / "data"
NAMES = sorted(path.stem for path in DATA.glob("*.jsonl"))


@cache
def capture(name: str) -> tuple[dict[str, Any], ...]:
    """The events of one run of a workflow and of all that hangs below it."""
    return tuple(orjson.loads(line) for line in (DATA / f"{name}.jsonl").read_bytes().splitlines())


def _keep(_: str, value: Any) -> Any:
    return value


def facts_of(events: Iterable[Mapping[str, Any]], clean: Clean = _keep, **options: Any) -> Facts:
    """What `events` report, as it is sent unless `clean` changes it."""
    facts = Facts(clean)
    for each in events:
        event = read_event(each)
        if event is not None:
            map_event(event, facts, **options)
    return facts


def document_of(facts: DocumentFacts) -> dict[str, Any]:
    """The fields of a document, without those that have no value."""
    fields = {name: value for register in facts.registers.values() for name, value in register.fields.items()}
    return {name: value for name, value in fields.items() if value is not None}


def documents_of(facts: Facts) -> dict[str, Any]:
    """All documents: executions, steps, log lines and runs."""
    return {
        "executions": {key: document_of(each) for key, each in facts.executions.items()},
        "steps": {key: document_of(each) for key, each in facts.steps.items()},
        "log_lines": {key: each.fields for key, each in facts.log_lines.items()},
        "runs": facts.runs,
    }

"""The rules of the setting `EXECUTION_MONITOR_INGEST_OTLP_ROOTS`: which traces become executions."""

import re

ALL, AGENTS, WORKFLOWS, JOBS = "all", "agents", "workflows", "jobs"
DEFAULT_ROOTS = (AGENTS, WORKFLOWS, JOBS)

_NAMES = frozenset({ALL, AGENTS, WORKFLOWS, JOBS})
_VALUE_OF_ATTRIBUTE = re.compile(r"[^=\s]+=.+")


def check_root(rule: str) -> None:
    """Raise `ValueError` where `rule` is none."""
    if rule not in _NAMES and not _VALUE_OF_ATTRIBUTE.fullmatch(rule):
        raise ValueError(
            f"{rule!r} is no rule; write {AGENTS}, {WORKFLOWS}, {JOBS}, {ALL}, or an attribute and its value, such as "
            "service.name=invoices."
        )

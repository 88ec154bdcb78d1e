"""Which traces become executions: those with a span that looks like part of a workflow or an agent.

Each span is judged by itself, and one that matches is enough for its trace, so that it does not matter in which order
spans arrive. Spans of a trace without one are kept aside for a while (`held.py`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from execution_monitor.ingest.otlp.attributes import Attributes
from execution_monitor.ingest.otlp.decoding import Origin
from execution_monitor.ingest.otlp.genai import concerns_a_model
from execution_monitor.ingest.otlp.root_rules import AGENTS, ALL, JOBS, WORKFLOWS
from execution_monitor.ingest.otlp.span import ReceivedSpan, SpanKind

# Attributes and scopes of workflow engines, and of pipelines in the conventions of OpenTelemetry.
_WORKFLOW_ATTRIBUTES = (
    *("workflow.", "cicd.pipeline.", "ci.pipeline.", "temporalWorkflowID", "airflow.", "dagster.", "prefect."),
    *("dbt.", "n8n.", "kestra.", "argo."),
)
_WORKFLOW_SCOPES = frozenset(
    {"airflow", "argo", "dagster", "dbos", "dbt", "hatchet", "inngest", "kestra", "n8n", "prefect", "restate"}
    | {"tekton", "temporal", "temporalio"}
)
# Libraries that make spans of what a program does anyway, such as opening a file; their roots are no jobs.
_INSTRUMENTATION = re.compile(
    r"@?opentelemetry[./]instrumentation|io\.opentelemetry\.|go\.opentelemetry\.io/contrib/", re.IGNORECASE
)
_FIRST_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Roots:
    """The rules of the setting `EXECUTION_MONITOR_INGEST_OTLP_ROOTS`.

    Attributes:
        takes_all: whether every trace becomes an execution.
    """

    takes_all: bool
    _agents: bool
    _workflows: bool
    _jobs: bool
    _values: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, rules: Iterable[str]) -> "Roots":
        """The rules by their names; see `root_rules.py`."""
        names = set(rules)
        values = tuple((key, value) for key, found, value in (each.partition("=") for each in sorted(names)) if found)
        return cls(ALL in names, AGENTS in names, WORKFLOWS in names, JOBS in names, values)

    def match(self, origin: Origin, span: ReceivedSpan) -> bool:
        """Whether `span` makes an execution of its trace."""
        if self.takes_all or self._has_value(span.attributes) or self._has_value(origin.resource):
            return True
        # A web request is none, whatever its handler does; the agent in it has a span of its own.
        if span.kind is SpanKind.SERVER:
            return False
        return (
            (self._agents and span.is_of_model)
            or (self._workflows and _is_of_an_engine(origin, span.attributes))
            or (self._jobs and _is_a_job(origin, span))
        )

    def match_record(self, origin: Origin, attributes: Attributes) -> bool:
        """Whether a log record with these attributes makes an execution of its trace."""
        return (
            self.takes_all
            or self._has_value(attributes)
            or self._has_value(origin.resource)
            or (self._agents and concerns_a_model(attributes))
            or (self._workflows and _is_of_an_engine(origin, attributes))
        )

    def _has_value(self, attributes: Attributes) -> bool:
        return bool(self._values) and any(
            key in attributes and fnmatchcase(str(attributes[key]), value) for key, value in self._values
        )


def _is_of_an_engine(origin: Origin, attributes: Attributes) -> bool:
    word = _FIRST_WORD.match(origin.scope.lower())
    if word is not None and word[0] in _WORKFLOW_SCOPES:
        return True
    return any(key.startswith(_WORKFLOW_ATTRIBUTES) for key in attributes)


def _is_a_job(origin: Origin, span: ReceivedSpan) -> bool:
    """Whether it is the root of a trace, and no side of a call: what a program does by itself."""
    return (
        span.is_root
        and span.kind in {SpanKind.INTERNAL, SpanKind.UNSPECIFIED}
        and not span.is_log
        and not _INSTRUMENTATION.match(origin.scope)
    )

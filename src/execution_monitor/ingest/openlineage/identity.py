"""Which execution, step and attempt an event of OpenLineage is about: a function of that event alone.

| event of | execution | step | attempt |
|---|---|---|---|
| a DAG, JOB, APPLICATION, FLOW or PIPELINE, or without a parent | its run | - | 1, and 1 for each clearing |
| an Airflow task | the parent's run | the job, and its map index beyond 0 | the try |
| dbt | the invocation | the job | 1 |
| Dagster | the parent's run | the job | 1 |
| Spark, or another engine whose parent is the root | the parent's run | its run | 1 |
| another engine, below a step of something else | its run | - | 1 |

The root is not the execution: that of a task in a triggered DAG is the DAG that triggered it. Nor is the parent always:
that of a query of dbt is its model. Nor is a run always a step: Dagster's sensor gives a step a new one whenever it
reads it again, and Airflow with every try.
"""

from dataclasses import dataclass

from execution_monitor.ingest.openlineage.events import AirflowDagRun, JobFacets, Parent, RunEvent, RunFacets
from execution_monitor.ingest.writer.facts import MAX_ATTEMPT

_WORKFLOWS = frozenset({"DAG", "JOB", "APPLICATION", "FLOW", "PIPELINE"})
# Single statements that a database runs for a task or a model.
_STATEMENTS = frozenset({"SQL", "QUERY"})
_NO_RUN_FACETS = RunFacets()
_NO_JOB_FACETS = JobFacets()
# As in the address of an integration: https://github.com/OpenLineage/OpenLineage/tree/1.38.0/integration/dagster.
_INTEGRATION = "/integration/"


@dataclass(frozen=True, slots=True)
class Identity:
    """What an event is about.

    Attributes:
        step_id: None where it is about the execution itself.
        parent_run_id: of an execution, the run that started it, which may be a step of another.
        engine: in lower case, such as `airflow`; None where it is not known.
        is_statement: whether it is one of the SQL statements of a step.
    """

    execution_id: str
    step_id: str | None = None
    attempt: int = 1
    parent_run_id: str | None = None
    engine: str | None = None
    is_statement: bool = False


def identify(event: RunEvent) -> Identity:
    """What `event` is about."""
    run, job = run_facets_of(event), job_facets_of(event)
    engine = _engine_of(event, run, job)
    job_type = (job.job_type.job_type if job.job_type else None) or ""
    parent = run.parent
    is_statement = job_type.upper() in _STATEMENTS and parent is not None
    if engine == "dbt" and run.dbt_run is not None:
        return _identify_dbt(event, run.dbt_run.invocation_id, parent, job_type.upper(), is_statement=is_statement)
    if parent is None or job_type.upper() in _WORKFLOWS:
        attempt = _attempt(1 + _times_cleared(run.airflow_dag_run))
        return Identity(event.run.run_id, None, attempt, parent.run_id if parent else None, engine)
    if engine == "airflow":
        return Identity(parent.run_id, *_airflow_step(event, run), engine=engine)
    if engine in ("dagster", "dbt"):
        return Identity(parent.run_id, event.job.name, engine=engine, is_statement=is_statement)
    if engine == "spark" or parent.root_run_id in (None, parent.run_id):
        return Identity(parent.run_id, event.run.run_id, engine=engine, is_statement=is_statement)
    # Its parent is itself a step, and steps have no steps.
    return Identity(event.run.run_id, None, 1, parent.run_id, engine, is_statement)


def run_facets_of(event: RunEvent) -> RunFacets:
    """The facets of the run, perhaps none."""
    return event.run.facets or _NO_RUN_FACETS


def job_facets_of(event: RunEvent) -> JobFacets:
    """The facets of the job, perhaps none."""
    return event.job.facets or _NO_JOB_FACETS


def airflow_step_id(job_name: str, map_index: int | None) -> str:
    """The step of a mapped task; the first has the id that its DAG declares for the task, before it is mapped."""
    return job_name if map_index is None or map_index <= 0 else f"{job_name}[{map_index}]"


def _identify_dbt(
    event: RunEvent, invocation_id: str, parent: Parent | None, job_type: str, *, is_statement: bool
) -> Identity:
    if parent is None or job_type == "JOB":
        return Identity(invocation_id, None, 1, parent.run_id if parent else None, "dbt")
    return Identity(invocation_id, event.job.name, engine="dbt", is_statement=is_statement)


def _airflow_step(event: RunEvent, run: RunFacets) -> tuple[str, int]:
    instance = run.airflow.task_instance if run.airflow else None
    if instance is None:
        return event.job.name, 1
    return airflow_step_id(event.job.name, instance.map_index), _attempt(instance.try_number or 1)


def _times_cleared(facet: AirflowDagRun | None) -> int:
    if facet is None or facet.dag_run is None:
        return 0
    return facet.dag_run.clear_number or 0


def _attempt(number: int) -> int:
    return min(max(1, number), MAX_ATTEMPT)


def _engine_of(event: RunEvent, run: RunFacets, job: JobFacets) -> str | None:
    if job.job_type is not None and job.job_type.integration:
        return job.job_type.integration.lower()
    _, found, name = (event.producer or "").rpartition(_INTEGRATION)
    if found and name:
        return name.partition("/")[0].lower()
    if run.processing_engine is not None and run.processing_engine.name:
        return run.processing_engine.name.lower()
    return None

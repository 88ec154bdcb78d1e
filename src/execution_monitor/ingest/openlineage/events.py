"""OpenLineage run events, as far as they are used: unknown facets, and those that are not valid, are passed over.

The models of the OpenLineage client cannot be made from the JSON that it sends.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import (
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.alias_generators import to_camel

from execution_monitor.errors import BadUserInput

# Clocks differ by minutes. A day off is a mistake, and its execution would stand on top of every list for as long.
_MAX_AHEAD = timedelta(days=1)
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


def _or_none(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """The value, or None where it is not valid: a facet that is not as it should be costs no event."""
    if value is None:
        return None
    try:
        return handler(value)
    except ValidationError:
        return None


def _read_time(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("it must be a time as text, such as 2026-11-28T04:53:26.230Z")  # noqa: TRY004 - for pydantic
    time = datetime.fromisoformat(value)
    # Old clients send the time of UTC without saying so.
    try:
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it is not between the years 1 and 9999 in UTC") from error
    # Stored to the millisecond.
    return time.replace(microsecond=time.microsecond // 1_000 * 1_000)


Facet = Annotated[T | None, WrapValidator(_or_none)]
Text = Facet[str]
Time = Annotated[datetime, BeforeValidator(_read_time)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _CamelModel(_Model):
    model_config = ConfigDict(alias_generator=to_camel)


class JobName(_Model):
    """The name of a job in its namespace."""

    namespace: Text = None
    name: Text = None


class Parent(_Model):
    """The run that started this one, and the one at the root of them all."""

    run_id: Annotated[str, Field(validation_alias=AliasPath("run", "runId"))]
    job: Facet[JobName] = None
    root_run_id: Annotated[Text, Field(validation_alias=AliasPath("root", "run", "runId"))] = None


class ErrorMessage(_CamelModel):
    """Why a run failed."""

    message: str
    stack_trace: Text = None


class Tag(_Model):
    """A tag of a job or a run; `source` is who gave it."""

    key: str
    value: Text = None
    source: Text = None


class Tags(_Model):
    """The tags of a job or a run."""

    tags: list[Facet[Tag]]


class JobType(_CamelModel):
    """What kind of job it is, in the words of its integration: `AIRFLOW`, `TASK`."""

    integration: Text = None
    job_type: Text = None


class ProcessingEngine(_Model):
    """The engine that runs it."""

    name: Text = None


class DagRun(_Model):
    """A run of an Airflow DAG."""

    run_id: Text = None
    dag_id: Text = None
    conf: Any = None
    triggered_by: Text = None
    run_type: Text = None
    clear_number: Facet[int] = None
    logical_date: Text = None
    run_after: Text = None


class AirflowDagRun(_Model):
    """What Airflow says of a run of a DAG, in the events of the DAG."""

    dag_run: Annotated[Facet[DagRun], Field(validation_alias="dagRun")] = None


class TaskInstance(_Model):
    """An attempt of an Airflow task, perhaps one of several that the task is mapped to."""

    try_number: Facet[int] = None
    map_index: Facet[int] = None


class Task(_Model):
    """An Airflow task; the ids are a list in the syntax of Python."""

    task_id: Text = None
    operator_class: Text = None
    upstream_task_ids: Text = None


class Airflow(_Model):
    """What Airflow says of a task, in the events of the task."""

    dag_run: Annotated[Facet[DagRun], Field(validation_alias="dagRun")] = None
    task: Facet[Task] = None
    task_instance: Annotated[Facet[TaskInstance], Field(validation_alias="taskInstance")] = None


class AirflowState(_CamelModel):
    """The states of all tasks when a DAG run ends, by task id; it does not always come."""

    tasks_state: Mapping[str, Text]


class DeclaredTask(_Model):
    """A task of a DAG, in the event of the DAG's start."""

    operator: Text = None
    downstream_task_ids: Facet[list[str]] = None
    emits_ol_events: bool = True


class DeclaredTasks(_Model):
    """All tasks of a DAG by task id, in the event of its start."""

    tasks: Mapping[str, DeclaredTask]


class DbtRun(_Model):
    """An invocation of dbt."""

    invocation_id: str


class DbtNode(_Model):
    """A model, test, seed or snapshot of dbt."""

    alias: Text = None


class RunFacets(_Model):
    """What is known of a run."""

    parent: Facet[Parent] = None
    error_message: Annotated[Facet[ErrorMessage], Field(validation_alias="errorMessage")] = None
    tags: Facet[Tags] = None
    processing_engine: Facet[ProcessingEngine] = None
    airflow: Facet[Airflow] = None
    airflow_dag_run: Annotated[Facet[AirflowDagRun], Field(validation_alias="airflowDagRun")] = None
    airflow_state: Annotated[Facet[AirflowState], Field(validation_alias="airflowState")] = None
    dbt_run: Facet[DbtRun] = None


class JobFacets(_Model):
    """What is known of a job."""

    job_type: Annotated[Facet[JobType], Field(validation_alias="jobType")] = None
    tags: Facet[Tags] = None
    airflow: Facet[DeclaredTasks] = None
    dbt_node: Facet[DbtNode] = None


class Run(_CamelModel):
    """One run of a job."""

    run_id: Annotated[str, Field(min_length=1)]
    facets: Facet[RunFacets] = None


class Job(_Model):
    """What runs."""

    namespace: str
    name: Annotated[str, Field(min_length=1)]
    facets: Facet[JobFacets] = None


class Assertion(_Model):
    """A check of data, such as a test of dbt."""

    assertion: Text = None
    name: Text = None
    column: Text = None
    success: bool = True
    expected: Text = None
    actual: Text = None


class Dataset(_Model):
    """What a run reads or writes."""

    namespace: str
    name: str
    assertions: Annotated[
        Facet[list[Facet[Assertion]]],
        Field(validation_alias=AliasPath("inputFacets", "dataQualityAssertions", "assertions")),
    ] = None


class RunEvent(_CamelModel):
    """What happened to a run, and when."""

    event_time: Time
    event_type: Text = None
    producer: Text = None
    run: Run
    job: Job
    inputs: Facet[list[Facet[Dataset]]] = None
    outputs: Facet[list[Facet[Dataset]]] = None


def read_event(decoded: Any) -> RunEvent | None:
    """The run event that decoded JSON holds; None for an event about a job or a dataset without a run.

    Raises:
        BadUserInput: it is no event of OpenLineage, or its time is not possible.
    """
    if not isinstance(decoded, dict):
        raise BadUserInput("An event must be a JSON object, as OpenLineage's RunEvent is.")
    if "run" not in decoded and ("job" in decoded or "dataset" in decoded):
        return None
    try:
        event = RunEvent.model_validate(decoded)
    except ValidationError as error:
        raise BadUserInput(_describe(error)) from error
    if not _EARLIEST <= event.event_time <= datetime.now(UTC) + _MAX_AHEAD:
        raise BadUserInput("eventTime is before 1970, or more than a day ahead; set the clock of the sender.")
    return event


def _describe(error: ValidationError) -> str:
    # Without what was sent, which may be a secret.
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(each) for each in first["loc"]) or "The event"
    return f"{place}: {first['msg']}; an event needs eventTime, run.runId, job.namespace and job.name."

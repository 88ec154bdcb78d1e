"""Strawberry with Beanie as documented: types, a resolver that reads documents, the stock ASGI app."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import jwt
import strawberry
from beanie import Document, init_beanie  # pyright: ignore[reportUnknownVariableType] - a database of any documents
from pydantic import BaseModel
from pymongo import AsyncMongoClient
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader


class Stage(BaseModel):
    current_step: int
    total_steps: int
    percentage: float


class Run(Document):
    execution_id: str
    execution_name: str | None = None
    workflow_name: str
    status: str
    created: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    total_duration: float | None = None
    progress: Stage
    user_id: str
    tenant_id: str
    triggered_by: str | None = None
    attempt: int = 1

    class Settings:
        name = "workflow_executions"


class RunStep(Document):
    execution_id: str
    tenant_id: str
    step_id: str
    step_name: str
    step_index: int
    status: str
    attempt: int = 1

    class Settings:
        name = "workflow_step_executions"


@strawberry.enum
class ExecutionStatus(Enum):
    COMPLETED = "completed"
    FAILED = "failed"
    RUNNING = "running"


@strawberry.type
class Progress:
    current_step: int
    total_steps: int
    percentage: float


@strawberry.type
class Step:
    step_id: str
    name: str
    status: ExecutionStatus
    attempt: int


@strawberry.type
class StepConnection:
    nodes: list[Step]


@strawberry.type
class Execution:
    execution_id: str
    name: str | None
    workflow_name: str
    status: ExecutionStatus
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    duration_seconds: float | None
    progress: Progress
    user_id: str
    triggered_by: str | None
    attempt: int
    tenant: strawberry.Private[str]

    @strawberry.field
    async def steps(self, info: strawberry.Info, first: int) -> StepConnection:
        found = await info.context["steps"].load((self.tenant, self.execution_id))
        return StepConnection(nodes=found[:first])


@strawberry.type
class PageInfo:
    has_next_page: bool


@strawberry.type
class ExecutionConnection:
    nodes: list[Execution]
    page_info: PageInfo


@strawberry.input
class ExecutionStatusFilter:
    eq: ExecutionStatus


@strawberry.input
class ExecutionFilter:
    status: ExecutionStatusFilter


def _utc(value: datetime | None) -> Any:
    return value and value.replace(tzinfo=UTC)


def _to_type(run: Run) -> Execution:
    return Execution(
        execution_id=run.execution_id,
        name=run.execution_name,
        workflow_name=run.workflow_name,
        status=ExecutionStatus(run.status),
        created_at=_utc(run.created),
        started_at=_utc(run.started_at),
        completed_at=_utc(run.completed_at),
        duration_seconds=run.total_duration,
        progress=Progress(**run.progress.model_dump()),
        user_id=run.user_id,
        triggered_by=run.triggered_by,
        attempt=run.attempt,
        tenant=run.tenant_id,
    )


async def _load_steps(keys: list[tuple[str, str]]) -> list[list[Step]]:
    ids = [execution_id for _, execution_id in keys]
    where: dict[str, Any] = {"tenant_id": keys[0][0], "execution_id": {"$in": ids}}
    found: dict[str, list[Step]] = {each: [] for each in ids}
    async for each in RunStep.find(where).sort("execution_id", "step_index", "_id"):
        status = ExecutionStatus(each.status)
        step = Step(step_id=each.step_id, name=each.step_name, status=status, attempt=each.attempt)
        found[each.execution_id].append(step)
    return [found[each] for each in ids]


@strawberry.type
class Query:
    @strawberry.field
    async def executions(self, info: strawberry.Info, filter: ExecutionFilter, first: int) -> ExecutionConnection:  # noqa: A002 - the API's name
        request: HTTPConnection = info.context["request"]
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, os.environ["BENCH_SECRET"], algorithms=["HS256"])  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's
        where: dict[str, Any] = {
            "tenant_id": claims["tenant_id"],
            "user_id": claims["sub"],
            "status": filter.status.eq.value,
        }
        runs = await Run.find(where).sort("-created", "-_id").limit(first + 1).to_list()
        nodes = [_to_type(run) for run in runs[:first]]
        return ExecutionConnection(nodes=nodes, page_info=PageInfo(has_next_page=len(runs) > first))


@asynccontextmanager
async def _bound(_: Starlette) -> AsyncGenerator[None]:
    async with AsyncMongoClient[dict[str, Any]](os.environ["BENCH_URI"]) as mongo:
        await init_beanie(mongo[os.environ["BENCH_DATABASE"]], document_models=[Run, RunStep])
        yield


class _Stock(GraphQL[Any, None]):
    async def get_context(self, request: Any, response: Any) -> Any:
        context = await super().get_context(request, response)
        return {**context, "steps": DataLoader(_load_steps)}


def create_app() -> Starlette:
    """The stock server over the database that the environment names."""
    app = Starlette(lifespan=_bound)
    app.add_route("/graphql", _Stock(strawberry.Schema(Query)))  # pyright: ignore[reportArgumentType] - an ASGI application, as documented
    return app

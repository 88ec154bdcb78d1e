"""The floor: the list written by hand for this one query, and nothing else.

Starlette, PyMongo's async client and orjson; like the server, it verifies the token and returns the caller's own
executions alone.
"""

import os
from datetime import datetime
from typing import Any

import jwt
import orjson
from pymongo import AsyncMongoClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FIELDS = (
    "execution_id execution_name workflow_name status created started_at completed_at total_duration progress "
    "user_id triggered_by attempt"
)
_PROJECTION = {"_id": 0} | dict.fromkeys(_FIELDS.split(), 1)
_STEP_PROJECTION = {"_id": 0} | dict.fromkeys(("execution_id", "step_id", "step_name", "status", "attempt"), 1)
_STEPS = 10


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="milliseconds") + "+00:00"


def _node(row: dict[str, Any]) -> dict[str, Any]:
    progress = row["progress"]
    return {
        "executionId": row["execution_id"],
        "name": row.get("execution_name"),
        "workflowName": row["workflow_name"],
        "status": row["status"].upper(),
        "createdAt": _time(row["created"]),
        "startedAt": _time(row.get("started_at")),
        "completedAt": _time(row.get("completed_at")),
        "durationSeconds": row.get("total_duration"),
        "progress": {
            "currentStep": progress["current_step"],
            "totalSteps": progress["total_steps"],
            "percentage": progress["percentage"],
        },
        "userId": row["user_id"],
        "triggeredBy": row.get("triggered_by"),
        "attempt": row["attempt"],
    }


def _step(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "stepId": row["step_id"],
        "name": row["step_name"],
        "status": row["status"].upper(),
        "attempt": row["attempt"],
    }


def create_app() -> Starlette:
    """The floor over the database that the environment names."""
    secret = os.environ["BENCH_SECRET"]
    mongo = AsyncMongoClient[dict[str, Any]](os.environ["BENCH_URI"])
    database = mongo[os.environ["BENCH_DATABASE"]]
    executions, steps = database["workflow_executions"], database["workflow_step_executions"]

    async def add_steps(tenant: str, nodes: list[dict[str, Any]]) -> None:
        where = {"tenant_id": tenant, "execution_id": {"$in": [node["executionId"] for node in nodes]}}
        order = [("execution_id", 1), ("step_index", 1), ("_id", 1)]
        of_execution: dict[str, list[dict[str, Any]]] = {node["executionId"]: [] for node in nodes}
        for row in await steps.find(where, _STEP_PROJECTION, batch_size=10_000).sort(order).to_list():
            of_execution[row["execution_id"]].append(row)
        for node in nodes:
            node["steps"] = {"nodes": list(map(_step, of_execution[node["executionId"]][:_STEPS]))}

    async def answer(request: Request) -> Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, secret, algorithms=["HS256"], options={"require": ["exp", "sub"]})  # pyright: ignore[reportUnknownMemberType] - its key types are cryptography's
        body = orjson.loads(await request.body())
        variables = body["variables"]
        first = variables["first"]
        where = {"tenant_id": claims["tenant_id"], "user_id": claims["sub"], "status": variables["status"].lower()}
        found = executions.find(where, _PROJECTION, batch_size=first + 2).sort([("created", -1), ("_id", -1)])
        read = await found.limit(first + 1).to_list()
        nodes = list(map(_node, read[:first]))
        if "steps" in body["query"]:
            await add_steps(claims["tenant_id"], nodes)
        connection = {"nodes": nodes, "pageInfo": {"hasNextPage": len(read) > first}}
        return Response(orjson.dumps({"data": {"executions": connection}}), media_type="application/json")

    return Starlette(routes=[Route("/graphql", answer, methods=["POST"])])

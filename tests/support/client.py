"""Operations over a real socket, and documents to ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from execution_monitor.storage.documents import Execution, LogEntry, Step, collection_of

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def data(self) -> Any:
        assert "errors" not in self.body, self.body["errors"]
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]

    @property
    def message(self) -> str:
        (error,) = self.body["errors"]
        return error["message"]


async def ask(server: str, token: str | None, query: str, **variables: Any) -> Answer:
    headers = {"accept": "application/graphql-response+json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    async with httpx2.AsyncClient(timeout=30) as client:
        response = await client.post(
            f"{server}/graphql", json={"query": query, "variables": variables}, headers=headers
        )
    return Answer(response.status_code, response.json(), response.headers)


def execution(number: int, **fields: Any) -> dict[str, Any]:
    """The `number`th execution of ada of acme, a second younger than the one before."""
    return {
        "execution_id": f"e{number:03}",
        "tenant_id": "acme",
        "user_id": "ada",
        "workflow_name": "etl",
        "status": "completed",
        "created": NOON + timedelta(seconds=number),
        "updated": NOON + timedelta(seconds=number),
        **fields,
    }


async def store(*executions: dict[str, Any]) -> None:
    await collection_of(Execution).insert_many([dict(each) for each in executions])


async def store_parts(execution_id: str, count: int, tenant: str = "acme") -> None:
    """`count` steps and log lines of one execution."""
    common = {"execution_id": execution_id, "tenant_id": tenant}
    await collection_of(Step).insert_many(
        [
            {**common, "step_id": f"s{index}", "step_name": f"Step {index}", "step_index": index, "created": NOON}
            | {"status": "completed", "input_data": {"secret": index}, "result": {"secret": index}}
            for index in range(count)
        ]
    )
    levels = ("debug", "info", "warning", "error")
    await collection_of(LogEntry).insert_many(
        [
            {**common, "timestamp": NOON + timedelta(seconds=index), "message": f"Line {index}"}
            | {"level": levels[index % len(levels)], "step_id": f"s{index}"}
            for index in range(count)
        ]
    )


def ids(connection: Any) -> list[str]:
    return [node["executionId"] for node in connection["nodes"]]

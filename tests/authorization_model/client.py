"""Requests of the model: GraphQL in this process on both of its execution paths, and REST over a socket."""

from typing import Any

import httpx2
import orjson
from graphql import ExecutionResult, execute_root_selection_set  # pyright: ignore[reportUnknownVariableType]

from execution_monitor.executions.services import Monitor
from execution_monitor.graphql.compiled.compiler import Compiler
from execution_monitor.graphql.compiled.fields import NotCompilable
from execution_monitor.graphql.context import Context
from execution_monitor.graphql.errors import to_client_errors
from execution_monitor.graphql.schema import create_schema
from execution_monitor.graphql.validation.operation import OperationValidator
from execution_monitor.graphql.validation.request import GraphQLRequest
from execution_monitor.ingest.service import Ingest
from execution_monitor.live.service import Live
from execution_monitor.statistics.live.service import LiveStatistics
from execution_monitor.statistics.service import Statistics
from tests.authorization_model.reference import Person

SCHEMA = create_schema()


class Client:
    """Sends the requests of people."""

    def __init__(
        self, monitor: Monitor, live: Live, statistics: LiveStatistics, ingest: Ingest, client: httpx2.AsyncClient
    ) -> None:
        self.statistics = statistics
        self._monitor, self._ingest, self._client, self._compiler = monitor, ingest, client, Compiler(SCHEMA)
        self._validator = OperationValidator(SCHEMA, max_cost=10_000)
        self.live = live
        self.compiled = 0

    async def execute(self, who: Person, text: str, **variables: Any) -> list[Any]:
        """The response of graphql-core, followed by that of a compiled plan where there is one."""
        question = self._validator.validate(GraphQLRequest(text, None, variables))
        responses: list[Any] = []
        for compiled in (False, True):
            sums = Statistics(self._monitor.executions.reader)
            context = Context(who.caller, self._monitor, self.live, reports=self._ingest, sums=sums)
            try:
                if compiled:
                    result: Any = await self._compiler.execute(question, context)
                    self.compiled += 1
                else:
                    executor = question.build_executor()
                    executor.context_value = context
                    running: Any = execute_root_selection_set(executor)
                    result = running if isinstance(running, ExecutionResult) else await running
            except NotCompilable:
                continue
            body = {"data": result.data, "errors": to_client_errors(result.errors or [])}
            responses.append(orjson.loads(orjson.dumps(body)))
        return responses

    async def get(self, who: Person, path: str, **query: Any) -> httpx2.Response:
        """The response of REST."""
        return await self._client.get(path, params=query, headers={"authorization": f"Bearer {who.token}"})

"""The execution plan of a query: its root fields, resolved concurrently."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from graphql import ExecutionResult, GraphQLError, GraphQLNonNull, located_error

from execution_monitor.auth.caller import Scope
from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.graphql.compiled.fields import Arguments, NotCompilable
from execution_monitor.graphql.compiled.root_fields import ChildFailed, CountFailed, RootField, RootResolver
from execution_monitor.graphql.context import Context


@dataclass(frozen=True, slots=True)
class ExecutionPlan:
    """The root fields of a query, for all variables with which it selects the same.

    `scopes` are those of all its fields; for a caller without one of them graphql-core runs the query, and places the
    error.
    """

    roots: tuple[RootField, ...]
    scopes: frozenset[Scope]

    def bind(self, arguments: Arguments) -> tuple[RootResolver, ...]:
        """The resolvers of the root fields with these `arguments`.

        Raises:
            ExecutionMonitorError: the arguments of the only root field are refused.
            NotCompilable: those of one of several are, or graphql-core cannot coerce them.
        """
        try:
            return tuple(each.bind(arguments) for each in self.roots)
        except ExecutionMonitorError as error:
            if len(self.roots) == 1:
                raise
            raise NotCompilable from error
        except GraphQLError as error:
            raise NotCompilable from error

    async def run(self, resolvers: Sequence[RootResolver], context: Context) -> ExecutionResult:
        """The result for the caller of `context`.

        Raises:
            NotCompilable: an error occurred that only graphql-core can place.
        """
        if len(resolvers) == 1:
            return await self._run_one(resolvers[0], context)
        found = await asyncio.gather(*(resolve(context) for resolve in resolvers), return_exceptions=True)
        # Which of several errors the response has is up to graphql-core.
        if any(isinstance(each, BaseException) for each in found):
            raise NotCompilable
        return ExecutionResult(dict(zip((each.field.key for each in self.roots), found, strict=True)))

    async def _run_one(self, resolve: RootResolver, context: Context) -> ExecutionResult:
        try:
            return ExecutionResult({self.roots[0].field.key: await resolve(context)})
        except ChildFailed as error:
            raise NotCompilable from error
        except CountFailed as failed:
            path = [self.roots[0].field.key, failed.field.key]
            return ExecutionResult(None, [located_error(failed.error, failed.field.nodes, path)])
        except Exception as error:  # noqa: BLE001 - it becomes an error of the response, masked unless a client's
            return self.fail(error)

    def fail(self, error: Exception) -> ExecutionResult:
        """The result when the only root field fails with `error` (GraphQL, section 6.4.4)."""
        root = self.roots[0].field
        located = located_error(error, root.nodes, [root.key])
        return ExecutionResult(None if isinstance(root.type, GraphQLNonNull) else {root.key: None}, [located])

"""A compiled operation: its root fields, read side by side."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from graphql import ExecutionResult, GraphQLError, GraphQLNonNull, located_error

from execution_monitor.auth.caller import Scope
from execution_monitor.errors import ExecutionMonitorError
from execution_monitor.graphql.compiled.arguments import Arguments
from execution_monitor.graphql.compiled.fields import NotCompilable
from execution_monitor.graphql.compiled.root_fields import Ask, ChildFailed, CountFailed, Root
from execution_monitor.graphql.context import Context


@dataclass(frozen=True, slots=True)
class ExecutionPlan:
    """The root fields of an operation, ready to be asked with any variables that select the same."""

    roots: tuple[Root, ...]
    scopes: frozenset[Scope]  # of all fields; whoever lacks one has graphql-core say of which

    def prepare(self, arguments: Arguments) -> tuple[Ask, ...]:
        """Resolvers of each root field for `arguments`; raises why the only one is refused, else `NotCompilable`."""
        try:
            return tuple(each.prepare(arguments) for each in self.roots)
        except ExecutionMonitorError as error:
            if len(self.roots) == 1:
                raise
            raise NotCompilable from error
        except GraphQLError as error:
            raise NotCompilable from error

    async def run(self, asks: Sequence[Ask], context: Context) -> ExecutionResult:
        """The answer for the caller of `context`; raises `NotCompilable` where graphql-core must give it."""
        if len(asks) == 1:
            return await self._run_one(asks[0], context)
        found = await asyncio.gather(*(ask(context) for ask in asks), return_exceptions=True)
        # Which of several errors are told is graphql-core's to say.
        if any(isinstance(each, BaseException) for each in found):
            raise NotCompilable
        return ExecutionResult(dict(zip((each.field.key for each in self.roots), found, strict=True)))

    async def _run_one(self, ask: Ask, context: Context) -> ExecutionResult:
        try:
            return ExecutionResult({self.roots[0].field.key: await ask(context)})
        except ChildFailed as error:
            raise NotCompilable from error
        except CountFailed as failed:
            path = [self.roots[0].field.key, failed.field.key]
            return ExecutionResult(None, [located_error(failed.error, failed.field.nodes, path)])
        except Exception as error:  # noqa: BLE001 - it becomes an error of the answer, masked where it is not a client's
            return self.refuse(error)

    def refuse(self, error: Exception) -> ExecutionResult:
        """The answer when the one root field fails with `error` (GraphQL, section 6.4.4)."""
        root = self.roots[0].field
        located = located_error(error, root.nodes, [root.key])
        return ExecutionResult(None if isinstance(root.type, GraphQLNonNull) else {root.key: None}, [located])

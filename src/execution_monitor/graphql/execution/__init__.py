"""Runs operations: compiled where there is a plan, else in graphql-core; renders events as payloads.

`executor` is an `OperationExecutor`:

    executable = await executor.prepare(GraphQLRequest("{ viewer { userId } }"), caller, origin)
    payload = await executor.execute(executable)  # b'{"data":{"viewer":{"userId":"ada"}},...}'
    async for payload in await executor.stream(executable):
        ...  # one for a query, one an event for a subscription
"""

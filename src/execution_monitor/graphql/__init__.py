"""The GraphQL API: schema, validation, execution and transports.

    schema = create_schema()
    executor = OperationExecutor(schema, monitor, live, observers, max_cost=10_000, ...)
    executable = await executor.prepare(GraphQLRequest("{ executions { totalCount } }"), caller, origin)
    payload = await executor.execute(executable)  # bytes of JSON

The object types are in `types`, the input types in `inputs`, the root fields in `schema` and `subscriptions`.
"""

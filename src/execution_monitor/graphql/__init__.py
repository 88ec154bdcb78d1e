"""The GraphQL API: schema, validation, execution and transports.

    services = Services.from_settings(settings, read_filter).requests
    executor = OperationExecutor(create_schema(), services, max_cost=10_000, documents=AnyDocument())
    executable = await executor.prepare(GraphQLRequest("{ executions { totalCount } }"), caller, origin)
    payload = await executor.execute(executable)  # bytes of JSON

The object types are in `types`, the input types in `inputs`, the root fields in `schema` and `subscriptions`.
"""

"""OpenTelemetry traces of requests, operations and commands to MongoDB; needs the extra `tracing`.

Example:
    tracing = load_tracing("http://localhost:4318/v1/traces")
    database = Database.at(uri, "monitor", [tracing.commands])
    observers = Observers(tracing.operations)
    async with tracing:
        await serve(tracing.around(application))
"""

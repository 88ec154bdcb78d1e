"""OpenTelemetry traces of requests, operations and commands to MongoDB; only with the extra `tracing`."""

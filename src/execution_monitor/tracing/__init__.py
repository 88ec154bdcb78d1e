"""OpenTelemetry traces of requests, operations and what MongoDB is asked for; only with the extra `tracing`."""

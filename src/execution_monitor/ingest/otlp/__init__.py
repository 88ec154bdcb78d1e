"""OpenTelemetry: traces become executions and spans their steps, over OTLP/HTTP."""

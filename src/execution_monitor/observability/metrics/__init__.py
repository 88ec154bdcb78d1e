"""Metrics for Prometheus, in a registry of each application's own."""

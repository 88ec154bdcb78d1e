"""Alerts: rules that watch the executions which their owner may see, and tell people where they are needed."""

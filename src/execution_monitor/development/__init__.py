"""Conveniences of one's own machine: an embedded MongoDB, a demo, made-up executions. The server imports none of it."""

"""From a request to an operation that may run: read, parsed, validated, its cost known."""

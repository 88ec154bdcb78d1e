"""Whose executions are, and whose tokens, where a command names no one else; they are of the demo, too."""

TENANT = "acme"
OWNER = "ada"

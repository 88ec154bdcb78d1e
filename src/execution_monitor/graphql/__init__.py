"""The GraphQL API: its schema, how operations are validated and run, and the transports that carry them."""

"""How GraphQL clients ask."""

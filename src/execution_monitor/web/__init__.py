"""How else it is served: REST, health."""

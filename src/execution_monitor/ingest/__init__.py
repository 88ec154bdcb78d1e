"""How engines tell what ran."""

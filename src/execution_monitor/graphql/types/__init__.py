"""The types of the schema: each is how it looks, and how it is read."""

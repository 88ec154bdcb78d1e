"""Filters and sort orders as clients write them, and what they mean in the filter language."""

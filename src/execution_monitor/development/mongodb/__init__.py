"""A MongoDB of one's own: found or fetched, run, and shared by processes."""

"""Live updates: one change stream per process, fanned out to its subscribers."""

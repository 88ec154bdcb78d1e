"""Live updates: one change stream a process, fanned out to its subscribers."""

"""Recorded runs of workflow engines: imported from files, or replayed as if they ran now."""

"""Rollups: sums of executions by time and value that the feeder keeps up to date, so that no answer reads millions."""

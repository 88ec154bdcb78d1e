"""Executions, their steps and log lines: listed, fetched and counted as one caller may see them."""

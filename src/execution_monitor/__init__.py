"""Execution Monitor: every workflow run, live, through GraphQL, and never a run you may not see."""

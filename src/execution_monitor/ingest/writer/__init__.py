"""Stores what engines report: in any order, any number of times, from any number of processes, with the same result.

facts = ingest.begin()
facts.execution("run-1").outcome(ExecutionStatus.RUNNING, at=now)
await ingest.store(caller, facts)
"""
